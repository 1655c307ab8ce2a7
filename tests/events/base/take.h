// SPDX-License-Identifier: Apache-2.0
// What a test needs to go on at all: it ends the program, with the reason, if that failed.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "events/base/result.h"

namespace upline {

template <class T>
T take(Result<T> result) {
    if (result.ok()) return std::move(*result);
    std::fprintf(stderr, "set-up: %s\n", result.error().message.c_str());
    std::abort();
}

}  // namespace upline
