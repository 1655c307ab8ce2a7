// SPDX-License-Identifier: Apache-2.0
// Explaining sales of two versions of the rules that split differently, and their refunds, which are all made under the
// second: each cent follows the sale's own version.
#include <gtest/gtest.h>

#include <map>
#include <span>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/values/record_batch.h"
#include "ledger/store/data_folder.h"
#include "tests/ledger/core/later_rules.h"
#include "tests/ledger/core/second_split.h"
#include "tests/tools/ledgers.h"
#include "tools/queries/explain.h"

namespace upline {
namespace {

using testing::kTwoSplits;

class ExplainVersions : public ::testing::Test {
  protected:
    static constexpr Sequence kFirstSale = 3;
    static constexpr Sequence kSecondSale = 5;

    // Sales of 99.99 by somebody whom two are above: one under each version. A third of each is refunded, then the
    // rest.
    ExplainVersions() {
        using testing::record_of_event;
        const std::string sale = R"("buyer": "u2", "amount": "99.99", "currency": "USD", "source": "platform", )"
                                 R"("stream": "domain_services")";
        std::vector<testing::RecordBytes> records = {
            record_of_event("UserSignedUp", "u0"),
            record_of_event("UserSignedUp", "u1", R"("referrer": "u0")"),
            record_of_event("UserSignedUp", "u2", R"("referrer": "u1")"),
            record_of_event("TransactionRecorded", "first", sale),
            testing::activation(2),
            record_of_event("TransactionRecorded", "second", sale),
        };
        for (const std::string amount : {"33.33", "66.66"})
            for (const std::string of : {"first", "second"})
                records.push_back(record_of_event(
                    "TransactionRefunded", of + amount,
                    fmt::format(R"("transaction": "{}", "amount": "{}", "currency": "USD", "reason": "refund")", of,
                                amount)));
        const DataFolder data = take(DataFolder::open(folder_.path(), DataFolder::Access::kWrite));
        const auto shard = take(Shard::open(data, {{0, 1}, ""}, {}, {}, kTwoSplits));
        for (size_t i = 0; i < records.size(); ++i) {  // one by one: each is read under the rules in force before it
            RecordBatch batch;
            batch.append(static_cast<Offset>(i), testing::kAppendedMs, records[i]);
            const Record& record = batch.records()[0];
            const Input input = read_input(record.value, record.append_time_ms, shard->rules());
            take(shard->apply(std::span(&input, 1), batch.records()));
        }
        take(shard->commit_all());
    }

    Result<Explanation> explain(Sequence sale, std::span<const Rules> versions = kTwoSplits) {
        std::vector<ReadShard> shards = take(open_for_reading(folder_.path()));
        LedgerReader ledger = take(LedgerReader::open(shards.at(0), versions));
        Entry entry;
        take(ledger.read(sale, entry));
        return query_explanation(ledger, entry);
    }
    static std::map<Role, int64_t> back(const ExplainedRefund& refund) {
        return {refund.back.begin(), refund.back.end()};
    }

    TemporaryFolder folder_;
};

TEST_F(ExplainVersions, ASaleOfTheFirstIsSplitAndRefundedByTheFirst) {
    const Explanation e = take(explain(kFirstSale));
    EXPECT_EQ(e.split.levels[0], 1999);
    EXPECT_EQ(e.split.levels[1], 1499);
    EXPECT_EQ(e.split.house, 6501);
    EXPECT_EQ(e.house.unfilled, 999 + 799 + 499 + 299 + 199);
    EXPECT_EQ(e.house.rounding, 6299 - 1999 - 1499 - e.house.unfilled);
    EXPECT_EQ(e.house.margin, e.split.house - e.house.unfilled - e.house.rounding);
    ASSERT_EQ(e.refunds.size(), 2U);
    EXPECT_EQ(back(e.refunds[0]), (std::map<Role, int64_t>{{Role::kLevel1, 666}, {level_role(2), 500}, {{}, 2167}}));
    EXPECT_EQ(back(e.refunds[1]), (std::map<Role, int64_t>{{Role::kLevel1, 1333}, {level_role(2), 999}, {{}, 4334}}));
    EXPECT_EQ(e.left, 0);
}

TEST_F(ExplainVersions, ASaleOfTheSecondIsSplitAndRefundedByTheSecond) {
    const Explanation e = take(explain(kSecondSale));
    EXPECT_EQ(e.plan.levels, 2U) << "its own default plan";
    EXPECT_EQ(e.split.levels[0], 2998);
    EXPECT_EQ(e.split.levels[1], 1000);
    EXPECT_EQ(e.split.house, 6001);
    EXPECT_EQ(e.house.unfilled, 0);
    EXPECT_EQ(e.house.rounding, 2);
    EXPECT_EQ(e.house.margin, 5999);
    ASSERT_EQ(e.refunds.size(), 2U);
    EXPECT_EQ(back(e.refunds[0]), (std::map<Role, int64_t>{{Role::kLevel1, 1000}, {level_role(2), 334}, {{}, 1999}}));
    EXPECT_EQ(back(e.refunds[1]), (std::map<Role, int64_t>{{Role::kLevel1, 1998}, {level_role(2), 666}, {{}, 4002}}));
    EXPECT_EQ(e.left, 0);
}

TEST_F(ExplainVersions, AReleaseThatLacksTheRulesOfASaleSaysSo) {
    const std::span<const Rules> first = std::span(kTwoSplits).first(1);
    const Result<Explanation> explained = explain(kSecondSale, first);
    ASSERT_FALSE(explained.ok());
    EXPECT_EQ(explained.error().message, unknown_rules(2, first).message);
}

}  // namespace
}  // namespace upline
