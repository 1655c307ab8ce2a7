// SPDX-License-Identifier: Apache-2.0
// `upline export`, `show`, `statement`, `explain`, `rejected`, `balances` and `revenue`: what each is asked.
// Each returns the exit code: 0 done, 1 a negative answer, 2 could not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/queries/refusal_choice.h"

namespace upline {

struct ExportArgs {
    std::string what;  // balances, entries, payouts, sites
    std::string data;
    bool csv = false;
};
int export_rows(const ExportArgs& args);

struct ShowArgs {
    std::string what;  // user, transaction, website, payout, event, head
    std::string id;    // a UUID; of an event also PARTITION@OFFSET
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

struct RejectedArgs {
    RefusalChoice chosen;
    int64_t partition = -1;       // -1: all
    std::string format = "text";  // jsonl, csv
};
int rejected(const RejectedArgs& args);

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

}  // namespace upline
