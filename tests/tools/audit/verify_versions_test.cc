// SPDX-License-Identifier: Apache-2.0
// Verify on a ledger in which a version of the rules that splits sales otherwise was activated
// (tests/ledger/core/second_split.h), by releases that know it and that do not.
#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/values/record_batch.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"
#include "tests/ledger/core/later_rules.h"
#include "tests/ledger/core/second_split.h"
#include "tests/tools/audit/ledger_to_harm.h"
#include "tools/audit/audit.h"
#include "tools/audit/independent/audit_rules.h"

namespace upline {
namespace {

using upline::testing::kTwoSplits;

constexpr size_t kEvents = 600;
constexpr size_t kActivation = 250;

// The second split, as the auditor says it.
AuditRules second_rules() {
    return {
        .default_plan = {.level_rates = {3000, 1001},
                         .website_bonus = 700,
                         .creator_share = 4000,
                         .hold_days = 10,
                         .minimum_payout = 50'000},
        .read_plan =
            [](const PlanPublished& event) {
                AuditPlan plan = audit_rules()[0].read_plan(event);
                plan.website_bonus /= 2;
                return plan;
            },
        .split_sale =
            [](const TransactionRecorded& sale, std::span<const AuditShare> shares, int64_t left, AuditSplit& split) {
                audit_rules()[0].split_sale(sale, shares, left, split);
                for (size_t i = 0; i < shares.size(); ++i) {
                    if (shares[i].role == Role::kCreator) continue;
                    split.house += split.shares[i] % 2;
                    split.shares[i] -= split.shares[i] % 2;
                }
            },
        .is_below_minimum =
            [](const AuditPlan& plan, int64_t amount, Currency currency) {
                return audit_rules()[0].is_below_minimum(plan, 2 * amount, currency);
            }};
}

// Events of every type, and their ledger with all read models. Version 2 is activated among them.
class VerifyVersions : public ::testing::Test {
  protected:
    VerifyVersions() {
        std::vector<upline::testing::RecordBytes> records = upline::testing::mixed_records(kEvents, 1);
        records.insert(records.begin() + kActivation, upline::testing::activation(2));
        log_ = take(open_log(file_url(folder_.path() / "log"), {.properties = {}, .create_with_partitions = 1}));
        const auto writer = take(log_->open_writer());
        for (const upline::testing::RecordBytes& record : records)
            take(writer->append("default", record, upline::testing::kAppendedMs));
        take(writer->flush());

        const DataFolder data = take(DataFolder::open(data_folder(), DataFolder::Access::kWrite));
        const auto shard = take(Shard::open(data, {{0, 1}, log_->identity()}, {}, {}, kTwoSplits));
        const auto reader = take(log_->open_reader(0));
        RecordBatch batch;
        while (shard->position().size < records.size()) {
            take(reader->read(100, 1 << 20, 100, batch));
            std::vector<Input> inputs;
            for (const Record& record : batch.records())
                inputs.push_back(read_input(record.value, record.append_time_ms, shard->rules()));
            take(shard->apply(inputs, batch.records()));
        }
        take(shard->store_state());
        for (const auto make_model : kModels) {
            Store& store = shard->store();
            std::unique_ptr<Model> model = make_model();
            auto table = take(open_table(store, *model));
            const auto walk = store.scan_reader();
            const auto point_reader = store.point_reader();
            const auto projection = take(Projection::open(std::move(table), std::move(model), *walk, *point_reader,
                                                          Projection::kDeltaBytes, UINT64_MAX, kTwoSplits));
            take(projection->fold_to(records.size()));
            take(projection->flush());
        }
    }

    Result<AuditReport> try_audit(bool with_log, const AuditVersions& versions) {
        std::vector<ReadShard> shards = take(open_for_reading(data_folder()));
        return audit(shards.front(), with_log ? log_.get() : nullptr, {}, {}, versions);
    }
    // Calls f(entry) for each entry.
    template <class F>
    void for_each_entry(F&& f) {
        std::vector<ReadShard> shards = take(open_for_reading(data_folder()));
        const auto entries = shards.front().store->scan_reader();
        Entry entry;
        for (Sequence i = 0; i <= kEvents; ++i) {
            take(decode_entry(take(entries->entry(i)), entry));
            f(entry);
        }
    }
    std::string data_folder() const { return (folder_.path() / "data").string(); }

  private:
    TemporaryFolder folder_;
    std::unique_ptr<EventLog> log_;
};

TEST_F(VerifyVersions, JudgesEachSaleAndItsRefundsByTheSalesVersion) {
    const std::array<AuditRules, 2> both{audit_rules()[0], second_rules()};
    for (const bool with_log : {false, true}) {
        const AuditReport report = take(try_audit(with_log, {kTwoSplits, both}));
        EXPECT_EQ(texts_of(report), std::vector<std::string>{});
        EXPECT_EQ(report.size, kEvents + 1);
        EXPECT_EQ(report.read_models.size(), std::size(kModels));
    }
    std::array<size_t, 3> sales{};
    std::array<size_t, 3> refunds{};  // by the version of their sale
    for_each_entry([&](const Entry& entry) {
        if (!entry.accepted()) return;
        if (std::holds_alternative<TransactionRecorded>(entry.payload)) ++sales.at(entry.rules_version);
        if (std::holds_alternative<TransactionRefunded>(entry.payload) && entry.rules_version == 2)
            ++refunds.at(entry.refs[0] < kActivation ? 1 : 2);
    });
    EXPECT_GT(sales[1], 10U);
    EXPECT_GT(sales[2], 10U);
    EXPECT_GT(refunds[1], 0U) << "after the activation, of sales before it";
    EXPECT_GT(refunds[2], 0U);
}

// One of its rules at a time is that of version 1.
TEST_F(VerifyVersions, FindsMoneyThatWentAsAnotherVersionSays) {
    std::array<AuditRules, 2> same{audit_rules()[0], audit_rules()[0]};
    std::array<AuditRules, 2> same_split{audit_rules()[0], second_rules()};
    same_split[1].split_sale = audit_rules()[0].split_sale;
    std::array<AuditRules, 2> same_plans{audit_rules()[0], second_rules()};
    same_plans[1].read_plan = audit_rules()[0].read_plan;
    std::array<AuditRules, 2> same_minimum{audit_rules()[0], second_rules()};
    same_minimum[1].is_below_minimum = audit_rules()[0].is_below_minimum;
    for (const auto& wrong : {same, same_split, same_plans, same_minimum})
        for (const bool with_log : {false, true}) {
            const AuditReport report = take(try_audit(with_log, {kTwoSplits, wrong}));
            ASSERT_FALSE(report.findings.empty());
            EXPECT_GT(report.findings.front().entry.value_or(0), kActivation) << texts_of(report).front();
        }
}

TEST_F(VerifyVersions, SaysWhichVersionItDoesNotKnow) {
    std::optional<Sequence> first;
    for_each_entry([&](const Entry& entry) {
        if (!first && entry.accepted() && entry.rules_version == 2) first = entry.sequence;
    });
    for (const bool with_log : {false, true}) {
        const AuditReport report = take(try_audit(with_log, {kTwoSplits, audit_rules().first(1)}));
        EXPECT_EQ(texts_of(report).at(0),
                  fmt::format("entry {}: it is of rules version 2, this auditor knows versions up to 1", *first));
        const Result<AuditReport> of_first_release =
            try_audit(with_log, {rules_versions().first(1), audit_rules().first(1)});
        ASSERT_FALSE(of_first_release.ok());
        EXPECT_EQ(of_first_release.error().code, ErrorCode::kInvalid);
        EXPECT_TRUE(of_first_release.error().message.starts_with("rules version 2 is in force from here on"))
            << of_first_release.error().message;
    }
}

}  // namespace
}  // namespace upline
