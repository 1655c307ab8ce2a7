// SPDX-License-Identifier: Apache-2.0
#include "consumers/consume.h"

#include <array>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace upline {
namespace {

struct Work {
    RecordBatch records;
    std::vector<Input> inputs;
    bool more_follows = false;
};

// Hands a fixed number of Work objects from the reading thread to the applying one and back, in order.
class Pipe {
  public:
    explicit Pipe(const Rules& rules) : rules_(&rules) {}
    // For the reader: the next empty one, or nullptr when closed.
    Work* take_empty() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || filled_ - applied_ < works_.size(); });
        return closed_ ? nullptr : &works_[filled_ % works_.size()];
    }
    void give_filled() {
        const std::lock_guard lock(mutex_);
        ++filled_;
        changed_.notify_all();
    }
    // For the applier: whether there is nothing to take now, but something may come.
    bool is_idle() {
        const std::lock_guard lock(mutex_);
        return !finished_ && filled_ == applied_;
    }
    // For the applier: the next filled one, or nullptr when the reader has finished and all are applied, or closed.
    Work* take_filled() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closed_ || finished_ || filled_ > applied_; });
        return !closed_ && filled_ > applied_ ? &works_[applied_ % works_.size()] : nullptr;
    }
    void give_empty(const Rules& rules) {
        const std::lock_guard lock(mutex_);
        ++applied_;
        rules_ = &rules;
        changed_.notify_all();
    }
    void note_committed(Offset next) {
        const std::lock_guard lock(mutex_);
        next_ = next;
    }
    void finish(Status status) {  // by the reader: nothing more will come, and why
        const std::lock_guard lock(mutex_);
        status_ = std::move(status);
        finished_ = true;
        changed_.notify_all();
    }
    void close() {  // nothing more will be taken
        const std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }
    Status status() {
        const std::lock_guard lock(mutex_);
        return status_;
    }
    std::optional<Offset> committed_up_to() {
        const std::lock_guard lock(mutex_);
        return next_;
    }
    // In force after the last applied record; the core decodes again what was read ahead under others.
    const Rules& rules() {
        const std::lock_guard lock(mutex_);
        return *rules_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::array<Work, 3> works_;
    uint64_t filled_ = 0;
    uint64_t applied_ = 0;
    bool finished_ = false;
    bool closed_ = false;
    Status status_ = ok_status();
    std::optional<Offset> next_;  // the offset after the last record whose entry is on disk
    const Rules* rules_;
};

constexpr int kReadTimeoutMs = 10;
constexpr size_t kLittle = 256;
constexpr size_t kMuch = 1 << 20;  // bytes; of less no write waits for what is to follow
constexpr auto kRetryPause = std::chrono::milliseconds(100);

bool stop_requested(const ConsumeOptions& options) {
    return options.stop && options.stop->load(std::memory_order_relaxed);
}

Status read_all(LogReader& reader, const ConsumeOptions& options, Pipe& pipe) {
    while (!stop_requested(options)) {
        Work* work = pipe.take_empty();
        if (!work) break;
        if (const std::optional<Offset> next = pipe.committed_up_to()) reader.note_progress(*next);
        Status read = reader.read(options.batch_records, options.batch_bytes, kReadTimeoutMs, work->records);
        if (!read.ok()) {
            if (read.error().code != ErrorCode::kUnavailable) return read;
            if (options.waiting) options.waiting(read.error());
            std::this_thread::sleep_for(kRetryPause);
            continue;
        }
        if (work->records.empty()) {
            if (!options.once) continue;
            const Result<bool> at_end = reader.at_end();
            if (!at_end.ok() && at_end.error().code != ErrorCode::kUnavailable) return at_end.error();
            if (at_end.ok() && *at_end) break;
            continue;
        }
        work->inputs.clear();
        read_inputs(work->records.records(), pipe.rules(), work->inputs);
        const bool little = work->records.size() < kLittle;
        const size_t bytes = work->records.value_bytes();
        work->more_follows =
            bytes >= options.batch_bytes / 2 || (bytes >= kMuch && work->records.size() == options.batch_records);
        pipe.give_filled();
        // Asked after little came, too: beside a producer that never pauses no read would come back empty.
        if (!options.once || !little) continue;
        const Result<bool> at_end = reader.at_end();
        if (at_end.ok() && *at_end) break;
    }
    return ok_status();
}

}  // namespace

Status consume(Shard& shard, LogReader& reader, const ConsumeOptions& options) {
    Pipe pipe(shard.rules());
    std::jthread reading([&] { pipe.finish(read_all(reader, options, pipe)); });
    // However this ends, the reader is told, and then joined.
    struct Closer {
        Pipe& pipe;
        ~Closer() { pipe.close(); }
    } closer{pipe};
    shard.set_callbacks(
        [&](const Position& position) {
            pipe.note_committed(position.last_record->offset + 1);
            if (options.applied) options.applied(position);
        },
        [&] { pipe.close(); });
    // However this ends, the committing thread does not call us any more.
    struct Quiet {
        Shard& shard;
        ~Quiet() {
            shard.commit_all().ok();  // what was wrong has been told
            shard.set_callbacks({}, {});
        }
    } quiet{shard};
    Status status = ok_status();
    for (bool catching_up = true;; catching_up = true) {
        // What is mature is moved while there is nothing to apply, so that a payout finds little left to move.
        while (catching_up && pipe.is_idle()) {
            const Result<bool> more = shard.catch_up_some();
            if (!more.ok()) status = more.error();
            catching_up = more.ok() && *more;
        }
        Work* work = status.ok() ? pipe.take_filled() : nullptr;
        if (!work) break;
        status = shard.apply(work->inputs, work->records.records(), work->more_follows);
        if (!status.ok()) break;
        pipe.give_empty(shard.rules());
    }
    pipe.close();
    reading.join();
    UPLINE_TRY(status);
    UPLINE_TRY(shard.store_state());
    if (const std::optional<Offset> next = pipe.committed_up_to()) reader.note_progress(*next);
    return pipe.status();
}

}  // namespace upline
