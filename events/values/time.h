// SPDX-License-Identifier: Apache-2.0
// Times as text: RFC 3339 ("2026-01-02T03:04:05.000006Z"), microseconds since 1970 inside, proleptic Gregorian,
// no leap seconds. No clock is read here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace upline {

inline constexpr int64_t kUsPerSecond = 1'000'000;
inline constexpr int64_t kUsPerDay = 86'400 * kUsPerSecond;
inline constexpr int64_t kMaxTimeUs = 253'402'300'799'999'999;  // 9999-12-31T23:59:59.999999Z

// "YYYY-MM-DDThh:mm:ss[.1-6 digits]", then "Z" or an offset from UTC ("+05:30", "-08:00"), in 1970 to 9999 of UTC.
// kInvalid with the reason otherwise.
Result<int64_t> parse_time(std::string_view text);
// The shortest such form in UTC: decimals only if there are any, then 3 or 6. REQUIRES: 0 <= us <= kMaxTimeUs.
std::string format_time(int64_t us);
void append_time(int64_t us, std::string& out);
// "YYYY-MM-DD" of day number `day` since 1970-01-01.
std::string format_day(int64_t day);

}  // namespace upline
