// SPDX-License-Identifier: Apache-2.0
// Money as text. Inside it is int64 minor units; no floating point anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "events/values/currency.h"

namespace upline {

// A decimal string with at most `decimals` digits after the point as a whole number of 10^-decimals units:
// parse_decimal("11.7", 2) is 1170. Form: -?(0|[1-9][0-9]*)(\.[0-9]+)?, no exponent, no plus, no spaces; "-0" (in any
// spelling) is refused. kInvalid with the reason when the form is wrong, there are more decimals, or it leaves int64.
Result<int64_t> parse_decimal(std::string_view text, int decimals);

// With exactly `decimals` digits after the point: format_decimal(1170, 2) is "11.70". Every int64.
std::string format_decimal(int64_t value, int decimals);
void append_decimal(int64_t value, int decimals, std::string& out);
inline std::string format_amount(int64_t minor, Currency currency) {
    return format_decimal(minor, currency_exponent(currency));
}

}  // namespace upline
