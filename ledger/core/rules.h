// SPDX-License-Identifier: Apache-2.0
// Versions of the rules. The rules are an input like the events: every entry carries the version it was made under, and
// an accepted RulesActivated starts the next one with the event after it. A release keeps all versions that came
// before, and replays each event under the one in force: what was unknown_type or malformed then stays so for ever.
//
// Money of a sale is worked out under the rules and the plan that the sale was made under, whatever is in force since:
// its refunds, what of it matures, what the house kept of it. SaleTerms holds the two together.
//
// To add a version: a file beside rules_v1.cc with the rules that differ (they may call the earlier ones), its line in
// rules_versions(), a golden data folder of it. A version that was released is never changed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "events/base/result.h"
#include "events/event.h"
#include "ledger/core/entry.h"
#include "ledger/core/sale.h"

namespace upline {

struct Draft;  // ledger/core/draft.h

// One version: what it accepts and posts, and how it splits a sale. All functions are pure.
struct Rules {
    uint16_t version = 0;
    uint8_t last_type = 0;  // the payload of an event of a higher type is not read
    // Whether this version has a rule for the event's type; without one it is unknown_type.
    bool (*has_rule)(const Payload&) = nullptr;
    // The type's own checks: the first that fails, or kAccepted and a filled draft. An error is one of AvailableFunds,
    // or kCorrupt for an entry it read. REQUIRES: has_rule(payload).
    Result<Outcome> (*apply)(const Payload&, Draft&) = nullptr;

    // The plan of a program that has published none.
    Plan default_plan;
    // The plan an event publishes; nullopt if there can be no such plan.
    std::optional<Plan> (*plan_of)(const PlanPublished&) = nullptr;
    // Whether a payout of that amount is below the plan's minimum.
    bool (*below_minimum)(const Plan&, int64_t amount, Currency) = nullptr;
    // Everybody's part of what is left of a sale. Of each version: the parts sum to `left`, none is negative, and none
    // grows when less is left (sale_of counts on it), so a sale refunded in any number of steps ends at exactly zero.
    // REQUIRES: is_possible(sale, left), and the default plan or one of plan_of, of any version.
    Split (*entitled)(const Plan&, const Sale&, int64_t left) = nullptr;
    // What the house's part of that is made of. REQUIRES: as entitled.
    HouseParts (*house_parts)(const Plan&, const Sale&, int64_t left) = nullptr;
};

// All versions this release knows: 1, 2 ... in order, without a gap.
std::span<const Rules> rules_versions();

// The rules of a version; nullptr if they are not among `versions`.
inline const Rules* find_rules(std::span<const Rules> versions, uint16_t version) {
    return version >= 1 && version <= versions.size() ? &versions[version - 1U] : nullptr;
}

// What to tell when a version is in force that is not among `versions`.
Error unknown_rules(uint16_t version, std::span<const Rules> versions);

// The rules an entry was made under. unknown_rules if they are not among `versions`, kCorrupt if no version has that
// number.
Result<const Rules*> rules_of(const Entry& entry, std::span<const Rules> versions);

// A recorded sale with the rules and the plan it was made under: all that its parts follow from. Whoever has the
// entries of plans makes one: State::terms_of, EntryCache::terms_of.
struct SaleTerms {
    const Rules* rules = nullptr;  // as long as the versions they are of
    const Plan* plan = nullptr;    // as long as whoever made this says
    Sale sale;

    // REQUIRES: is_possible(sale, left).
    Split entitled(int64_t left) const { return rules->entitled(*plan, sale, left); }
    HouseParts house_parts(int64_t left) const { return rules->house_parts(*plan, sale, left); }
};
// What to tell of an entry that is no sale of which so much can be left.
Error impossible_sale(const Entry& entry, int64_t left);

}  // namespace upline
