// SPDX-License-Identifier: Apache-2.0
// What `run`, `replay` and `demo` share: a log's partitions fed into a data folder, each shard with its loop and its
// projectors.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/log/event_log.h"
#include "ledger/store/data_folder.h"

namespace upline {

struct ShardReport {
    uint32_t partition = 0;
    uint64_t size_before = 0;
    Position position;
};

struct FeedOptions {
    std::vector<uint32_t> partitions;  // empty: all of the log
    size_t batch_records = 65'536;
    bool once = false;
    const std::atomic<bool>* stop = nullptr;
    // Called by a thread of the partition's, beside its loop, when entries have come to the disk and now and then when
    // none have: for what is done with a ledger while it grows. `last` is the call before the end. An error ends all.
    std::function<Status(uint32_t partition, Store& store, uint64_t size, bool last)> committed;
    // Both are called from several threads.
    std::function<void(uint32_t partition, const std::string& message)> say;
    std::function<void(uint64_t entries_applied)> applied;  // the sum over the shards of this call
};

// Feeds each partition's shard, each with a thread of its own, until all are at the end of the log (once), asked to
// stop, or the first of them fails. Read models are as of the last entry when it returns well.
Result<std::vector<ShardReport>> feed(EventLog& log, const DataFolder& folder, const FeedOptions& options);

}  // namespace upline
