// SPDX-License-Identifier: Apache-2.0
#include "consumers/batch_queue.h"

#include <utility>

namespace upline {

DecodedBatch* BatchQueue::take_empty() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || filled_ - applied_ < batches_.size(); });
    return closed_ ? nullptr : &batches_[filled_ % batches_.size()];
}

void BatchQueue::give_filled() {
    const std::lock_guard lock(mutex_);
    ++filled_;
    changed_.notify_all();
}

void BatchQueue::finish(Status status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    finished_ = true;
    changed_.notify_all();
}

const Rules& BatchQueue::rules() const {
    const std::lock_guard lock(mutex_);
    return *rules_;
}

std::optional<Offset> BatchQueue::next() const {
    const std::lock_guard lock(mutex_);
    return next_;
}

bool BatchQueue::is_idle() const {
    const std::lock_guard lock(mutex_);
    return !finished_ && filled_ == applied_;
}

DecodedBatch* BatchQueue::take_filled() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || finished_ || filled_ > applied_; });
    return !closed_ && filled_ > applied_ ? &batches_[applied_ % batches_.size()] : nullptr;
}

void BatchQueue::give_empty(const Rules& rules) {
    const std::lock_guard lock(mutex_);
    ++applied_;
    rules_ = &rules;
    changed_.notify_all();
}

Status BatchQueue::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void BatchQueue::note_committed(Offset next) {
    const std::lock_guard lock(mutex_);
    next_ = next;
}

void BatchQueue::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

}  // namespace upline
