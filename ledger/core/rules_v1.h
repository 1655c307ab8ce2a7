// SPDX-License-Identifier: Apache-2.0
// The rules of money, version 1: for each event type its own checks in their order, and what it posts; how a sale is
// split stands in ledger/core/entitlement.h. To add an event type: events/README.md.
#pragma once

#include "ledger/core/entitlement.h"
#include "ledger/core/rules.h"

namespace upline::rules_v1 {

// As the members of Rules.
bool has_rule(const Payload& payload);
Result<Outcome> apply(const Payload& payload, Draft& draft);
std::optional<Plan> plan_of(const PlanPublished& event);
// Compared exactly, whatever the currency's decimals.
bool below_minimum(const Plan& plan, int64_t amount, Currency currency);

inline constexpr Rules kRules = {
    .version = 1,
    .last_type = 15,
    .has_rule = has_rule,
    .apply = apply,
    .default_plan = {.level_rates = {{{2000}, {1500}, {1000}, {800}, {500}, {300}, {200}}},
                     .levels = 7,
                     .website_bonus = {500},
                     .creator_share = {5000},
                     .hold_days = {30},
                     .minimum_payout = 100'000},
    .plan_of = plan_of,
    .below_minimum = below_minimum,
    .entitled = entitled,
    .house_parts = house_parts,
};

}  // namespace upline::rules_v1
