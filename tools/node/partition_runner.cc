// SPDX-License-Identifier: Apache-2.0
#include "tools/node/partition_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "consumers/consume.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// Memory for what is added to read models and waits to be stored, over all shards of a process: about nine million
// sales' worth, half of it on the way to the disk while the other fills. The more, the more sales a row takes in
// between two times it is read and written.
constexpr size_t kDeltaBudgetBytes = size_t{1} << 30;

// Folds new entries into the shard's read models, in a thread of its own beside the loop.
class Projectors {
  public:
    // `failed` becomes true as soon as they cannot go on; finish() says why.
    using Committed = std::function<Status(uint64_t size, bool last)>;
    static Result<std::unique_ptr<Projectors>> open(Shard& shard, size_t delta_bytes, Committed committed,
                                                    std::atomic<bool>& failed) {
        std::unique_ptr<Projectors> projectors(new Projectors(shard, delta_bytes, std::move(committed), failed));
        Store& store = shard.store();
        for (const auto make_model : kModels) {
            std::unique_ptr<Model> model = make_model();
            UPLINE_TRY_ASSIGN(std::unique_ptr<Table> table, open_table(store, model->name()));
            projectors->sources_.push_back(store.entries());
            EntrySource& walk = *projectors->sources_.back();
            projectors->sources_.push_back(store.look_up());
            EntrySource& look_up = *projectors->sources_.back();
            UPLINE_TRY_ASSIGN(std::unique_ptr<Projection> projection,
                              Projection::open(std::move(table), std::move(model), walk, look_up,
                                               Projection::kDeltaBytes, shard.position().size));
            projectors->together_.push_back(projection.get());
            projectors->projections_.push_back(std::move(projection));
        }
        projectors->thread_ = std::thread([raw = projectors.get()] { raw->follow(); });
        return projectors;
    }
    ~Projectors() {
        if (thread_.joinable()) finish().ok();  // an error has been told by whoever called finish before
    }

    void advance(uint64_t size) {
        const std::lock_guard lock(mutex_);
        size_ = size;
        changed_.notify_one();
    }
    // Folds what is left, stores it, ends the thread.
    Status finish() {
        {
            const std::lock_guard lock(mutex_);
            finishing_ = true;
            changed_.notify_one();
        }
        thread_.join();
        return status_;
    }

  private:
    Projectors(Shard& shard, size_t delta_bytes, Committed committed, std::atomic<bool>& failed)
        : shard_(shard),
          walk_(shard.follow()),
          delta_bytes_(delta_bytes),
          committed_(std::move(committed)),
          failed_(failed) {}

    void follow() {
        uint64_t folded = 0;
        for (;;) {
            uint64_t size = 0;
            bool last = false;
            bool idle = false;
            {
                std::unique_lock lock(mutex_);
                // Not between two large commits, which are further apart.
                idle =
                    !changed_.wait_for(lock, kIdle, [&] { return finishing_ || size_ != folded; }) && !shard_.is_busy();
                idle = idle && Clock::now() - stored_at_ > kPause;
                size = size_;
                last = finishing_;
            }
            // Rows are stored when there is nothing else to do, and by fold_to itself when many have changed; in a
            // stream without a pause, however thin, so often that a two hundredth of the time goes into it.
            const bool is_time = Clock::now() - stored_at_ > std::max<Clock::duration>(kSeldom, 200 * storing_took_);
            Status status = fold(size, idle || last || is_time);
            folded = size;
            const bool at_end = last && size == target();
            if (status.ok() && committed_) status = committed_(size, at_end);
            if (!status.ok() || at_end) {
                const std::lock_guard lock(mutex_);
                status_ = status;
                if (!status.ok()) failed_ = true;
                return;
            }
        }
    }
    Status fold(uint64_t size, bool store) {
        if (size > 0) UPLINE_TRY(fold_together(together_, *walk_, size, delta_bytes_));
        if (!store) return ok_status();
        const auto start = Clock::now();
        for (Projection* projection : together_) UPLINE_TRY(projection->flush());
        stored_at_ = Clock::now();
        storing_took_ = stored_at_ - start;
        return ok_status();
    }
    uint64_t target() {
        const std::lock_guard lock(mutex_);
        return size_;
    }

    using Clock = std::chrono::steady_clock;
    static constexpr auto kIdle = std::chrono::milliseconds(50);
    static constexpr auto kPause = std::chrono::seconds(1);  // between two storings: each syncs some files
    static constexpr auto kSeldom = std::chrono::seconds(5);
    const Shard& shard_;
    const std::unique_ptr<EntrySource> walk_;  // of entries to fold
    const size_t delta_bytes_;
    Committed committed_;
    std::vector<std::unique_ptr<EntrySource>> sources_;  // of earlier ones, of each model
    std::vector<std::unique_ptr<Projection>> projections_;
    std::vector<Projection*> together_;
    std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t size_ = 0;
    bool finishing_ = false;
    Status status_ = ok_status();
    std::atomic<bool>& failed_;
    Clock::time_point stored_at_ = Clock::now() - kPause;
    Clock::duration storing_took_ = std::chrono::milliseconds(150);  // nobody knows yet
    std::thread thread_;
};

