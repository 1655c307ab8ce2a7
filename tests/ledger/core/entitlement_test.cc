// SPDX-License-Identifier: Apache-2.0
// Laws of the split over random plans and sales, and the same split worked out by hand: digit by digit, as on paper.
#include "ledger/core/entitlement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "ledger/core/rules_v1.h"

namespace upline {

// For messages of failed tests.
static void PrintTo(  // NOLINT(readability-identifier-naming): GoogleTest's name
    const Split& split, std::ostream* out) {
    *out << "tax " << split.tax << " creator " << split.creator << " website " << split.website << " levels";
    for (const int64_t level : split.levels) *out << " " << level;
    *out << " house " << split.house;
}
static bool operator==(const Split& a, const Split& b) {
    return a.tax == b.tax && a.creator == b.creator && a.website == b.website && a.levels == b.levels &&
           a.house == b.house;
}

namespace {

using rules_v1::entitled;
using rules_v1::house_parts;

constexpr Plan kDefaultPlan = rules_v1::kRules.default_plan;

// ---- Arithmetic of numbers written in decimal digits, most significant first. No machine word is ever wide enough to
// overflow or narrow enough to round.

using Digits = std::vector<int>;

Digits digits_of(int64_t value) {
    Digits digits;
    for (const char c : std::to_string(value)) digits.push_back(c - '0');
    return digits;
}

int64_t value_of(const Digits& digits) {
    std::string text;
    for (const int digit : digits) text += static_cast<char>('0' + digit);
    return std::stoll(text);
}

Digits product(const Digits& a, const Digits& b) {
    Digits result(a.size() + b.size(), 0);
    for (size_t i = a.size(); i-- > 0;) {
        int carry = 0;
        for (size_t j = b.size(); j-- > 0;) {
            const int sum = result[i + j + 1] + a[i] * b[j] + carry;
            result[i + j + 1] = sum % 10;
            carry = sum / 10;
        }
        result[i] += carry;
    }
    return result;
}

// Long division that drops the remainder: how often `divisor` goes into each partial dividend, by subtraction.
Digits quotient(const Digits& dividend, int64_t divisor) {
    Digits result;
    int64_t rest = 0;  // below divisor, which is at most 10^15
    for (const int digit : dividend) {
        rest = rest * 10 + digit;
        int times = 0;
        while (rest >= divisor) {
            rest -= divisor;
            ++times;
        }
        result.push_back(times);
    }
    return result;
}

int64_t floor_share(int64_t value, int64_t numerator, int64_t denominator) {
    return value_of(quotient(product(digits_of(value), digits_of(numerator)), denominator));
}

Split by_hand(const Plan& plan, const Sale& sale, int64_t left) {
    Split split;
    split.tax = floor_share(left, sale.tax, sale.amount);
    const int64_t net = left - split.tax;
    if (sale.has_creator) split.creator = floor_share(net, plan.creator_share.value, 10'000);
    const int64_t base = net - split.creator;
    if (sale.website_bonus_owed) split.website = floor_share(base, plan.website_bonus.value, 10'000);
    split.house = left - split.tax - split.creator - split.website;
    for (unsigned k = 0; k < std::min<unsigned>(plan.levels, sale.upline_size); ++k) {
        split.levels[k] = floor_share(base, plan.level_rates[k].value, 10'000);
        split.house -= split.levels[k];
    }
    return split;
}

// ---- Random plans and sales ----

class Random {
  public:
    explicit Random(uint64_t seed) : engine_(seed) {}
    int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
    bool chance(int percent) { return between(1, 100) <= percent; }

    // Amounts of every size, with those at the ends of the range often.
    int64_t amount(int64_t most) {
        switch (between(0, 4)) {
            case 0: return between(std::max<int64_t>(0, most - 3), most);
            case 1: return std::min(most, between(0, 300));
            case 2: return std::min(most, between(0, 1'000'000));
            default: return between(0, most);
        }
    }
    Plan plan() {
        if (chance(20)) return kDefaultPlan;
        Plan plan;
        plan.levels = static_cast<uint8_t>(between(1, kMaxLevels));
        int64_t room = chance(30) ? 10'000 : between(0, 10'000);
        const bool use_all = chance(30);
        plan.level_rates.fill({77});  // beyond `levels` they do not count
        for (unsigned k = 0; k < plan.levels; ++k) {
            plan.level_rates[k].value = static_cast<int32_t>(between(0, room));
            room -= plan.level_rates[k].value;
        }
        plan.website_bonus.value = static_cast<int32_t>(use_all ? room : between(0, room));
        plan.creator_share.value = static_cast<int32_t>(chance(10) ? 10'000 : between(0, 10'000));
        return plan;
    }
    Sale sale() {
        Sale sale;
        sale.amount = std::max<int64_t>(1, amount(kAmountCap));
        sale.tax = chance(50) ? 0 : amount(sale.amount);
        sale.has_creator = chance(40);
        sale.website_bonus_owed = chance(50);
        sale.upline_size = static_cast<uint8_t>(between(0, kMaxLevels));
        return sale;
    }

  private:
    std::mt19937_64 engine_;
};

constexpr int kRuns = 20'000;

int64_t sum(const Split& split) {
    int64_t total = split.tax + split.creator + split.website + split.house;
    for (const int64_t level : split.levels) total += level;
    return total;
}

Split minus(const Split& a, const Split& b) {
    Split difference{a.tax - b.tax, a.creator - b.creator, a.website - b.website, {}, a.house - b.house};
    for (unsigned k = 0; k < kMaxLevels; ++k) difference.levels[k] = a.levels[k] - b.levels[k];
    return difference;
}

TEST(Entitlement, IsWhatPaperAndPencilGive) {
    const uint64_t seed = std::random_device{}();
    Random random(seed);
    for (int run = 0; run < kRuns; ++run) {
        const Plan plan = random.plan();
        const Sale sale = random.sale();
        const int64_t left = random.chance(50) ? sale.amount : random.amount(sale.amount);
        ASSERT_EQ(entitled(plan, sale, left), by_hand(plan, sale, left))
            << "seed " << seed << ": " << left << " left of " << sale.amount << ", tax " << sale.tax;
    }
}

TEST(Entitlement, PartsSumToWhatIsLeftAndNoneIsNegative) {
    const uint64_t seed = std::random_device{}();
    Random random(seed);
    for (int run = 0; run < kRuns; ++run) {
        const Plan plan = random.plan();
        const Sale sale = random.sale();
        const int64_t left = random.amount(sale.amount);
        const Split split = entitled(plan, sale, left);
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        ASSERT_EQ(sum(split), left);
        ASSERT_GE(split.tax, 0);
        ASSERT_LE(split.tax, sale.tax);
        ASSERT_GE(split.creator, 0);
        ASSERT_GE(split.website, 0);
        for (const int64_t level : split.levels) ASSERT_GE(level, 0);
        ASSERT_GE(split.house, 0) << "rates and bonus are at most the whole";
    }
}

TEST(Entitlement, OnlyThoseWhoAreThereGetAPart) {
    const uint64_t seed = std::random_device{}();
    Random random(seed);
    for (int run = 0; run < kRuns; ++run) {
        const Plan plan = random.plan();
        const Sale sale = random.sale();
        const Split split = entitled(plan, sale, sale.amount);
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        ASSERT_EQ(split.tax, sale.tax) << "nothing is rounded off the tax of a whole sale";
        ASSERT_TRUE(sale.has_creator || split.creator == 0);
        ASSERT_TRUE(sale.website_bonus_owed || split.website == 0);
        for (unsigned k = std::min<unsigned>(plan.levels, sale.upline_size); k < kMaxLevels; ++k)
            ASSERT_EQ(split.levels[k], 0);
    }
}

TEST(Entitlement, ASaleRefundedInAnyStepsEndsAtZeroAndNoStepTakesMoreThanWasGiven) {
    const uint64_t seed = std::random_device{}();
    Random random(seed);
    for (int run = 0; run < kRuns / 10; ++run) {
        const Plan plan = random.plan();
        const Sale sale = random.sale();
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        Split balance = entitled(plan, sale, sale.amount);
        int64_t left = sale.amount;
        for (int step = 0; left > 0; ++step) {
            const int64_t refund = step == 20 ? left : random.between(1, left);
            const Split reversal = minus(entitled(plan, sale, left), entitled(plan, sale, left - refund));
            ASSERT_EQ(sum(reversal), refund);
            // The house's part may have either sign; nobody else is ever given money by a refund.
            ASSERT_GE(reversal.tax, 0);
            ASSERT_GE(reversal.creator, 0);
            ASSERT_GE(reversal.website, 0);
            for (const int64_t level : reversal.levels) ASSERT_GE(level, 0);
            balance = minus(balance, reversal);
            left -= refund;
            ASSERT_EQ(balance, entitled(plan, sale, left)) << "what is left is as if it had been sold so";
        }
        ASSERT_EQ(balance, Split{});
    }
}

TEST(Entitlement, HousePartsSumToTheHouse) {
    const uint64_t seed = std::random_device{}();
    Random random(seed);
    for (int run = 0; run < kRuns; ++run) {
        const Plan plan = random.plan();
        const Sale sale = random.sale();
        const int64_t left = random.amount(sale.amount);
        const Split split = entitled(plan, sale, left);
        const HouseParts parts = house_parts(plan, sale, left);
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        ASSERT_EQ(parts.unfilled + parts.rounding + parts.margin, split.house);
        // Unfilled: what a full upline would have had beyond those who are there.
        Sale full = sale;
        full.upline_size = kMaxLevels;
        ASSERT_EQ(parts.unfilled, split.house - entitled(plan, full, left).house);
        ASSERT_GE(parts.rounding, 0);
        ASSERT_LE(parts.rounding, static_cast<int64_t>(kMaxLevels)) << "less than one unit for each part";
        ASSERT_GE(parts.margin, 0);
    }
}

TEST(Entitlement, WorkedExamplesOfTheHousesParts) {
    const HouseParts three = house_parts(kDefaultPlan, {.amount = 10'000, .upline_size = 3}, 10'000);
    EXPECT_EQ(three.unfilled, 1800);
    EXPECT_EQ(three.rounding, 0);
    EXPECT_EQ(three.margin, 3700);
    const HouseParts cents = house_parts(kDefaultPlan, {.amount = 99, .upline_size = 7}, 99);
    EXPECT_EQ(cents.unfilled, 0);
    EXPECT_EQ(cents.rounding, 6);
    EXPECT_EQ(cents.margin, 37);
}

// The reversals of a refund, by the role.
TEST(Entitlement, WorkedExamplesOfRefunds) {
    const auto reversal = [](const Sale& sale, int64_t left, int64_t refund) {
        return minus(entitled(kDefaultPlan, sale, left), entitled(kDefaultPlan, sale, left - refund));
    };
    const Sale taxed{.amount = 11'900, .tax = 1900, .upline_size = 1};
    EXPECT_EQ(reversal(taxed, 11'900, 4000), (Split{639, 0, 0, {673}, 2688}));
    const Sale plain{.amount = 10'000, .upline_size = 7};
    EXPECT_EQ(reversal(plain, 10'000, 3333), (Split{0, 0, 0, {667, 500, 334, 267, 167, 100, 67}, 1231}));
    EXPECT_EQ(reversal(plain, 10'000, 1), (Split{0, 0, 0, {1, 1, 1, 1, 1, 1, 1}, -6})) << "the house gains 6";
}

}  // namespace
}  // namespace upline
