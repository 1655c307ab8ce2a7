// SPDX-License-Identifier: Apache-2.0
// Values of the ledger as people read them.
#pragma once

#include <cstdint>
#include <string>

#include "events/values/currency.h"

namespace upline {

// A ledger time, whatever an entry says: one that is no time of a calendar is told as its first or last.
std::string ledger_time_text(int64_t us);

// Minor units: "2,000.00 USD", and without the currency.
std::string money_text(int64_t minor, Currency currency);
std::string amount_text(int64_t minor, Currency currency);

}  // namespace upline
