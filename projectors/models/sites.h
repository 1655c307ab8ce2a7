// SPDX-License-Identifier: Apache-2.0
// The sites read model: what happens on each website, by UTC day (of occurred_at) and in total.
//
// Key:  u8 1, website (40 bits: the sequence of its creation), day (u32: 0 the total, else days since 1970 + 1),
//       u8 kind, currency (3 letters, or zeros), big-endian
//
//   kind 0   activity: a sum of counts for each widget and, within it, each kind of activity
//   kind 1   sales in a currency: how many, revenue, tax, commission, website bonus, refunds, refunded
//   kind 2   the visitors of a day (projectors/visitors.h); a total has none, for their tokens change daily
//
// A sale is of the website it names, whether or not that earns its owner a bonus. A refund is of its sale's website, on
// the day of the refund.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

inline constexpr size_t kWidgets = 6;        // of facts.h's Widget
inline constexpr size_t kActivityKinds = 4;  // of facts.h's ActivityKind

std::unique_ptr<Model> sites_model();

// Amounts in minor units.
struct SiteSales {
    Currency currency{};
    int64_t sales = 0;    // how many
    int64_t refunds = 0;  // how many
    int64_t revenue = 0;  // before refunds
    int64_t refunded = 0;
    // Less what refunds took back:
    int64_t tax = 0;
    int64_t commission = 0;     // all that users earned by these sales: levels, creators and the owner's bonus
    int64_t website_bonus = 0;  // of it the owner's
};

struct SiteStats {
    std::array<std::array<int64_t, kActivityKinds>, kWidgets>
        activity{};                // by index_of(Widget), index_of(ActivityKind)
    std::vector<SiteSales> sales;  // by currency, ascending
    // Different visitors of the day; in a total the sum of its days'. An estimate (of 1.6 % standard error for a day)
    // where not exact.
    int64_t visitors = 0;
    bool visitors_exact = true;

    int64_t count(ActivityKind kind) const;  // of all widgets
    // In basis points, rounded down; nullopt when there is nothing to divide by.
    std::optional<int64_t> click_through_bp(Widget widget) const;  // clicks of impressions
    std::optional<int64_t> conversion_bp() const;                  // sales of visitors
};

struct Site {
    Sequence website = kNoSequence;  // of its creation
    SiteStats total;
    struct Day {
        int64_t day = 0;  // since 1970-01-01
        SiteStats stats;
    };
    std::vector<Day> days;  // ascending, those on which something happened
};

// Calls row(site) for each website on which something happened, ascending, until it returns false; for one if one is
// given. kCorrupt for a row that cannot be read.
Status read_sites(Table& table, std::optional<Sequence> website, const std::function<bool(const Site&)>& row);

}  // namespace upline
