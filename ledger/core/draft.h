// SPDX-License-Identifier: Apache-2.0
// An event on its way to an entry: what a rule is given, and what it fills in.
#pragma once

#include <cstdint>

#include "events/base/result.h"
#include "ledger/core/entry.h"
#include "ledger/core/rules.h"
#include "ledger/core/state.h"

namespace upline {

// What a rule may ask that is not in the state.
class AvailableFunds {
  public:
    virtual ~AvailableFunds() = default;
    // Whether an account's available balance, as it is at `at_us`, covers the amount. REQUIRES: at_us not before the
    // clock. An error is one of reading entries.
    virtual Result<bool> covers(AccountIndex account, int64_t amount, int64_t at_us) = 0;
};

// A rule reads the first part and, if it accepts, fills the second.
struct Draft {
    const Rules& rules;  // in force
    const State& state;
    AvailableFunds& funds;
    int64_t clock_us;        // after the event, if it is accepted
    const Entry* sale;       // the one a TransactionRefunded names, if there is one
    Entry& entry;            // head and references are filled in; the rule adds plan, currency, maturity and postings
    ResolvedRefs& resolved;  // the references' indexes; the rule adds the users of its postings
};

}  // namespace upline
