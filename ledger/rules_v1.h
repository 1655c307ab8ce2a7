// SPDX-License-Identifier: Apache-2.0
// The rules of money, version 1: for each event type its own checks in their order, and what it posts.
//
// To add an event type: a function `Outcome rule(const ThatType&, Draft&)` in rules_v1.cc, declared with the others,
// and, if it changes more than balances, a case in State::apply.
#pragma once

#include "events/facts.h"
#include "ledger/entry.h"
#include "ledger/state.h"

namespace upline::rules_v1 {

// An event on its way to an entry. A rule reads the first part and, if it accepts, fills the second.
struct Draft {
    const State& state;
    int64_t clock_us;    // after the event, if it is accepted
    Entry& entry;        // head and references are filled in; the rule adds plan, currency, maturity and postings
    Resolved& resolved;  // the references' indexes; the rule adds the users of its postings
};

// Whether this version has a rule for the event's type; without one it is unknown_type.
bool has_rule(const Payload& payload);

// The type's own checks: the first that fails, or kAccepted and a filled draft. REQUIRES: has_rule(payload).
Outcome apply(const Payload& payload, Draft& draft);

}  // namespace upline::rules_v1
