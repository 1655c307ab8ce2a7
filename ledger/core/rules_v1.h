// SPDX-License-Identifier: Apache-2.0
// The rules of money, version 1: for each event type its own checks in their order, and what it posts.
//
// To add an event type: a function `Result<Outcome> rule(const ThatType&, Draft&)` in the .cc file of its version,
// beside the others, and, if it changes more than balances, a case in State::apply.
#pragma once

#include "ledger/core/rules.h"

namespace upline::rules_v1 {

// As Rules::has_rule and Rules::apply.
bool has_rule(const Payload& payload);
Result<Outcome> apply(const Payload& payload, Draft& draft);

}  // namespace upline::rules_v1
