// SPDX-License-Identifier: Apache-2.0
// The auditor's rules by version: each entry is judged by the version it carries. Version 2 here is of a release there
// is not: levels are rounded down to ten minor units, the default plan has one level, a plan's hold is in weeks, and
// every minimum is twice the plan's.
#include "tools/audit/independent/expected_postings.h"

#include <gtest/gtest.h>

#include <array>
#include <initializer_list>
#include <memory>
#include <utility>

#include "ledger/core/rules.h"

namespace upline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;
constexpr Sequence kReferrer = 0;
constexpr Sequence kBuyer = 1;

std::span<const AuditRules> two_versions() {
    static const AuditRules v1 = audit_rules()[0];
    static const std::array<AuditRules, 2> versions{
        v1, AuditRules{
                .default_plan = {.level_rates = {1000}, .hold_days = 7, .minimum_payout = 100'000},
                .read_plan =
                    [](const PlanPublished& event) {
                        AuditPlan plan = v1.read_plan(event);
                        plan.hold_days *= 7;
                        return plan;
                    },
                .split_sale =
                    [](const TransactionRecorded& sale, std::span<const AuditShare> shares, int64_t left,
                       AuditSplit& split) {
                        v1.split_sale(sale, shares, left, split);
                        for (size_t i = 0; i < shares.size(); ++i) {
                            if (!is_level(shares[i].role)) continue;
                            split.house += split.shares[i] % 10;
                            split.shares[i] -= split.shares[i] % 10;
                        }
                    },
                .is_below_minimum = [](const AuditPlan& plan, int64_t amount,
                                       Currency currency) { return v1.is_below_minimum(plan, amount / 2, currency); }}};
    return versions;
}

// Entries of one program in dollars, made by hand.
class Maker {
  public:
    const Entry& entry(uint16_t version, Sequence sequence, Payload payload, std::array<Sequence, kMaxRefs> refs,
                       std::initializer_list<Posting> postings = {}) {
        Entry& made = *entries_.emplace_back(std::make_unique<Entry>());
        made.sequence = sequence;
        made.rules_version = version;
        made.clock_us = kDayUs;
        made.program = "default";
        made.payload = payload;
        made.refs = refs;
        made.currency = *parse_currency("USD");
        for (const Posting& posting : postings) made.postings[made.posting_count++] = posting;
        return made;
    }
    const Entry& signup(Sequence sequence, Sequence referrer) {
        return entry(1, sequence, UserSignedUp{}, {referrer, kNoSequence, kNoSequence});
    }
    // A sale of 999 minor units to the buyer, of which so much is posted to the referrer.
    const Entry& sale(uint16_t version, Sequence sequence, int64_t referrer_earns, int64_t days_held,
                      uint64_t plan = 0) {
        const Entry& made = entry(version, sequence,
                                  TransactionRecorded{.amount = {999},
                                                      .currency = *parse_currency("USD"),
                                                      .source = Source::kPlatform,
                                                      .stream = Stream::kSubscriptionTiers},
                                  {kBuyer, kNoSequence, kNoSequence},
                                  {{AccountKind::kSales, Role::kNone, kNoSequence, -999},
                                   {AccountKind::kEarned, Role::kLevel1, kReferrer, referrer_earns},
                                   {AccountKind::kHouse, Role::kNone, kNoSequence, 999 - referrer_earns}});
        entries_.back()->maturity_us = kDayUs + days_held * kDayUs;
        entries_.back()->plan = plan;
        return made;
    }
    // A refund of all of it.
    const Entry& refund(uint16_t version, Sequence sequence, const Entry& sale) {
        const Entry& made = entry(
            version, sequence,
            TransactionRefunded{.amount = {999}, .currency = *parse_currency("USD"), .reason = RefundReason::kRefund},
            {sale.sequence, kNoSequence, kNoSequence},
            {{AccountKind::kSales, Role::kNone, kNoSequence, 999},
             {AccountKind::kEarned, Role::kLevel1, kReferrer, -sale.postings[1].amount},
             {AccountKind::kHouse, Role::kNone, kNoSequence, -sale.postings[2].amount}});
        entries_.back()->maturity_us = sale.maturity_us;
        entries_.back()->remaining_before = 999;
        entries_.back()->plan = sale.plan;
        return made;
    }
    const Entry& request(uint16_t version, Sequence sequence, int64_t amount) {
        return entry(version, sequence, PayoutRequested{.amount = {amount}, .currency = *parse_currency("USD")},
                     {kReferrer, kNoSequence, kNoSequence},
                     {{AccountKind::kEarned, Role::kNone, kReferrer, -amount},
                      {AccountKind::kReserved, Role::kNone, kReferrer, amount}});
    }
    const Entry& plan(uint16_t version, Sequence sequence) {
        static constexpr std::array<int32_t, 1> kRates{3000};
        return entry(version, sequence, PlanPublished{.level_rates = kRates, .hold_days = 2}, {});
    }

  private:
    std::vector<std::unique_ptr<Entry>> entries_;
};

class ExpectedPostingsTest : public testing::Test {
  protected:
    explicit ExpectedPostingsTest(std::span<const AuditRules> versions = two_versions()) : expected_(versions) {
        expected_.learn(make_.signup(kReferrer, kNoSequence));
        expected_.learn(make_.signup(kBuyer, kReferrer));
    }
    std::string wrong_with(const Entry& entry, const Entry* sale = nullptr) {
        return expected_.check(entry, sale).value_or("nothing");
    }

    Maker make_;
    ExpectedPostings expected_;
};

TEST_F(ExpectedPostingsTest, JudgesEachSaleByItsVersion) {
    // 20 % of 999 under version 1; 10 %, rounded down to ten, under version 2.
    EXPECT_EQ(wrong_with(make_.sale(1, 2, 199, 30)), "nothing");
    EXPECT_EQ(wrong_with(make_.sale(2, 2, 90, 7)), "nothing");
    EXPECT_EQ(wrong_with(make_.sale(1, 2, 90, 30)),
              "its postings are sales -999, earned level_1 of entry 0 90, house 909; its facts and the plan give sales "
              "-999, earned level_1 of entry 0 199, house 800");
    EXPECT_EQ(
        wrong_with(make_.sale(2, 2, 199, 7)),
        "its postings are sales -999, earned level_1 of entry 0 199, house 800; its facts and the plan give sales "
        "-999, earned level_1 of entry 0 90, house 909");
    EXPECT_EQ(wrong_with(make_.sale(2, 2, 90, 30)), "maturity is 2678400000000, its clock and hold gives 691200000000");
}

TEST_F(ExpectedPostingsTest, JudgesARefundByTheVersionOfItsSale) {
    const Entry& first = make_.sale(1, 2, 199, 30);
    const Entry& second = make_.sale(2, 3, 90, 7);
    for (const Entry* sale : {&first, &second}) {
        ASSERT_EQ(wrong_with(*sale), "nothing");
        expected_.learn(*sale);
    }
    EXPECT_EQ(wrong_with(make_.refund(2, 4, first), &first), "nothing");
    EXPECT_EQ(wrong_with(make_.refund(2, 4, second), &second), "nothing");
    EXPECT_NE(wrong_with(make_.refund(2, 4, first), &second), "nothing");
}

TEST_F(ExpectedPostingsTest, ReadsAPlanByTheVersionItWasPublishedUnder) {
    expected_.learn(make_.plan(1, 2));
    EXPECT_EQ(wrong_with(make_.sale(1, 3, 299, 2, 3)), "nothing");
    EXPECT_EQ(wrong_with(make_.sale(2, 3, 290, 2, 3)), "nothing");
    expected_.learn(make_.plan(2, 4));
    EXPECT_EQ(wrong_with(make_.sale(2, 5, 290, 14, 5)), "nothing");
    EXPECT_NE(wrong_with(make_.sale(2, 5, 290, 2, 5)), "nothing");
}

TEST_F(ExpectedPostingsTest, HasAMinimumOfEachVersion) {
    EXPECT_EQ(wrong_with(make_.request(1, 2, 1000)), "nothing");
    EXPECT_EQ(wrong_with(make_.request(1, 2, 999)), "it requests 999 USD, less than its plan's minimum");
    EXPECT_EQ(wrong_with(make_.request(2, 2, 1999)), "it requests 1999 USD, less than its plan's minimum");
    EXPECT_EQ(wrong_with(make_.request(2, 2, 2000)), "nothing");
}

class ExpectedPostingsOfVersion1 : public ExpectedPostingsTest {
  protected:
    ExpectedPostingsOfVersion1() : ExpectedPostingsTest(audit_rules().first(1)) {}
};

TEST_F(ExpectedPostingsOfVersion1, SaysThatAnEntryIsOfRulesItDoesNotKnow) {
    const std::string unknown = "it is of rules version 2, this auditor knows versions up to 1";
    EXPECT_EQ(wrong_with(make_.sale(1, 2, 199, 30)), "nothing");
    EXPECT_EQ(wrong_with(make_.sale(2, 2, 90, 7)), unknown);
    EXPECT_EQ(wrong_with(make_.entry(2, 2, UserSignedUp{}, {})), unknown);
    EXPECT_EQ(wrong_with(make_.entry(2, 2, RulesActivated{.version = 3}, {})), unknown);
    EXPECT_EQ(wrong_with(make_.entry(0, 2, UserSignedUp{}, {})),
              "it is of rules version 0, this auditor knows versions up to 1");
}

TEST(AuditRules, AreOfEachVersionThatThisReleaseExecutes) {
    EXPECT_EQ(audit_rules().size(), rules_versions().size());
}

}  // namespace
}  // namespace upline
