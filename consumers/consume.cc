// SPDX-License-Identifier: Apache-2.0
#include "consumers/consume.h"

#include <chrono>
#include <optional>
#include <thread>

#include "consumers/batch_queue.h"

namespace upline {
namespace {

constexpr int kReadTimeoutMs = 10;
constexpr size_t kSmallBatch = 256;      // records
constexpr size_t kLargeBatch = 1 << 20;  // bytes; after less, no write waits for more
constexpr auto kRetryPause = std::chrono::milliseconds(100);

Status read_all(LogReader& reader, const ConsumeOptions& options, BatchQueue& queue) {
    while (!options.stop.stop_requested()) {
        DecodedBatch* batch = queue.take_empty();
        if (!batch) break;
        if (const std::optional<Offset> next = queue.next()) reader.note_progress(*next);
        Status read = reader.read(options.batch_records, options.batch_bytes, kReadTimeoutMs, batch->records);
        if (!read.ok()) {
            if (read.error().code != ErrorCode::kUnavailable) return read;
            if (options.waiting) options.waiting(read.error());
            std::this_thread::sleep_for(kRetryPause);
            continue;
        }
        if (batch->records.empty()) {
            if (!options.once) continue;
            const Result<bool> at_end = reader.at_end();
            if (!at_end.ok() && at_end.error().code != ErrorCode::kUnavailable) return at_end.error();
            if (at_end.ok() && *at_end) break;
            continue;
        }
        batch->inputs.clear();
        read_inputs(batch->records.records(), queue.rules(), batch->inputs);
        const bool small = batch->records.size() < kSmallBatch;
        const size_t bytes = batch->records.value_bytes();
        batch->more_follows = bytes >= options.batch_bytes / 2 ||
                              (bytes >= kLargeBatch && batch->records.size() == options.batch_records);
        queue.give_filled();
        // Asked after a small batch too: while a producer never pauses, no read comes back empty.
        if (!options.once || !small) continue;
        const Result<bool> at_end = reader.at_end();
        if (at_end.ok() && *at_end) break;
    }
    return ok_status();
}

}  // namespace

Status consume(Shard& shard, LogReader& reader, const ConsumeOptions& options) {
    BatchQueue queue(shard.rules());
    std::jthread reading([&] { queue.finish(read_all(reader, options, queue)); });
    // On every way out the reader is told to end, and then joined.
    struct Closer {
        BatchQueue& queue;
        ~Closer() { queue.close(); }
    } closer{queue};
    shard.set_callbacks(
        [&](const LedgerHead& position) {
            queue.note_committed(position.last_record->offset + 1);
            if (options.applied) options.applied(position);
        },
        [&] { queue.close(); });
    // On every way out the committing thread stops calling us.
    struct Quiet {
        Shard& shard;
        ~Quiet() {
            shard.commit_all().ok();  // the error is returned already
            shard.set_callbacks({}, {});
        }
    } quiet{shard};
    Status status = ok_status();
    for (bool catching_up = true;; catching_up = true) {
        // What is mature is moved while there is nothing to apply: a payout then finds little left to move.
        while (catching_up && queue.is_idle()) {
            const Result<bool> more = shard.catch_up_some();
            if (!more.ok()) status = more.error();
            catching_up = more.ok() && *more;
        }
        DecodedBatch* batch = status.ok() ? queue.take_filled() : nullptr;
        if (!batch) break;
        status = shard.apply(batch->inputs, batch->records.records(), batch->more_follows);
        if (!status.ok()) break;
        queue.give_empty(shard.rules());
    }
    queue.close();
    reading.join();
    UPLINE_TRY(status);
    UPLINE_TRY(shard.store_state());
    if (const std::optional<Offset> next = queue.next()) reader.note_progress(*next);
    return queue.status();
}

}  // namespace upline
