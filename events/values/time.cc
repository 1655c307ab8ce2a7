// SPDX-License-Identifier: Apache-2.0
// RFC 3339 in UTC to microseconds since 1970 and back.
#include "events/values/time.h"

#include <fmt/format.h>

#include <array>
#include <chrono>

#include "events/base/check.h"
#include "events/base/text.h"

namespace upline {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Where digits stand in "YYYY-MM-DDThh:mm:ss", and what stands between them.
constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";

bool has_form(std::string_view text) {
    if (text.size() <= kForm.size() || text.back() != 'Z') return false;
    for (size_t i = 0; i < kForm.size(); ++i) {
        if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != kForm[i]) return false;
    }
    const std::string_view rest = text.substr(kForm.size());
    if (rest.size() == 1) return true;
    if (rest[0] != '.' || rest.size() < 3 || rest.size() > 8) return false;
    for (const char c : rest.substr(1, rest.size() - 2)) {
        if (!is_digit(c)) return false;
    }
    return true;
}

int number(std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
}

int64_t microseconds(std::string_view fraction) {
    int64_t value = number(fraction);
    for (size_t i = fraction.size(); i < 6; ++i) value *= 10;
    return value;
}

// Writes `value` with leading zeros so that it ends before `end`.
void put_digits(int64_t value, int count, char* end) {
    for (int i = 0; i < count; ++i, value /= 10) *--end = static_cast<char>('0' + value % 10);
}

void put_day(int64_t day, char* out) {
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
    put_digits(static_cast<int>(date.year()), 4, out + 4);
    put_digits(static_cast<unsigned>(date.month()), 2, out + 7);
    put_digits(static_cast<unsigned>(date.day()), 2, out + 10);
    out[4] = out[7] = '-';
}

}  // namespace

Result<int64_t> parse_time(std::string_view text) {
    const auto wrong = [&](std::string_view reason) {
        return Error{ErrorCode::kInvalid, fmt::format("{} {}", quote_for_message(text), reason)};
    };
    if (!has_form(text)) return wrong("is not a time like 2026-01-02T03:04:05Z (UTC, at most 6 decimals)");
    const std::chrono::year_month_day date{std::chrono::year{number(text.substr(0, 4))},
                                           std::chrono::month{static_cast<unsigned>(number(text.substr(5, 2)))},
                                           std::chrono::day{static_cast<unsigned>(number(text.substr(8, 2)))}};
    if (!date.ok()) return wrong("is no day of the calendar");
    const int hour = number(text.substr(11, 2));
    const int minute = number(text.substr(14, 2));
    const int second = number(text.substr(17, 2));
    if (hour > 23 || minute > 59 || second > 59) return wrong("is no time of a day (leap seconds are not counted)");
    if (date.year() < std::chrono::year{1970}) return wrong("is before 1970");

    const int64_t day = std::chrono::sys_days{date}.time_since_epoch().count();
    const std::string_view fraction =
        text.size() > kForm.size() + 1 ? text.substr(kForm.size() + 1, text.size() - kForm.size() - 2) : "";
    return day * kUsPerDay + (hour * 3600 + minute * 60 + second) * kUsPerSecond + microseconds(fraction);
}

void append_time(int64_t us, std::string& out) {
    UPLINE_CHECK(us >= 0 && us <= kMaxTimeUs, "a time lies in 1970 to 9999");
    std::array<char, 27> text{};
    const int64_t second = us % kUsPerDay / kUsPerSecond;
    const int64_t fraction = us % kUsPerSecond;
    put_day(us / kUsPerDay, text.data());
    text[10] = 'T';
    put_digits(second / 3600, 2, &text[13]);
    text[13] = ':';
    put_digits(second / 60 % 60, 2, &text[16]);
    text[16] = ':';
    put_digits(second % 60, 2, &text[19]);
    size_t size = 19;
    if (fraction != 0) {
        const int places = fraction % 1000 == 0 ? 3 : 6;
        text[19] = '.';
        size = 20 + static_cast<size_t>(places);
        put_digits(places == 3 ? fraction / 1000 : fraction, places, text.data() + size);
    }
    text[size++] = 'Z';
    out.append(text.data(), size);
}

std::string format_time(int64_t us) {
    std::string text;
    append_time(us, text);
    return text;
}

std::string format_day(int64_t day) {
    std::string text(10, '\0');
    put_day(day, text.data());
    return text;
}

}  // namespace upline
