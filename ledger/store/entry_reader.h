// SPDX-License-Identifier: Apache-2.0
// Reads the entries of a store. It keeps an iterator, so that a walk in ascending order is one scan.
#pragma once

#include <cstdint>
#include <optional>

#include "ledger/core/entry_source.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/merged_iterator.h"

namespace upline {

// Used by one thread; the store must outlive it.
class EntryReader final : public EntrySource {
  public:
    enum class Order { kAscending, kAny };
    EntryReader(const Store& store, Order order) : store_(store), order_(order) {}

    Result<std::span<const std::byte>> entry(uint64_t sequence) override;

  private:
    bool holds(uint64_t sequence) const {
        return !page_.value.empty() && sequence >= page_.first && sequence - page_.first < page_.count();
    }
    Status seek(uint64_t sequence);
    Status seek_for_previous(uint64_t sequence);
    Status take();

    const Store& store_;
    Order order_;
    uint64_t files_ = 0;  // bytes of both families' as they were, until they are more than is read ahead
    std::optional<MergedIterator> iterator_;
    Page page_;  // a view into the iterator
};

}  // namespace upline
