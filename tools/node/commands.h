// SPDX-License-Identifier: Apache-2.0
// `upline produce`, `run`, `redrive`, `status` and `replay`: the arguments of each. Each returns the exit code: 0 done,
// 1 a negative answer, 2 could not.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "consumers/shard_options.h"
#include "events/ids.h"
#include "tools/queries/refusal_choice.h"
#include "tools/terminal/log_args.h"

namespace upline {

struct ProduceArgs {
    LogArgs log;
    std::string file = "-";
    bool skip_bad_lines = false;
    IdForm ids = IdForm::kUuid;
    bool wait = false;  // until each event has an outcome in the ledger of `data`
    std::string data;
    uint32_t partitions = 0;  // of a log made by this; 0: an embedded one gets one partition, a topic must exist
    bool json = false;
};
int produce(const ProduceArgs& args);

struct RunArgs {
    LogArgs log;
    std::string data;
    bool once = false;
    bool strict = false;               // with once: a refusal is a negative answer
    std::string key;                   // signs checkpoints; empty: none are signed
    uint32_t checkpoint_seconds = 60;  // at most so often
    std::vector<uint32_t> partitions;  // empty: all
    size_t batch_records = 65'536;
    ShardOptions shard;
    bool json = false;
};
// Ends at the end of the log (once), or soon after it is asked to stop; a run to the end that is stopped before it
// could not do what it was asked.
int run(const RunArgs& args, std::stop_token stop);

struct RedriveArgs {
    LogArgs log;
    RefusalChoice chosen;
    std::string id;    // a UUID; empty: all that are chosen
    bool yes = false;  // without asking
    bool json = false;
};
int redrive(const RedriveArgs& args);

struct StatusArgs {
    LogArgs log;  // empty url: without
    std::string data;
    bool json = false;
};
int status(const StatusArgs& args);

struct ReplayArgs {
    LogArgs log;
    std::string data;     // a new folder
    std::string compare;  // a folder to compare with; empty: none
    ShardOptions shard;
    bool json = false;
};
int replay(const ReplayArgs& args);

}  // namespace upline
