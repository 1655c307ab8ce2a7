// SPDX-License-Identifier: Apache-2.0
// A sale, the plan it falls under and its parts: what every version of the rules speaks of. How the parts are worked
// out is the version's own (Rules::entitled; of version 1 in ledger/core/entitlement.h).
#pragma once

#include <array>
#include <cstdint>

#include "ledger/core/entry.h"

namespace upline {

inline constexpr unsigned kMaxLevels = 7;
inline constexpr int64_t kBasisPoints = 10'000;  // a whole
// The largest amount either way, in minor units; with it no sum of one entry leaves int64.
inline constexpr int64_t kAmountCap = 1'000'000'000'000'000;

// A program's rates. Immutable once published. Stored as it lies in memory (ledger/core/state.h).
struct Plan {
    std::array<BasisPoints, kMaxLevels> level_rates{};
    uint32_t levels = 0;  // how many of level_rates count
    BasisPoints website_bonus;
    BasisPoints creator_share;
    Days hold_days;
    uint32_t zero = 0;
    int64_t minimum_payout = 0;  // ten-thousandths of a major unit
};

// The frozen facts of a sale that decide its split.
struct Sale {
    int64_t amount = 0;  // 1 to kAmountCap
    int64_t tax = 0;     // 0 to amount
    bool has_creator = false;
    bool website_bonus_owed = false;
    uint8_t upline_size = 0;  // 0 to 7
};

struct Split {
    int64_t tax = 0;
    int64_t creator = 0;
    int64_t website = 0;
    std::array<int64_t, kMaxLevels> levels{};
    int64_t house = 0;
};

// What the house's part of a whole sale is made of; the three sum to Split::house.
struct HouseParts {
    int64_t unfilled = 0;  // the parts of the levels nobody stands at
    int64_t rounding = 0;  // what rounding each part separately left over
    int64_t margin = 0;    // the rest
};

// Who is entitled to the sale of an entry, from its postings: a role that has none earns nothing of any part of the
// sale either, for a part is never larger than the whole. So a bonus too small for a posting counts as not owed.
// REQUIRES: an accepted TransactionRecorded.
Sale sale_of(const Entry& entry);

// Whether there can be such a sale, of which so much is left: what Rules::entitled requires, for entries that may be of
// somebody else's making.
bool is_possible(const Sale& sale, int64_t left);

// The part of a split that a posting to `earned` with this role is of; 0 for a role that no sale has.
int64_t part_of(const Split& split, Role role);

}  // namespace upline
