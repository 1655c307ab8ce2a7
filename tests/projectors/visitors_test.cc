// SPDX-License-Identifier: Apache-2.0
// Sets of visitors: one form in bytes however a set came together, exact when small, near enough when large.
#include "projectors/visitors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "tests/projectors/community.h"

namespace upline {
namespace {

VisitorSet set_of(std::vector<uint64_t> tokens) {
    std::ranges::sort(tokens);
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    VisitorSet set;
    set.unite(tokens);
    return set;
}

std::vector<uint64_t> random_tokens(size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<uint64_t> tokens(count);
    for (uint64_t& token : tokens) token = random();
    return tokens;
}

TEST(VisitorSet, IsExactUpToItsThresholdAndNoFurther) {
    for (const size_t count : {0U, 1U, 2U, 255U, 256U, 257U, 258U}) {
        const VisitorSet set = set_of(random_tokens(count, 1));
        EXPECT_EQ(set.exact(), count <= VisitorSet::kMaxExact);
        if (!set.exact()) continue;
        EXPECT_EQ(set.count(), count);
    }
}

TEST(VisitorSet, HasOneFormHoweverItCameTogether) {
    const uint64_t seed = testing::test_seed();
    std::mt19937_64 random(seed);
    for (int round = 0; round < 300; ++round) {
        const size_t count = random() % (round % 3 == 0 ? 2000 : 300);
        const std::vector<uint64_t> tokens = random_tokens(count, random());
        const std::string whole = set_of(tokens).encode();

        VisitorSet in_pieces;
        VisitorSet of_sets;
        for (size_t first = 0; first < count;) {
            const size_t size = std::min<size_t>(1 + random() % 400, count - first);
            std::vector<uint64_t> piece(tokens.begin() + static_cast<ptrdiff_t>(first),
                                        tokens.begin() + static_cast<ptrdiff_t>(first + size));
            for (size_t again = random() % 5; again > 0; --again) piece.push_back(tokens[random() % count]);
            const auto stored = VisitorSet::decode(in_pieces.encode());
            ASSERT_TRUE(stored);
            in_pieces = *stored;
            std::ranges::sort(piece);
            piece.erase(std::unique(piece.begin(), piece.end()), piece.end());
            in_pieces.unite(piece);
            VisitorSet other = set_of(piece);
            other.unite(of_sets);
            of_sets = other;
            first += size;
        }
        EXPECT_EQ(in_pieces.encode(), whole) << count << " tokens, seed " << seed;
        EXPECT_EQ(of_sets.encode(), whole) << count << " tokens, seed " << seed;
    }
}

TEST(VisitorSet, EstimatesWithinItsDocumentedError) {
    constexpr double kSigma = 1.04 / 64;
    double squares = 0;
    int trials = 0;
    for (const size_t count : {257U, 400U, 1000U, 3000U, 8000U, 10'240U, 12'000U, 20'000U, 50'000U, 100'000U}) {
        for (uint64_t seed = 0; seed < 10; ++seed) {
            const VisitorSet set = set_of(random_tokens(count, 1000 * count + seed));
            const double error = static_cast<double>(set.count()) / static_cast<double>(count) - 1;
            EXPECT_LT(std::abs(error), 3.5 * kSigma) << count << " visitors, seed " << seed;
            squares += error * error;
            ++trials;
        }
    }
    EXPECT_LT(std::sqrt(squares / trials), kSigma);
}

TEST(VisitorSet, EstimatesTokensThatAreNotRandomAsWell) {
    std::vector<uint64_t> tokens(100'000);
    for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = i;
    EXPECT_NEAR(static_cast<double>(set_of(tokens).count()), 100'000, 3 * 0.01625 * 100'000);
}

TEST(VisitorSet, MixesTokensAsItAlwaysDid) {
    // The first numbers of SplitMix64 from seed 0, as published with it: part of the stored form.
    EXPECT_EQ(mix_token(0), 0xe220a8397b1dcdafU);
    EXPECT_EQ(mix_token(0x9e3779b97f4a7c15), 0x6e789e6aa1b965f4U);
}

TEST(VisitorSet, RefusesBytesThatAreNone) {
    const std::string three = set_of({1, 2, 3}).encode();
    const std::string many = set_of(random_tokens(500, 1)).encode();
    EXPECT_FALSE(VisitorSet::decode(""));
    EXPECT_FALSE(VisitorSet::decode("\2"));
    EXPECT_FALSE(VisitorSet::decode(three.substr(0, three.size() - 1)));
    EXPECT_FALSE(VisitorSet::decode(many.substr(0, many.size() - 1)));
    EXPECT_FALSE(VisitorSet::decode(three + three.substr(1)));
    std::string impossible = many;
    impossible.back() = 54;
    EXPECT_FALSE(VisitorSet::decode(impossible));
}

}  // namespace
}  // namespace upline
