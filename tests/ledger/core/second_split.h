// SPDX-License-Identifier: Apache-2.0
// For tests: a version 2 of the rules under which money goes other ways, so that whoever works out money of a sale
// under the wrong version gives another amount. The same rules are said a second time in
// tests/ledger/core/money_model.h.
//
//   split         levels and the website's bonus are rounded down to even minor units; the house keeps what that leaves
//   default plan  30 % and 10.01 %, a bonus of 7 %, 40 % for the creator, 10 days, 5.0000
//   plans         pay half the website bonus that their event says; holds above 365 days are refused
//   minimum       half of it is enough
#pragma once

#include <algorithm>
#include <array>
#include <optional>

#include "ledger/core/rules.h"
#include "ledger/core/rules_v1.h"

namespace upline::testing {
namespace second_split {

inline Split entitled(const Plan& plan, const Sale& sale, int64_t left) {
    Split split = rules_v1::entitled(plan, sale, left);
    const auto round = [&split](int64_t& part) {
        split.house += part % 2;
        part -= part % 2;
    };
    round(split.website);
    std::ranges::for_each(split.levels, round);
    return split;
}

inline HouseParts house_parts(const Plan& plan, const Sale& sale, int64_t left) {
    const Split split = entitled(plan, sale, left);
    Sale full = sale;
    full.upline_size = kMaxLevels;
    const Split filled = entitled(plan, full, left);
    HouseParts parts;
    parts.unfilled = split.house - filled.house;
    // What the first version's rounding leaves is its own; the rest of the odd units comes to it.
    const HouseParts first = rules_v1::house_parts(plan, full, left);
    parts.rounding = first.rounding + (filled.house - rules_v1::entitled(plan, full, left).house);
    parts.margin = split.house - parts.unfilled - parts.rounding;
    return parts;
}

inline std::optional<Plan> plan_of(const PlanPublished& event) {
    std::optional<Plan> plan = rules_v1::plan_of(event);
    if (!plan || plan->hold_days > Days{365}) return std::nullopt;
    plan->website_bonus.value /= 2;
    return plan;
}

inline bool below_minimum(const Plan& plan, int64_t amount, Currency currency) {
    return rules_v1::below_minimum(plan, 2 * amount, currency);
}

}  // namespace second_split

inline constexpr std::array<Rules, 2> kTwoSplits = [] {
    Rules second = rules_v1::kRules;
    second.version = 2;
    second.default_plan = {{3000, 1001}, 2, 700, 4000, 10, 0, 50'000};
    second.plan_of = second_split::plan_of;
    second.below_minimum = second_split::below_minimum;
    second.entitled = second_split::entitled;
    second.house_parts = second_split::house_parts;
    return std::array{rules_v1::kRules, second};
}();

}  // namespace upline::testing
