// SPDX-License-Identifier: Apache-2.0
// A line of the file in which a bank or provider tells what it made of payouts, for `upline payouts settle`.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "events/event.h"
#include "tools/payouts/csv.h"

namespace upline {

inline constexpr std::array<std::string_view, 4> kPayoutResultColumns = {"payout", "status", "reference", "reason"};

struct PayoutResult {
    std::string wrong;  // why the line is none; then nothing else is told
    Uuid payout;
    bool settled = false;   // else failed
    std::string reference;  // may be empty
    std::string reason;     // not empty if failed
};
// Of a row of a table with those columns. What is not wrong is a result that an event can tell.
PayoutResult parse_payout_result(const CsvRow& row);

// The payload of its event: a view into the result.
Payload payload_of(const PayoutResult& result);

}  // namespace upline
