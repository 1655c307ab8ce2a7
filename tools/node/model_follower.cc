// SPDX-License-Identifier: Apache-2.0
#include "tools/node/model_follower.h"

#include <algorithm>
#include <utility>

#include "ledger/store/rows.h"
#include "projectors/models/all.h"

namespace upline {
namespace {

constexpr auto kIdle = std::chrono::milliseconds(50);
constexpr auto kPause = std::chrono::seconds(1);     // at least, between two storings: each syncs some files
constexpr auto kInterval = std::chrono::seconds(5);  // at least, while entries keep coming
constexpr int kStoringShare = 200;                   // storing takes at most one part in so many of the time
constexpr auto kFirstGuess = std::chrono::milliseconds(150);

}  // namespace

ModelFollower::ModelFollower(Shard& shard, size_t delta_bytes, Committed committed, Seen seen, std::stop_source failed)
    : shard_(shard),
      walk_(shard.follow()),
      delta_bytes_(delta_bytes),
      committed_(std::move(committed)),
      seen_(std::move(seen)),
      next_seen_(shard.position().size),
      failed_(std::move(failed)),
      stored_at_(Clock::now() - kPause),
      storing_took_(kFirstGuess),
      size_(shard.position().size) {}

Result<std::unique_ptr<ModelFollower>> ModelFollower::open(Shard& shard, size_t delta_bytes, Committed committed,
                                                           Seen seen, std::stop_source failed) {
    std::unique_ptr<ModelFollower> follower(
        new ModelFollower(shard, delta_bytes, std::move(committed), std::move(seen), std::move(failed)));
    Store& store = shard.store();
    for (const auto make_model : kModels) {
        std::unique_ptr<Model> model = make_model();
        UPLINE_TRY_ASSIGN(std::unique_ptr<Table> table, open_table(store, *model));
        OpenModel& open = follower->models_.emplace_back();
        open.walk = store.scan_reader();
        open.point_reader = store.point_reader();
        UPLINE_TRY_ASSIGN(open.projection,
                          Projection::open(std::move(table), std::move(model), *open.walk, *open.point_reader,
                                           Projection::kDeltaBytes, follower->size_));
    }
    follower->thread_ = std::thread([raw = follower.get()] { raw->run(); });
    return follower;
}

ModelFollower::~ModelFollower() {
    if (thread_.joinable()) finish().ok();  // another error is told already
}

void ModelFollower::advance(uint64_t size) {
    const std::lock_guard lock(mutex_);
    size_ = size;
    changed_.notify_one();
}

Status ModelFollower::finish() {
    {
        const std::lock_guard lock(mutex_);
        finishing_ = true;
        changed_.notify_one();
    }
    thread_.join();
    return status_;
}

void ModelFollower::run() {
    Status status = ok_status();
    try {
        status = follow();
    } catch (const std::exception& error) {  // the standard library's: no memory
        status = Error{ErrorCode::kUnavailable, error.what()};
    }
    if (!status.ok()) failed_.request_stop();
    status_ = status;  // finish() reads it after the join
}

Status ModelFollower::follow() {
    for (uint64_t folded = 0;;) {
        uint64_t size = 0;
        bool last = false;
        bool idle = false;
        {
            std::unique_lock lock(mutex_);
            // A shard that is busy is between two large commits, not idle.
            idle = !changed_.wait_for(lock, kIdle, [&] { return finishing_ || size_ != folded; }) && !shard_.is_busy();
            idle = idle && Clock::now() - stored_at_ > kPause;
            size = size_;
            last = finishing_;
        }
        // Rows are stored when the ledger is idle, when their buffer is half full (fold_together does it), and
        // otherwise often enough to spend one part in kStoringShare of the time on it.
        const bool is_time =
            Clock::now() - stored_at_ > std::max<Clock::duration>(kInterval, kStoringShare * storing_took_);
        UPLINE_TRY(fold(size, idle || last || is_time));
        folded = size;
        const bool at_end = last && size == target();
        if (committed_) UPLINE_TRY(committed_(size, at_end));
        if (at_end) return ok_status();
    }
}

Status ModelFollower::fold(uint64_t size, bool store) {
    std::vector<Projection*> projections;
    for (const OpenModel& model : models_) projections.push_back(model.projection.get());
    // Models that were stored before others read some entries a second time.
    const auto see = [this](const Entry& entry) {
        if (entry.sequence < next_seen_) return;
        seen_(entry);
        next_seen_ = entry.sequence + 1;
    };
    if (size > 0) UPLINE_TRY(fold_together(projections, *walk_, size, delta_bytes_, seen_ ? Seen(see) : Seen()));
    if (!store) return ok_status();
    const auto start = Clock::now();
    for (Projection* projection : projections) UPLINE_TRY(projection->flush());
    stored_at_ = Clock::now();
    storing_took_ = stored_at_ - start;
    return ok_status();
}

uint64_t ModelFollower::target() {
    const std::lock_guard lock(mutex_);
    return size_;
}

}  // namespace upline
