// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/outcome.h"

#include <array>

#include "events/base/check.h"

namespace upline {

std::string_view outcome_name(Outcome outcome) {
    static constexpr std::array<std::string_view, kLastOutcome + 1> kNames = {"accepted",
                                                                              "malformed",
                                                                              "wrong_partition",
                                                                              "duplicate",
                                                                              "conflict",
                                                                              "unknown_type",
                                                                              "from_future",
                                                                              "self_referral",
                                                                              "unknown_referrer",
                                                                              "unknown_website",
                                                                              "unknown_user",
                                                                              "invalid",
                                                                              "unknown_transaction",
                                                                              "over_refund",
                                                                              "suspended",
                                                                              "below_minimum",
                                                                              "insufficient_funds",
                                                                              "unknown_payout",
                                                                              "invalid_state",
                                                                              "out_of_range"};
    UPLINE_CHECK(static_cast<uint8_t>(outcome) <= kLastOutcome, "an outcome of the table");
    return kNames[static_cast<uint8_t>(outcome)];
}

}  // namespace upline
