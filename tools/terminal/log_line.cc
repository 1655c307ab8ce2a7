// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/log_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>

#include "events/values/time.h"

namespace upline {

void log_line(LogLevel level, std::string_view message) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    const char* const over_progress = ::isatty(STDERR_FILENO) != 0 ? "\r\x1b[K" : "";
    fmt::print(stderr, "{}{} {} {}\n", over_progress, format_time(std::chrono::microseconds(now).count()),
               level == LogLevel::kInfo ? "info" : "warning", message);
}

}  // namespace upline
