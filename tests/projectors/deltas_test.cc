// SPDX-License-Identifier: Apache-2.0
// What was added to rows comes out summed, once for each row and in the order of keys, however it was added.
#include "projectors/deltas.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/projectors/community.h"

namespace upline {
namespace {

using Counters = std::map<uint32_t, int64_t>;

RowKey key_of(Sequence sequence, uint8_t kind) {
    return {.high = uint64_t{1} << 56 | sequence << 16, .low = uint64_t{kind} << 16};
}

TEST(Deltas, AreAllThatWasAddedInTheOrderOfKeys) {
    constexpr uint8_t kKinds = 3;
    constexpr size_t kWidth = 5;
    std::mt19937_64 random(testing::test_seed());
    Deltas deltas;
    for (int round = 0; round < 6; ++round) {
        std::map<RowKey, Counters> expected;
        std::map<RowKey, std::set<uint64_t>> visitors;
        // Few sequences or many, near each other and not: blocks that fill, and neighbourhoods that are skipped.
        const uint64_t bound = round % 2 == 0 ? 50 : 100'000;
        for (size_t i = 0; i < 30'000; ++i) {
            const Sequence sequence = random() % bound;
            const auto kind = static_cast<uint8_t>(random() % kKinds);
            // Now and then one that is on the edge of what eight bytes hold beside the rest, or far beyond.
            const int64_t edge = int64_t{1} << (random() % 2 == 0 ? 39 : 45);
            const auto amount = static_cast<int64_t>(random() % 2000) - 1000 + (random() % 20 == 0 ? edge : 0) -
                                (random() % 20 == 0 ? edge : 0);
            Counters& counters = expected[key_of(sequence, kind)];
            const auto high = static_cast<uint32_t>(CounterSums::kLow + random() % (round < 4 ? 6 : 9000));
            const uint32_t effect = deltas.effects(high, [&] {
                std::array<Deltas::Effect, kKinds> effects;
                for (uint8_t k = 0; k < kKinds; ++k)
                    effects[k] = {.row = key_of(0, k), .counters = {0, k, 7, 39}, .count = 4, .high = high};
                return effects;
            });
            deltas.add(effect + kind, sequence, amount);
            for (const uint32_t number : {uint32_t{0}, uint32_t{kind}, uint32_t{7}, uint32_t{39}, high})
                counters[number] += amount;
            ++counters[4];
            if (random() % 50 == 0) {
                deltas.touch(key_of(sequence, kind), kWidth)[3] += amount;
                counters[3] += amount;
            }
            if (random() % 50 == 0) {
                deltas.touch(key_of(sequence, kKinds), kWidth)[2] += 1;
                expected[key_of(sequence, kKinds)][2] += 1;
            }
            if (random() % 50 == 0) {
                deltas.add_visitor(key_of(sequence, kKinds + 1), static_cast<uint64_t>(amount));
                visitors[key_of(sequence, kKinds + 1)].insert(static_cast<uint64_t>(amount));
            }
        }
        Deltas::Walk walk(deltas);
        RowKey before;
        while (walk.next()) {
            ASSERT_LT(before, walk.key());
            before = walk.key();
            if (!walk.visitors().empty()) {
                const auto found = visitors.find(walk.key());
                ASSERT_NE(found, visitors.end());
                EXPECT_TRUE(std::ranges::equal(walk.visitors(), found->second));
                visitors.erase(found);
                continue;
            }
            const auto found = expected.find(walk.key());
            ASSERT_NE(found, expected.end());
            std::string bytes;
            walk.sums().append_to(bytes);
            std::vector<Counter> counters;
            EXPECT_EQ(decode_counters(bytes, counters), !bytes.empty());
            Counters sums;
            for (const Counter& counter : counters) sums.emplace(counter.number, counter.amount);
            std::erase_if(found->second, [](const auto& counter) { return counter.second == 0; });
            EXPECT_EQ(sums, found->second);
            expected.erase(found);
        }
        EXPECT_TRUE(expected.empty() && visitors.empty());
        deltas.clear();
        EXPECT_FALSE(Deltas::Walk(deltas).next());
    }
}

}  // namespace
}  // namespace upline
