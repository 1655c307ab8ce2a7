// SPDX-License-Identifier: Apache-2.0
#include "events/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace upline {

void check_failed(const char* file, int line, const char* condition, const char* expected) noexcept {
    std::fprintf(stderr, "%s:%d: this cannot happen: (%s) is false; expected: %s\n", file, line, condition, expected);
    std::abort();
}

}  // namespace upline
