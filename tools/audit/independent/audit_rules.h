// SPDX-License-Identifier: Apache-2.0
// The rules of money as the auditor reads them, by version. An entry is judged by the version it carries; a refund
// takes back what its sale's version gave. To add a version, append it to audit_rules(); a version that was released is
// never changed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "events/event.h"
#include "ledger/core/entry.h"

namespace upline {

inline constexpr int64_t kAuditAmountCap = 1'000'000'000'000'000;  // minor units, of a sale or a payout

struct AuditPlan {
    std::vector<int64_t> level_rates;  // basis points, from level 1 on
    int64_t website_bonus = 0;         // basis points
    int64_t creator_share = 0;         // basis points
    int64_t hold_days = 0;
    int64_t minimum_payout = 0;  // ten-thousandths of a major unit
};

// Somebody who earns of a sale.
struct AuditShare {
    Role role{};
    Sequence user = kNoSequence;
    int64_t rate = 0;  // basis points: of the net for a creator, of what the creator leaves for others
};

// How so much of a sale is split, in minor units.
struct AuditSplit {
    int64_t tax = 0;
    std::vector<int64_t> shares;  // [i]: the i-th share's amount
    int64_t house = 0;
};

struct AuditRules {
    AuditPlan default_plan;  // of a program that has published none
    AuditPlan (*read_plan)(const PlanPublished& event) = nullptr;
    // Splits `left`, what is left of the sale. The creator's share, if there is one, comes first. `split` is given so
    // that its memory is used again. REQUIRES: 0 <= tax <= amount <= kAuditAmountCap, 0 < amount, 0 <= left <= amount.
    void (*split_sale)(const TransactionRecorded& sale, std::span<const AuditShare> shares, int64_t left,
                       AuditSplit& split) = nullptr;
    bool (*is_below_minimum)(const AuditPlan& plan, int64_t amount, Currency currency) = nullptr;
};

// Versions 1, 2 ... in order.
std::span<const AuditRules> audit_rules();

}  // namespace upline