// Stops when either of two is asked for.
struct SharedStop {
    const std::atomic<bool>* asked = nullptr;
    std::atomic<bool> failed = false;
    std::atomic<bool> either = false;
    void look() {
        if (failed || (asked && *asked)) either = true;
    }
};

// Tests set UPLINE_STATE_INTERVAL, so that a small log has the state stored, and is killed in the midst of it, often.
uint64_t state_interval() {
    const char* given = std::getenv("UPLINE_STATE_INTERVAL");
    return given ? std::strtoull(given, nullptr, 10) : Shard::kStateInterval;
}

Status feed_one(EventLog& log, const DataFolder& folder, uint32_t partition, const FeedOptions& options,
                size_t delta_bytes, SharedStop& stop, std::atomic<uint64_t>& applied, ShardReport& report) {
    const auto say = [&](const std::string& message) {
        if (options.say) options.say(partition, message);
    };
    const ShardInfo info{{partition, log.partition_count()}, log.identity()};
    ProgressBar progress(fmt::format("partition {}: folding entries forward", partition));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Shard> shard,
                      Shard::open(folder, info, progress.callback(), state_interval()));
    report.size_before = shard->position().size;
    report.position = shard->position();
    if (report.size_before > 0) say(fmt::format("resumes after entry {}", report.size_before - 1));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader,
                      log.open_reader(partition, shard->position().last_record));
    Projectors::Committed committed;
    if (options.committed)
        committed = [&](uint64_t size, bool last) { return options.committed(partition, shard->store(), size, last); };
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Projectors> projectors,
                      Projectors::open(*shard, delta_bytes, std::move(committed), stop.failed));
    projectors->advance(shard->position().size);

    ConsumeOptions consume_options{.batch_records = options.batch_records, .once = options.once, .stop = &stop.either};
    uint64_t before = report.size_before;
    std::atomic<bool> waiting = false;  // told by the reading thread, taken back by the applying one
    consume_options.applied = [&](const Position& position) {
        projectors->advance(position.size);
        if (waiting.exchange(false)) say("the log is back, reading goes on");
        const uint64_t total = applied += position.size - std::exchange(before, position.size);
        if (options.applied) options.applied(total);
    };
    consume_options.waiting = [&](const Error& error) {
        if (!waiting.exchange(true)) say(fmt::format("waits for the log: {}", error.message));
    };
    const Status consumed = consume(*shard, *reader, consume_options);
    report.position = shard->position();
    const Status projected = projectors->finish();
    UPLINE_TRY(consumed);
    return projected;
}

}  // namespace

Result<std::vector<ShardReport>> feed(EventLog& log, const DataFolder& folder, const FeedOptions& options) {
    std::vector<uint32_t> partitions = options.partitions;
    if (partitions.empty())
        for (uint32_t partition = 0; partition < log.partition_count(); ++partition) partitions.push_back(partition);
    std::sort(partitions.begin(), partitions.end());
    partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
    if (partitions.back() >= log.partition_count())
        return Error{ErrorCode::kInvalid, fmt::format("partition {} of a log that has {}: they are numbered from 0",
                                                      partitions.back(), log.partition_count())};

    const size_t delta_bytes = kDeltaBudgetBytes / partitions.size();
    SharedStop stop{.asked = options.stop};
    std::atomic<uint64_t> applied = 0;
    std::vector<ShardReport> reports(partitions.size());
    std::vector<Status> statuses(partitions.size(), ok_status());
    std::atomic<size_t> running = partitions.size();
    std::vector<std::thread> threads;
    for (size_t i = 0; i < partitions.size(); ++i) {
        reports[i].partition = partitions[i];
        threads.emplace_back([&, i] {
            try {
                statuses[i] = feed_one(log, folder, partitions[i], options, delta_bytes, stop, applied, reports[i]);
            } catch (const std::exception& error) {  // the standard library's: memory that is not to be had
                statuses[i] = Error{ErrorCode::kUnavailable, error.what()};
            }
            if (!statuses[i].ok()) stop.failed = true;
            --running;
        });
    }
    while (running > 0) {
        stop.look();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < partitions.size(); ++i)
        if (!statuses[i].ok())
            return Error{statuses[i].error().code,
                         fmt::format("partition {}: {}", partitions[i], statuses[i].error().message)};
    return reports;
}

}  // namespace upline
