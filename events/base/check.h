// SPDX-License-Identifier: Apache-2.0
// UPLINE_CHECK states what cannot happen. It aborts in every build: a ledger that goes on after a broken invariant
// writes wrong money. Bad input is never checked with it; that is an Error (events/base/result.h) or an outcome.
#pragma once

namespace upline {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* expected) noexcept;
}  // namespace upline

#define UPLINE_CHECK(condition, expected)                                     \
    do {                                                                      \
        if (!(condition)) [[unlikely]]                                        \
            ::upline::check_failed(__FILE__, __LINE__, #condition, expected); \
    } while (false)
