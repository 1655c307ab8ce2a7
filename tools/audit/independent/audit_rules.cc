// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/independent/audit_rules.h"

#include <array>

#include "events/base/int128.h"

namespace upline {
namespace {

constexpr int64_t kWhole = 10'000;  // basis points, and the ten-thousandths of a major unit

// floor(of * numerator / denominator). REQUIRES: none is negative.
int64_t part(int64_t of, int64_t numerator, int64_t denominator) {
    return static_cast<int64_t>(static_cast<Int128>(of) * numerator / denominator);
}

AuditPlan read_plan_v1(const PlanPublished& event) {
    return {.level_rates = {event.level_rates.begin(), event.level_rates.end()},
            .website_bonus = event.website_bonus.value,
            .creator_share = event.creator_share.value,
            .hold_days = event.hold_days.value,
            .minimum_payout = event.minimum_payout.value};
}

// The house keeps what rounding leaves.
void split_sale_v1(const TransactionRecorded& sale, std::span<const AuditShare> shares, int64_t left,
                   AuditSplit& split) {
    split.shares.clear();
    split.tax = part(left, sale.tax.value, sale.amount.value);
    int64_t base = left - split.tax;
    split.house = base;
    for (const AuditShare& share : shares) {
        const int64_t amount = part(base, share.rate, kWhole);
        split.shares.push_back(amount);
        split.house -= amount;
        if (share.role == Role::kCreator) base -= amount;
    }
}

bool is_below_minimum_v1(const AuditPlan& plan, int64_t amount, Currency currency) {
    Int128 minimum = plan.minimum_payout;  // in ten-thousandths of a minor unit
    for (int digit = 0; digit < currency_exponent(currency); ++digit) minimum *= 10;
    return Int128{amount} * kWhole < minimum;
}

}  // namespace

std::span<const AuditRules> audit_rules() {
    static const std::array<AuditRules, 1> versions{
        AuditRules{.default_plan = {.level_rates = {2000, 1500, 1000, 800, 500, 300, 200},
                                    .website_bonus = 500,
                                    .creator_share = 5000,
                                    .hold_days = 30,
                                    .minimum_payout = 100'000},
                   .read_plan = read_plan_v1,
                   .split_sale = split_sale_v1,
                   .is_below_minimum = is_below_minimum_v1}};
    return versions;
}

}  // namespace upline
