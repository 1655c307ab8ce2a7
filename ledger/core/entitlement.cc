// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/entitlement.h"

#include "events/base/check.h"
#include "events/base/int128.h"

namespace upline::rules_v1 {
namespace {

// floor(value * numerator / denominator) for values that are never negative.
int64_t share(int64_t value, int64_t numerator, int64_t denominator) {
    return static_cast<int64_t>(static_cast<UInt128>(value) * static_cast<uint64_t>(numerator) /
                                static_cast<uint64_t>(denominator));
}

// floor(value * rate / 10000). Up to the cap the product fits 64 bits, whose division is several times cheaper.
int64_t part(int64_t value, BasisPoints rate) {
    static_assert(static_cast<UInt128>(kAmountCap) * kBasisPoints <= UINT64_MAX);
    return static_cast<int64_t>(static_cast<uint64_t>(value) * static_cast<uint64_t>(rate.value) /
                                static_cast<uint64_t>(kBasisPoints));
}

int64_t base_of(const Plan& plan, const Sale& sale, int64_t left, Split& split) {
    split.tax = sale.tax == 0 ? 0 : share(left, sale.tax, sale.amount);
    const int64_t net = left - split.tax;
    split.creator = sale.has_creator ? part(net, plan.creator_share) : 0;
    return net - split.creator;
}

}  // namespace

Split entitled(const Plan& plan, const Sale& sale, int64_t left) {
    UPLINE_CHECK(0 <= left && left <= sale.amount && sale.amount <= kAmountCap, "an amount left of the sale");
    Split split;
    const int64_t base = base_of(plan, sale, left, split);
    split.website = sale.website_bonus_owed ? part(base, plan.website_bonus) : 0;
    split.house = base - split.website;
    for (unsigned k = 0; k < plan.levels && k < sale.upline_size; ++k) {
        split.levels[k] = part(base, plan.level_rates[k]);
        split.house -= split.levels[k];
    }
    return split;
}

HouseParts house_parts(const Plan& plan, const Sale& sale, int64_t left) {
    const Split split = entitled(plan, sale, left);
    Split unused;
    const int64_t base = base_of(plan, sale, left, unused);
    BasisPoints rates = sale.website_bonus_owed ? plan.website_bonus : BasisPoints{};
    int64_t floors = split.website;
    HouseParts parts;
    for (unsigned k = 0; k < plan.levels; ++k) {
        const int64_t level = k < sale.upline_size ? split.levels[k] : part(base, plan.level_rates[k]);
        rates.value += plan.level_rates[k].value;
        floors += level;
        if (k >= sale.upline_size) parts.unfilled += level;
    }
    parts.rounding = part(base, rates) - floors;
    parts.margin = split.house - parts.unfilled - parts.rounding;
    return parts;
}

}  // namespace upline::rules_v1
