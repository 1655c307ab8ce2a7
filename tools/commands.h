// SPDX-License-Identifier: Apache-2.0
// The words of the `upline` command, one function each in a file of its name, and what they are asked.
// main.cc reads the command line into these. Each returns the exit code: 0 done, 1 a negative answer, 2 could not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "events/event_log.h"

namespace upline {

struct LogArgs {
    std::string url;
    std::vector<std::pair<std::string, std::string>> properties;  // -X key=value
};

struct DemoArgs {
    std::string keep;  // a folder to leave the log and the ledger in; empty: a temporary one
};
int demo(const DemoArgs& args);

struct ProduceArgs {
    LogArgs log;
    std::string file = "-";
    bool skip_bad_lines = false;
    bool map_ids_to_uuid5 = false;
    uint32_t partitions = 0;  // of a log made by this; 0: an embedded one gets one partition, a topic must exist
    bool json = false;
};
int produce(const ProduceArgs& args);

struct RunArgs {
    LogArgs log;
    std::string data;
    bool once = false;
    std::string key;                   // signs checkpoints; empty: none are signed
    uint32_t checkpoint_seconds = 60;  // at most so often
    std::vector<uint32_t> partitions;  // empty: all
    size_t batch_records = 65'536;
    bool json = false;
};
int run(const RunArgs& args);

struct ReplayArgs {
    LogArgs log;
    std::string data;     // a new folder
    std::string compare;  // a folder to compare with; empty: none
    bool json = false;
};
int replay(const ReplayArgs& args);

struct VerifyArgs {
    std::string data;
    std::vector<std::string> vkeys;  // verifier lines, or files of them
    std::vector<std::string> since;  // files of earlier checkpoints
    LogArgs log;                     // empty url: without
    bool json = false;
};
int verify(const VerifyArgs& args);

struct ExportArgs {
    std::string what;  // balances, entries, payouts, sites
    std::string data;
    bool csv = false;
};
int export_rows(const ExportArgs& args);

struct ShowArgs {
    std::string what;  // user, transaction, website, payout, head
    std::string id;
    std::string program = "default";
    std::string data;
    bool json = false;
};
int show(const ShowArgs& args);

// Times are RFC 3339 with Z, or UTC days.
struct StatementArgs {
    std::string user;
    std::string program = "default";
    std::string currency;  // empty: all
    std::string from;      // empty: from the first entry
    std::string to;        // empty: to the last
    std::string data;
    bool csv = false;
    bool json = false;
};
int statement(const StatementArgs& args);

struct ExplainArgs {
    std::string transaction;
    std::string program = "default";
    std::string data;
    bool json = false;
};
int explain(const ExplainArgs& args);

struct BalancesArgs {
    std::string as_of;       // a time, an entry's number, or empty: as of now
    std::string user;        // empty: all
    std::string program;     // empty: all
    int64_t partition = -1;  // of an entry's number; -1: the only one
    std::string data;
    bool csv = false;
};
int balances(const BalancesArgs& args);

struct RevenueArgs {
    std::vector<std::string> by;  // stream, source, program, day, month
    std::string program;          // empty: all
    std::string currency;         // empty: all
    std::string from;             // a UTC day; empty: from the first
    std::string to;               // a UTC day, not included; empty: to the last
    std::string data;
    std::string format = "text";  // jsonl, csv
};
int revenue(const RevenueArgs& args);

struct KeyNewArgs {
    std::string name;
    std::string out;
    uint32_t partitions = 1;  // how many verifier lines
    bool witness = false;
};
int key_new(const KeyNewArgs& args);

struct CheckpointArgs {
    std::string data;
    std::string key;         // empty: only show
    int64_t partition = -1;  // -1: all
    bool list = false;
    bool json = false;
};
int checkpoint(const CheckpointArgs& args);

struct ProveArgs {
    std::string what;  // entry, transaction, user-line, balance, consistency
    std::string id;
    std::string user;  // of a user-line
    std::string program = "default";
    std::string currency;  // of a balance; empty: the only one
    int64_t partition = -1;
    std::string data;
    std::string out;  // empty: standard output
};
int prove(const ProveArgs& args);

struct CheckArgs {
    std::string file;
    std::vector<std::string> vkeys;
    std::vector<std::string> witness_vkeys;  // all of them must have cosigned
    std::string since;                       // the earlier checkpoint of a consistency proof
    bool json = false;
};
int check(const CheckArgs& args);

struct PublishArgs {
    std::string dir;
    std::string data;
    std::string key;  // sign first; empty: publish what was signed last
    bool hashes_only = false;
    bool json = false;
};
int publish(const PublishArgs& args);

struct CosignArgs {
    std::string data;
    std::string url;
    std::vector<std::string> vkeys;  // of the witness
    int64_t partition = -1;
};
int cosign(const CosignArgs& args);

struct WitnessArgs {
    std::string key;
    std::vector<std::string> logs;  // verifier lines, or files of them
    std::string state;
    std::string listen = "127.0.0.1:7380";
};
int witness(const WitnessArgs& args);

// What the four words of `payouts` have in common.
struct PayoutsArgs {
    std::string data;
    std::string program;   // empty: all
    std::string currency;  // empty: all
    std::string at;        // RFC 3339; empty: now
    bool json = false;
};

struct PayoutsPlanArgs : PayoutsArgs {
    std::string user;        // of `program`, or of the default one; empty: all
    bool everybody = false;  // also those who are not due
};
int payouts_plan(const PayoutsPlanArgs& args);

struct PayoutsRequestArgs : PayoutsArgs {
    LogArgs log;
    std::string run;
    std::string method;
    bool dry_run = false;
    bool allow_lag = false;
};
int payouts_request(const PayoutsRequestArgs& args);

struct PayoutsFileArgs : PayoutsArgs {
    LogArgs log;  // empty url: without
    bool rest = false;
    std::string run;
    std::string format;  // pain.001, csv
    std::string payees;
    std::string debtor;  // of pain.001 only
    std::string out;
    std::string execution_date;  // YYYY-MM-DD; empty: the day of the run's last request
};
int payouts_file(const PayoutsFileArgs& args);

struct PayoutsSettleArgs : PayoutsArgs {
    LogArgs log;
    std::string file;
    bool allow_lag = false;
};
int payouts_settle(const PayoutsSettleArgs& args);

}  // namespace upline
