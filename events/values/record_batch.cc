// SPDX-License-Identifier: Apache-2.0
#include "events/values/record_batch.h"

#include <algorithm>
#include <cstring>

namespace upline {
namespace {

// Large enough that a batch is a few allocations, small enough that a reader of one record wastes little.
constexpr size_t kBatchBlockBytes = size_t{1} << 20;

}  // namespace

void RecordBatch::clear() {
    records_.clear();
    block_index_ = 0;
    block_used_ = 0;
    value_bytes_ = 0;
}

void RecordBatch::append(Offset offset, int64_t append_time_ms, std::span<const std::byte> value) {
    while (block_index_ < blocks_.size() && block_sizes_[block_index_] - block_used_ < value.size()) {
        ++block_index_;
        block_used_ = 0;
    }
    if (block_index_ == blocks_.size()) {
        block_sizes_.push_back(std::max(kBatchBlockBytes, value.size()));
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_sizes_.back()));
    }
    std::byte* place = blocks_[block_index_].get() + block_used_;
    if (!value.empty()) std::memcpy(place, value.data(), value.size());
    records_.push_back({offset, append_time_ms, {place, value.size()}});
    block_used_ = std::min((block_used_ + value.size() + 7) & ~size_t{7}, block_sizes_[block_index_]);
    value_bytes_ += value.size();
}

}  // namespace upline
