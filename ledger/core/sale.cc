// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/sale.h"

#include <algorithm>

#include "events/base/check.h"
#include "events/base/int128.h"

namespace upline {

Plan plan_of(const PlanPublished& event) {
    UPLINE_CHECK(event.level_rates.size() <= kMaxLevels, "a plan that was accepted");
    Plan plan;
    std::ranges::copy(event.level_rates, plan.level_rates.begin());
    plan.levels = static_cast<uint32_t>(event.level_rates.size());
    plan.website_bonus = event.website_bonus;
    plan.creator_share = event.creator_share;
    plan.hold_days = event.hold_days;
    plan.minimum_payout = event.minimum_payout.value;
    return plan;
}

Sale sale_of(const Entry& entry) {
    const auto& event = std::get<TransactionRecorded>(entry.payload);
    constexpr size_t kCreator = 2;
    Sale sale{.amount = event.amount.value, .tax = event.tax.value, .has_creator = entry.refs[kCreator] != kNoSequence};
    for (const Posting& posting : entry.posted()) {
        if (posting.role == Role::kWebsite) sale.website_bonus_owed = true;
        if (is_level(posting.role)) sale.upline_size = static_cast<uint8_t>(posting.role);
    }
    return sale;
}

bool is_possible(const Sale& sale, int64_t left) {
    return sale.amount > 0 && sale.amount <= kAmountCap && sale.tax >= 0 && sale.tax <= sale.amount && left >= 0 &&
           left <= sale.amount;
}

bool below_minimum(const Plan& plan, int64_t amount, Currency currency) {
    constexpr int64_t kTenThousandths = 10'000;
    int64_t minor_per_major = 1;
    for (int digit = 0; digit < currency_exponent(currency); ++digit) minor_per_major *= 10;
    return Int128{amount} * kTenThousandths < Int128{plan.minimum_payout} * minor_per_major;
}

int64_t part_of(const Split& split, Role role) {
    if (is_level(role)) return split.levels[static_cast<size_t>(role) - 1];
    if (role == Role::kCreator) return split.creator;
    return role == Role::kWebsite ? split.website : 0;
}

}  // namespace upline
