// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/value_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/values/money.h"
#include "events/values/time.h"

namespace upline {

std::string ledger_time_text(int64_t us) {
    return format_time(std::clamp<int64_t>(us, 0, kMaxTimeUs));
}

std::string amount_text(int64_t minor, Currency currency) {
    std::string text = format_amount(minor, currency);
    const size_t point = std::min(text.find('.'), text.size());
    const size_t first = text.starts_with('-') ? 1 : 0;
    for (size_t i = point; i > first + 3; i -= 3) text.insert(i - 3, ",");
    return text;
}

std::string money_text(int64_t minor, Currency currency) {
    return fmt::format("{} {}", amount_text(minor, currency), currency.text());
}

}  // namespace upline
