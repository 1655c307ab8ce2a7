// SPDX-License-Identifier: Apache-2.0
// Every seed of every fuzz target through the target itself, so that what fuzzing once found is looked at in each run
// of the tests. The targets are compiled under names of their own (CMakeLists.txt).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/fuzz/seeds.h"

extern "C" {
int fuzz_event(const uint8_t* data, size_t size);
int fuzz_json(const uint8_t* data, size_t size);
int fuzz_entry(const uint8_t* data, size_t size);
int fuzz_note(const uint8_t* data, size_t size);
int fuzz_proof(const uint8_t* data, size_t size);
int fuzz_tile(const uint8_t* data, size_t size);
int fuzz_payout_result(const uint8_t* data, size_t size);
int fuzz_witness(const uint8_t* data, size_t size);
}

namespace upline::fuzz {
namespace {

constexpr std::array kFunctions = {&fuzz_event, &fuzz_json, &fuzz_entry,         &fuzz_note,
                                   &fuzz_proof, &fuzz_tile, &fuzz_payout_result, &fuzz_witness};
static_assert(kFunctions.size() == kTargets.size());

class FuzzSeeds : public ::testing::TestWithParam<size_t> {};

TEST_P(FuzzSeeds, KeepWhatTheirTargetHolds) {
    const std::vector<Seed> seeds = seeds_of(kTargets.at(GetParam()));
    EXPECT_FALSE(seeds.empty());
    for (const Seed& seed : seeds) {
        fmt::print("{}\n", seed.name);  // the last one named is the one that aborts
        std::fflush(stdout);
        const std::vector<uint8_t> bytes(seed.bytes.begin(), seed.bytes.end());
        EXPECT_EQ(kFunctions.at(GetParam())(bytes.data(), bytes.size()), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzSeeds, ::testing::Range(size_t{0}, kTargets.size()),
                         [](const auto& param) { return std::string(kTargets.at(param.param)); });

}  // namespace
}  // namespace upline::fuzz
