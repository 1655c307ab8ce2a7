// SPDX-License-Identifier: Apache-2.0
// What entries have added to rows since the last flush. A flat hash table of counters by key, whose memory is kept
// from flush to flush: folding an entry allocates nothing once it has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "projectors/row.h"

namespace upline {

class Deltas {
  public:
    // The counters to add to a row, `width` of them, zero at first. Valid until the next call.
    // REQUIRES: the same width each time for a key; at most kMaxCounters.
    std::span<int64_t> counters(const RowKey& key, size_t width);
    // A visitor to unite with a row's set.
    void add_visitor(const RowKey& key, uint64_t token) { visits_.push_back({key, token}); }

    // Memory of what is held, about.
    size_t bytes() const;
    void clear();

    struct Row {
        RowKey key;
        std::span<const int64_t> counters;   // of a row of counters
        std::span<const uint64_t> visitors;  // of a set of visitors: ascending, none twice
    };
    // All rows in the order of keys. Valid until the next call of anything.
    const std::vector<Row>& sorted();

  private:
    struct Visit {
        RowKey key;
        uint64_t token;
        friend auto operator<=>(const Visit&, const Visit&) = default;
    };
    static constexpr size_t kHeader = 3;  // words before a row's counters: key, width
    static constexpr size_t kLeastSlots = 1024;

    void grow();

    // A slot is 0 or a row's place in words_ + 1 below the first 32 bits of the key's hash: a key that is not the one
    // looked for is passed by without touching its row.
    std::vector<uint64_t> slots_ = std::vector<uint64_t>(kLeastSlots);
    std::vector<int64_t> words_;  // rows one after another
    size_t row_count_ = 0;
    std::vector<Visit> visits_;
    std::vector<uint64_t> tokens_;
    std::vector<Row> sorted_;
};

}  // namespace upline
