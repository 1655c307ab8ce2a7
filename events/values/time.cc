// SPDX-License-Identifier: Apache-2.0
// RFC 3339 to microseconds since 1970 and back.
#include "events/values/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include "events/base/check.h"
#include "events/base/text.h"

namespace upline {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Where digits stand in "YYYY-MM-DDThh:mm:ss" and "+hh:mm", and what stands between them.
constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
constexpr std::string_view kOffsetForm = "?dd:dd";

bool has_form(std::string_view text, std::string_view form) {
    if (text.size() != form.size()) return false;
    for (size_t i = 0; i < form.size(); ++i) {
        if (form[i] == '?') continue;
        if (form[i] == 'd' ? !is_digit(text[i]) : text[i] != form[i]) return false;
    }
    return true;
}

int number(std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
}

// Of "" or ".1" to ".123456"; nothing of any other text.
std::optional<int64_t> microseconds(std::string_view fraction) {
    if (fraction.empty()) return 0;
    const std::string_view digits = fraction.substr(1);
    if (fraction.front() != '.' || digits.empty() || digits.size() > 6 || !std::ranges::all_of(digits, is_digit))
        return std::nullopt;
    int64_t value = number(digits);
    for (size_t i = digits.size(); i < 6; ++i) value *= 10;
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
    const std::string_view local = text.substr(0, kForm.size());
    const size_t zone_at = std::min(text.find_first_of("Z+-", kForm.size()), text.size());
    const std::string_view zone = text.substr(zone_at);
    const std::optional<int64_t> fraction = microseconds(text.substr(local.size(), zone_at - local.size()));
    if (!has_form(local, kForm) || !fraction ||
        (zone != "Z" && (zone.starts_with('Z') || !has_form(zone, kOffsetForm))))
        return wrong("is not a time like 2026-01-02T03:04:05Z or 2026-01-02T04:04:05+01:00 (at most 6 decimals)");
    const std::chrono::year_month_day date{std::chrono::year{number(text.substr(0, 4))},
                                           std::chrono::month{static_cast<unsigned>(number(text.substr(5, 2)))},
                                           std::chrono::day{static_cast<unsigned>(number(text.substr(8, 2)))}};
    if (!date.ok()) return wrong("is no day of the calendar");
    const int hour = number(text.substr(11, 2));
    const int minute = number(text.substr(14, 2));
    const int second = number(text.substr(17, 2));
    if (hour > 23 || minute > 59 || second > 59) return wrong("is no time of a day (leap seconds are not counted)");
    int64_t ahead = 0;  // of UTC, in minutes
    if (zone != "Z") {
        const int hours = number(zone.substr(1, 2));
        const int minutes = number(zone.substr(4, 2));
        if (hours > 23 || minutes > 59) return wrong("has no offset from UTC that there is");
        ahead = (zone.front() == '-' ? -1 : 1) * (hours * 60 + minutes);
    }

    const int64_t day = std::chrono::sys_days{date}.time_since_epoch().count();
    const int64_t us = day * kUsPerDay + (hour * 3600 + minute * 60 + second - ahead * 60) * kUsPerSecond + *fraction;
    if (us < 0) return wrong("is before 1970");
    if (us > kMaxTimeUs) return wrong("is after 9999");
    return us;
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
