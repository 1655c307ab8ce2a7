// SPDX-License-Identifier: Apache-2.0
// The loop that feeds a shard from a log: one thread reads, checks and hashes records, the other applies them, with a
// bounded number of batches between them. A batch is whatever has arrived meanwhile: one record when there is little
// to do, a full batch when there is much.
#pragma once

#include <cstddef>
#include <functional>
#include <stop_token>

#include "consumers/shard.h"
#include "events/log/event_log.h"

namespace upline {

struct ConsumeOptions {
    size_t batch_records = 65'536;  // at most
    size_t batch_bytes = 32 << 20;  // about
    bool once = false;              // stop at the end of the log
    std::stop_token stop;           // stop soon, with all that was applied stored
    // Called by the committing thread whenever entries have come to the disk, with the position there now.
    std::function<void(const LedgerHead&)> applied;
    // Called when the log cannot be reached for now; the loop goes on trying.
    std::function<void(const Error&)> waiting;
};

// Returns when asked to stop or at the end of the log (options.once), with the state stored; or with the first error
// that waiting does not cure.
Status consume(Shard& shard, LogReader& reader, const ConsumeOptions& options);

}  // namespace upline
