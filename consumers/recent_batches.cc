// SPDX-License-Identifier: Apache-2.0
#include "consumers/recent_batches.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace upline {

size_t PendingBatch::bytes() const {
    constexpr size_t kOverhead = 512;  // more than the entry itself in a batch of one
    return kOverhead + entries.bytes.size() + places.size() * sizeof(LogLocation);
}

size_t PendingBatch::leaf_bytes() const {
    size_t bytes = 0;
    for (const EntryBatch::OpenClosing& closing : entries.closings) bytes += closing.leaves.size();
    return bytes;
}

std::shared_ptr<PendingBatch> RecentBatches::make() {
    for (std::shared_ptr<PendingBatch>& spare : spare_)
        if (spare.use_count() == 1) {  // no follower reads it, and none can begin to
            std::swap(spare, spare_.back());
            std::shared_ptr<PendingBatch> batch = std::move(spare_.back());
            spare_.pop_back();
            return batch;
        }
    return std::make_shared<PendingBatch>();
}

void RecentBatches::push(std::shared_ptr<PendingBatch> batch) {
    unwritten_bytes_ += batch->bytes() + batch->leaf_bytes();
    batches_.push_back(std::move(batch));
}

std::shared_ptr<PendingBatch> RecentBatches::find(Sequence sequence) const {
    const auto after = std::ranges::upper_bound(
        batches_, sequence, {}, [](const std::shared_ptr<PendingBatch>& batch) { return batch->entries.first; });
    if (after == batches_.begin()) return nullptr;
    const std::shared_ptr<PendingBatch>& batch = *std::prev(after);
    return sequence - batch->entries.first < batch->entries.size() ? batch : nullptr;
}

std::vector<const PendingBatch*> RecentBatches::hashed() const {
    std::vector<const PendingBatch*> batches;
    for (size_t i = written_; i < hashed_; ++i) batches.push_back(batches_[i].get());
    return batches;
}

void RecentBatches::note_written() {
    constexpr size_t kMaxSpare = 8;
    for (; written_ < hashed_; ++written_) {
        const size_t bytes = batches_[written_]->bytes();
        unwritten_bytes_ -= bytes;
        kept_bytes_ += bytes;
    }
    while (kept_bytes_ > kKeptBytes && written_ > 1) {
        kept_bytes_ -= batches_.front()->bytes();
        if (spare_.size() < kMaxSpare) spare_.push_back(std::move(batches_.front()));
        batches_.pop_front();
        --written_;
        --hashed_;
    }
}

}  // namespace upline
