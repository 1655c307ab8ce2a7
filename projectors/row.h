// SPDX-License-Identifier: Apache-2.0
// The rows of read models. A row's key is a number whose order is the order of the stored bytes; its value is either
// numbered counters, merged by addition, or a set of visitors, merged by union (projectors/visitors.h). Both merge in
// any order and grouping to the same value, and each value has one form in bytes: so what is stored depends on the
// entries folded and not on how they were cut into batches.
//
//   counters   those that are not zero, by ascending number: varint of how many numbers were passed over, zigzag
//              varint of the amount; a row whose counters are all zero is not there
//
// Counters add modulo 2^64. Balances never leave int64 (the ledger sees to it); a sum over a lifetime would have to
// pass 9 * 10^18 first.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/core/entry.h"

namespace upline {

// The first 14 of 16 bytes in network order: what fits a std::string without an allocation. Key 0 is the row of the
// model's position (projectors/projection.h), so a model's own keys start with a byte that is not zero.
struct RowKey {
    uint64_t high = 0;
    uint64_t low = 0;  // its last 16 bits are zero

    static constexpr size_t kBytes = 14;
    std::string bytes() const;
    static std::optional<RowKey> parse(std::string_view bytes);
    friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

// The bits a key has for a user or website. A shard of a trillion entries is none we can open anyway.
inline constexpr unsigned kSequenceBits = 40;
inline constexpr size_t kKindAndSequenceBits = 8 + kSequenceBits;  // with which a model's keys begin
inline constexpr Sequence kMaxKeySequence = (Sequence{1} << kSequenceBits) - 1;

// A counter of a row.
struct Counter {
    uint32_t number = 0;
    int64_t amount = 0;
    friend bool operator==(const Counter&, const Counter&) = default;
};

// False if the bytes are no counters in their form.
[[nodiscard]] bool decode_counters(std::string_view value, std::vector<Counter>& counters);

// The counters of a row while they are summed.
class CounterSums {
  public:
    static constexpr uint32_t kLow = 40;
    std::array<int64_t, kLow + 1> low{};  // by their numbers; the last is no counter, whatever it says

    // Adds to a counter of a number from kLow on.
    void add_high(uint32_t number, int64_t amount) {
        if (last_high_.number != number) return append_high(number, amount);
        wrapping_add(last_high_.amount, amount);
    }
    // Adds counters in their stored form. False if the bytes are none; the sums are then of no use.
    [[nodiscard]] bool add(std::string_view value);
    // Appends their stored form: nothing if all are zero.
    void append_to(std::string& out);
    void clear() {
        low.fill(0);
        last_high_ = {};
        high_.clear();
    }

  private:
    void append_high(uint32_t number, int64_t amount);
    void sort_high();
    Counter last_high_;          // what was added last, 0: nothing; mostly it is the same counter again
    std::vector<Counter> high_;  // the others: in any order, and some more than once, until they are sorted
};

}  // namespace upline
