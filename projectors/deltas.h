// SPDX-License-Identifier: Apache-2.0
// What entries have added to rows since the last flush. A row's first counters, which most entries touch, lie in a flat
// hash table by key; additions to higher numbers and visitors are only noted, and put together when the rows are
// wanted. Memory is kept from flush to flush: folding an entry allocates nothing once it has grown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "projectors/row.h"

namespace upline {

class Deltas {
  public:
    // What to add to a row: its counters 0 to width - 1, zero at first. Valid until the next call.
    struct Touched {
        std::span<int64_t> counters;
        uint32_t place;  // names the row to add_higher until clear()
        int64_t& operator[](size_t number) const { return counters[number]; }
    };
    // REQUIRES: the same width each time for a key.
    Touched touch(const RowKey& key, size_t width);
    // Adds to a counter of a higher number. REQUIRES: number >= the row's width.
    void add_higher(uint32_t place, uint32_t number, int64_t amount) { higher_.push_back({place, number, amount}); }
    // A visitor to unite with a row's set.
    void add_visitor(const RowKey& key, uint64_t token) { visits_.push_back({key, token}); }

    // Memory of what is held, about.
    size_t bytes() const;
    void clear();

    struct Row {
        RowKey key;
        std::span<const int64_t> counters;   // of a row of counters: the first
        std::span<const Counter> higher;     // and the others: ascending, none twice
        std::span<const uint64_t> visitors;  // of a set of visitors: ascending, none twice
    };
    // All rows in the order of keys. Valid until the next call of anything.
    const std::vector<Row>& sorted();

  private:
    struct Higher {
        uint32_t place;
        uint32_t number;
        int64_t amount;
    };
    struct Visit {
        RowKey key;
        uint64_t token;
        friend auto operator<=>(const Visit&, const Visit&) = default;
    };
    static constexpr size_t kHeader = 3;  // words before a row's counters: key, width
    static constexpr size_t kLeastSlots = 1024;

    void grow();
    void sum_higher();

    // A slot is 0 or a row's place in words_ + 1 below the first 32 bits of the key's hash: a key that is not the one
    // looked for is passed by without touching its row.
    std::vector<uint64_t> slots_ = std::vector<uint64_t>(kLeastSlots);
    std::vector<int64_t> words_;  // rows one after another
    size_t row_count_ = 0;
    std::vector<Higher> higher_;
    std::vector<Visit> visits_;
    std::vector<Counter> sums_;     // what Row::higher points to
    std::vector<uint64_t> tokens_;  // what Row::visitors points to
    std::vector<Row> sorted_;
};

}  // namespace upline
