// SPDX-License-Identifier: Apache-2.0
// Decimal strings to whole numbers of small units and back, in integers throughout.
#include "events/values/money.h"

#include <fmt/format.h>

#include <limits>

#include "events/base/check.h"
#include "events/base/text.h"

namespace upline {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

Error wrong(std::string_view text, std::string_view reason) {
    return Error{ErrorCode::kInvalid, fmt::format("{} {}", quote_for_message(text), reason)};
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?
bool is_decimal(std::string_view text) {
    size_t at = text.starts_with('-') ? 1 : 0;
    const size_t whole = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    if (at == whole || (text[whole] == '0' && at - whole > 1)) return false;
    if (at == text.size()) return true;
    if (text[at++] != '.') return false;
    const size_t fraction = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at > fraction && at == text.size();
}

// Unsigned, because no int64 holds the magnitude of the smallest int64.
uint64_t magnitude_of(int64_t value) {
    return value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}

}  // namespace

Result<int64_t> parse_decimal(std::string_view text, int decimals) {
    if (!is_decimal(text)) return wrong(text, "is not a decimal number (digits, at most one point, no exponent)");
    const bool negative = text.starts_with('-');
    const std::string_view digits = text.substr(negative ? 1 : 0);
    const size_t point = digits.find('.');
    const std::string_view whole = digits.substr(0, point);
    const std::string_view fraction = point == std::string_view::npos ? "" : digits.substr(point + 1);
    if (fraction.size() > static_cast<size_t>(decimals)) {
        return wrong(text, fmt::format("has {} decimals, at most {} are allowed", fraction.size(), decimals));
    }

    uint64_t magnitude = 0;
    bool fits = true;
    const auto push_digit = [&](uint64_t digit) {
        fits = fits && !__builtin_mul_overflow(magnitude, uint64_t{10}, &magnitude) &&
               !__builtin_add_overflow(magnitude, digit, &magnitude);
    };
    for (const char c : whole) push_digit(static_cast<uint64_t>(c - '0'));
    for (const char c : fraction) push_digit(static_cast<uint64_t>(c - '0'));
    for (size_t i = fraction.size(); i < static_cast<size_t>(decimals); ++i) push_digit(0);

    const uint64_t limit = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
    if (!fits || magnitude > limit) return wrong(text, "is beyond what 64 bits hold");
    if (negative && magnitude == 0) return wrong(text, "is a zero with a sign");
    return negative ? static_cast<int64_t>(uint64_t{0} - magnitude) : static_cast<int64_t>(magnitude);
}

void append_decimal(int64_t value, int decimals, std::string& out) {
    UPLINE_CHECK(decimals >= 0 && decimals <= 18, "a decimal has 0 to 18 digits after its point");
    const fmt::format_int digits(magnitude_of(value));
    const auto places = static_cast<size_t>(decimals);
    if (value < 0) out += '-';
    if (digits.size() <= places) {
        out += "0.";
        out.append(places - digits.size(), '0');
        out.append(digits.data(), digits.size());
        return;
    }
    out.append(digits.data(), digits.size() - places);
    if (places > 0) {
        out += '.';
        out.append(digits.data() + digits.size() - places, places);
    }
}

std::string format_decimal(int64_t value, int decimals) {
    std::string text;
    append_decimal(value, decimals, text);
    return text;
}

}  // namespace upline
