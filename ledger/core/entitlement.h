// SPDX-License-Identifier: Apache-2.0
// How a sale is split: the one pure function of money. All integer, 128-bit intermediates, every division rounds down,
// what rounding leaves stays with the house.
//
//     tax     = floor(left * tax of the sale / amount of the sale)
//     net     = left - tax
//     creator = floor(net * creator_share / 10000)    if the sale names a creator
//     base    = net - creator
//     website = floor(base * website_bonus / 10000)   if a bonus is owed
//     level k = floor(base * rate k / 10000)          for each upline member k that exists
//     house   = left - tax - creator - website - levels
//
// `left` is what is left of the sale: its amount at first, less after refunds. A refund reverses
// entitled(old left) - entitled(new left), so a sale refunded in any number of steps ends at exactly zero.
#pragma once

#include <array>
#include <cstdint>

namespace upline {

inline constexpr unsigned kMaxLevels = 7;
inline constexpr int64_t kBasisPoints = 10'000;
// The largest amount either way, in minor units; with it no sum of one entry leaves int64.
inline constexpr int64_t kAmountCap = 1'000'000'000'000'000;

// A program's rates, in basis points. Immutable once published. Stored as it lies in memory (ledger/core/state.h).
struct Plan {
    std::array<int32_t, kMaxLevels> level_rates{};
    uint32_t levels = 0;  // how many of level_rates count
    int32_t website_bonus = 0;
    int32_t creator_share = 0;
    int32_t hold_days = 0;
    uint32_t zero = 0;
    int64_t minimum_payout = 0;  // ten-thousandths of a major unit
};

// The plan of a program that has published none.
inline constexpr Plan kDefaultPlan{{2000, 1500, 1000, 800, 500, 300, 200}, 7, 500, 5000, 30, 0, 100'000};

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

// REQUIRES: 0 <= left <= sale.amount, and a plan whose rates pass the checks of PlanPublished.
Split entitled(const Plan& plan, const Sale& sale, int64_t left);

// What the house's part of a whole sale is made of; the three sum to Split::house.
struct HouseParts {
    int64_t unfilled = 0;  // the floors of the levels nobody stands at
    int64_t rounding = 0;  // what flooring each part separately left over
    int64_t margin = 0;    // the rest
};
HouseParts house_parts(const Plan& plan, const Sale& sale, int64_t left);

}  // namespace upline
