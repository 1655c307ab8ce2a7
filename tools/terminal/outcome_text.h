// SPDX-License-Identifier: Apache-2.0
// What outcomes say to people: what each means, what the one who sent the event can do, and how many there were.
#pragma once

#include <string>
#include <string_view>

#include "ledger/core/outcome.h"

namespace upline {

// A clause for behind the outcome's name: "over_refund: it takes back more than is left of its transaction".
std::string_view outcome_meaning(Outcome outcome);
// A sentence for the sender: "Refund at most what is left of it." Empty if there is nothing to do.
std::string_view outcome_advice(Outcome outcome);
// "4 accepted, 1 over_refund", by number; "none" of no entries.
std::string outcomes_text(const OutcomeCounts& counts);
// The same as a JSON object: {"accepted": 4, "over_refund": 1}.
std::string outcomes_json(const OutcomeCounts& counts);
int64_t refused_in(const OutcomeCounts& counts);

}  // namespace upline
