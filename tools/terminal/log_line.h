// SPDX-License-Identifier: Apache-2.0
// The log of commands that run for long: lines on standard error, whose time and level a person and a collector can
// read. No library: lines are few, and what starts the program (systemd, a container) rotates and ships them.
#pragma once

#include <string_view>

namespace upline {

enum class LogLevel { kInfo, kWarning };

// "2026-01-02T03:04:05.678Z info partition 0: resumes after entry 41". Any thread: a line is written whole.
void log_line(LogLevel level, std::string_view message);

}  // namespace upline
