// SPDX-License-Identifier: Apache-2.0
// How far long work has come.
#pragma once

#include <cstdint>
#include <functional>

namespace upline {

// Called now and then during long work, by the thread that does it: how much is done of how much.
using Progress = std::function<void(uint64_t done, uint64_t of)>;

}  // namespace upline
