// SPDX-License-Identifier: Apache-2.0
// A recorded sale, as its entry tells it for ever: what was frozen when it was made. Whoever works out what a refund
// takes back, what matures or what the house kept and why starts from here.
#pragma once

#include <cstdint>

#include "ledger/core/entitlement.h"
#include "ledger/core/entry.h"

namespace upline {

// The plan an event publishes. REQUIRES: rates that pass the checks of PlanPublished.
Plan plan_of(const PlanPublished& event);

// Who is entitled to the sale of an entry, from its postings: a role that has none earns nothing of any part of the
// sale either, for a part is never larger than the whole. So a bonus too small for a posting counts as not owed.
// REQUIRES: an accepted TransactionRecorded.
Sale sale_of(const Entry& entry);

// Whether there can be such a sale, of which so much is left: what entitled() requires, for entries that may be of
// somebody else's making.
bool is_possible(const Sale& sale, int64_t left);

// Whether a payout of that amount is below the plan's minimum, compared exactly whatever the currency's decimals.
bool below_minimum(const Plan& plan, int64_t amount, Currency currency);

// The part of a split that a posting to `earned` with this role is of; 0 for a role that no sale has.
int64_t part_of(const Split& split, Role role);

}  // namespace upline
