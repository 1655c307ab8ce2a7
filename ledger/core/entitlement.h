// SPDX-License-Identifier: Apache-2.0
// How a sale is split under rules version 1: the one pure function of its money. All integer, 128-bit intermediates,
// every division rounds down, what rounding leaves stays with the house.
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
//
// Whoever works out money of a sale asks the rules of that sale (SaleTerms in ledger/core/rules.h), never this.
#pragma once

#include <cstdint>

#include "ledger/core/sale.h"

namespace upline::rules_v1 {

// REQUIRES: 0 <= left <= sale.amount, and a plan whose rates pass the checks of PlanPublished.
Split entitled(const Plan& plan, const Sale& sale, int64_t left);
HouseParts house_parts(const Plan& plan, const Sale& sale, int64_t left);

}  // namespace upline::rules_v1
