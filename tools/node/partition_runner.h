// SPDX-License-Identifier: Apache-2.0
// What `run`, `replay` and `demo` share: a log's partitions fed into a data folder, each shard with its loop and its
// read models, in one process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/log/event_log.h"
#include "ledger/store/data_folder.h"
#include "projectors/models/outcomes.h"
#include "tools/terminal/log_line.h"

namespace upline {

struct ShardReport {
    uint32_t partition = 0;
    uint64_t size_before = 0;
    LedgerHead position;
    OutcomeCounts outcomes{};       // of the entries since size_before
    bool reached_end = false;       // of the log
    std::optional<Offset> log_end;  // known if a run to the end was stopped before it
};

struct PartitionRunOptions {
    std::vector<uint32_t> partitions;  // empty: all of the log
    size_t batch_records = 65'536;
    bool once = false;
    std::stop_token stop;
    ShardOptions shard;
    // Called by a thread of the partition's own when entries have come to the disk, and now and then when none have:
    // what is done with a ledger while it grows. `last` is the call before the end. An error ends all partitions.
    std::function<Status(uint32_t partition, Store& store, uint64_t size, bool last)> committed;
    // All are called from several threads.
    std::function<void(uint32_t partition, const Entry&)> refused;  // in order of a partition's entries, once on disk
    std::function<void(uint32_t partition, LogLevel level, const std::string& message)> say;
    std::function<void(uint64_t entries_applied)> applied;  // the sum over the shards of this call
};

// For PartitionRunOptions::say: a line of the log.
void log_of_partition(uint32_t partition, LogLevel level, const std::string& message);

// Feeds each partition's shard, each with a thread of its own, until all are at the end of the log (once), asked to
// stop, or the first of them fails. Read models are as of the last entry when it returns without an error.
Result<std::vector<ShardReport>> run_partitions(EventLog& log, const DataFolder& folder,
                                                const PartitionRunOptions& options);

}  // namespace upline
