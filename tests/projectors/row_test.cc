// SPDX-License-Identifier: Apache-2.0
// Keys and counters of rows: one form in bytes, in the order of numbers, and sums that no grouping changes.
#include "projectors/row.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "tests/projectors/community.h"

namespace upline {
namespace {

std::vector<Counter> random_counters(std::mt19937_64& random) {
    constexpr int64_t kExtremes[] = {
        1, -1, 63, 64, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
    std::map<uint32_t, int64_t> by_number;
    for (size_t count = random() % 20; count > 0; --count) {
        const auto number = static_cast<uint32_t>(random() % 3 == 0 ? random() : random() % 40);
        const int64_t amount =
            random() % 2 == 0 ? kExtremes[random() % 6] : static_cast<int64_t>(random() % 1000) - 500;
        if (amount != 0) by_number[number] = amount;
    }
    std::vector<Counter> counters;
    counters.reserve(by_number.size());
    for (const auto& [number, amount] : by_number) counters.push_back({number, amount});
    return counters;
}

// As stored, so that what is equal is equal to the byte.
std::string stored(const std::vector<Counter>& counters) {
    CounterSums sums;
    for (const Counter& counter : counters) {
        if (counter.number < CounterSums::kLow)
            wrapping_add(sums.low[counter.number], counter.amount);
        else
            sums.add_high(counter.number, counter.amount);
    }
    std::string out;
    sums.append_to(out);
    return out;
}
std::string sum(const std::string& a, const std::string& b) {
    CounterSums sums;
    EXPECT_EQ(sums.add(a), !a.empty());
    EXPECT_EQ(sums.add(b), !b.empty());
    std::string out;
    sums.append_to(out);
    return out;
}

TEST(RowKey, OrdersAsItsBytesDo) {
    std::mt19937_64 random(testing::test_seed());
    std::vector<RowKey> keys;
    keys.reserve(200);
    for (int i = 0; i < 200; ++i)
        keys.push_back(
            {.high = random() % 2 == 0 ? random() : random() % 3, .low = random() % 3 << (16 + random() % 47)});
    for (const RowKey& a : keys) {
        EXPECT_EQ(RowKey::parse(a.bytes()), a);
        for (const RowKey& b : keys) EXPECT_EQ(a < b, a.bytes() < b.bytes());
    }
    EXPECT_FALSE(RowKey::parse(""));
    EXPECT_FALSE(RowKey::parse(std::string(RowKey::kBytes + 1, 'x')));
}

TEST(Counters, SumToTheSameInAnyOrderAndGrouping) {
    std::mt19937_64 random(testing::test_seed());
    for (int i = 0; i < 500; ++i) {
        const auto a = stored(random_counters(random));
        const auto b = stored(random_counters(random));
        const auto c = stored(random_counters(random));
        EXPECT_EQ(sum(a, b), sum(b, a));
        EXPECT_EQ(sum(sum(a, b), c), sum(a, sum(b, c)));
        EXPECT_EQ(sum(a, {}), a);
    }
}

TEST(Counters, SumHoweverOftenANumberComes) {
    std::mt19937_64 random(testing::test_seed());
    for (int i = 0; i < 50; ++i) {
        CounterSums sums;
        std::map<uint32_t, int64_t> expected;
        const uint64_t numbers = 1 + random() % 100;
        for (uint64_t count = random() % 3000; count > 0; --count) {
            const auto number = static_cast<uint32_t>(CounterSums::kLow + random() % numbers);
            const auto amount = static_cast<int64_t>(random() % 5) - 2;
            sums.add_high(number, amount);
            expected[number] += amount;
        }
        std::vector<Counter> counters;
        for (const auto& [number, amount] : expected)
            if (amount != 0) counters.push_back({number, amount});
        std::string out;
        sums.append_to(out);
        EXPECT_EQ(out, stored(counters));
        std::vector<Counter> read;
        EXPECT_EQ(decode_counters(out, read), !counters.empty());
        EXPECT_EQ(read, counters);
    }
}

TEST(Counters, ReadBackAsWrittenAndNoZeroIsWritten) {
    std::mt19937_64 random(testing::test_seed());
    for (int i = 0; i < 500; ++i) {
        const auto counters = random_counters(random);
        if (counters.empty()) continue;
        const std::string bytes = stored(counters);
        std::vector<Counter> read;
        ASSERT_TRUE(decode_counters(bytes, read));
        EXPECT_EQ(read, counters);
        EXPECT_FALSE(decode_counters(bytes.substr(0, bytes.size() - 1), read) && read == counters);
        std::vector<Counter> negative = counters;
        for (Counter& counter : negative) counter.amount = static_cast<int64_t>(-static_cast<uint64_t>(counter.amount));
        EXPECT_EQ(sum(bytes, stored(negative)), "");
    }
}

TEST(Counters, AreRefusedWhenTheyCannotBe) {
    std::vector<Counter> read;
    EXPECT_FALSE(decode_counters("", read));
    EXPECT_FALSE(decode_counters("\x01", read));                                          // a number, no amount
    EXPECT_FALSE(decode_counters(std::string("\x01\x00", 2), read));                      // an amount of zero
    EXPECT_FALSE(decode_counters("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02", read));  // a number above 32 bits
    EXPECT_FALSE(decode_counters("\xff\xff\xff\xff\x0f\x02\x01\x02", read));              // the one after it
    EXPECT_TRUE(decode_counters("\xff\xff\xff\xff\x0f\x02", read));
    std::mt19937_64 random(testing::test_seed());
    for (int i = 0; i < 10'000; ++i) {
        std::string noise(random() % 12, '\0');
        for (char& byte : noise) byte = static_cast<char>(random() % 2 == 0 ? random() : random() % 3);
        if (!decode_counters(noise, read)) continue;
        EXPECT_LE(stored(read).size(), noise.size());
    }
}

}  // namespace
}  // namespace upline
