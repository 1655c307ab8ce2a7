// SPDX-License-Identifier: Apache-2.0
// The inputs that fuzzing begins with: those of tests/fuzz/seeds/TARGET, and what other tests have for the same parser.
// In the project they are text: a file NAME.hex holds an input on each line, any other file is one input as it lies.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace upline::fuzz {

inline constexpr std::array<std::string_view, 8> kTargets = {"event", "json", "entry",         "note",
                                                             "proof", "tile", "payout_result", "witness"};

struct Seed {
    std::string name;
    std::string bytes;
};
// By name. Aborts if a file cannot be read or is no hex.
std::vector<Seed> seeds_of(std::string_view target);

}  // namespace upline::fuzz
