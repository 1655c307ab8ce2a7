// SPDX-License-Identifier: Apache-2.0
// Verify on a ledger in which a later version of the rules was activated, by releases that know it and that do not.
#include <array>
#include <span>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/values/record_batch.h"
#include "tests/ledger/core/later_rules.h"
#include "tests/tools/audit/ledger_to_harm.h"
#include "tools/audit/audit.h"
#include "tools/audit/independent/audit_rules.h"

namespace upline {
namespace {

constexpr size_t kActivation = 200;

// Events of every type. Version 2 is activated among them.
class VerifyVersions : public ::testing::Test {
  protected:
    VerifyVersions() {
        std::vector<upline::testing::RecordBytes> records = upline::testing::mixed_records(400, 1);
        records.insert(records.begin() + kActivation, upline::testing::activation(2));
        log_ = take(open_log(file_url(folder_.path() / "log"), {.properties = {}, .create_with_partitions = 1}));
        const auto writer = take(log_->open_writer());
        for (const upline::testing::RecordBytes& record : records)
            take(writer->append("default", record, upline::testing::kAppendedMs));
        take(writer->flush());

        const DataFolder data = take(DataFolder::open(data_folder(), DataFolder::Access::kWrite));
        const auto shard = take(Shard::open(data, {{0, 1}, log_->identity()}, {}, {}, upline::testing::release(2)));
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
    }

    Result<AuditReport> try_audit(bool with_log, const AuditVersions& versions) {
        std::vector<ReadShard> shards = take(open_for_reading(data_folder()));
        return audit(shards.front(), with_log ? log_.get() : nullptr, {}, {}, versions);
    }
    // The first entry from `from` on that is accepted and that `wanted` is true of.
    template <class F>
    Sequence find_accepted(Sequence from, F&& wanted) {
        std::vector<ReadShard> shards = take(open_for_reading(data_folder()));
        const auto entries = shards.front().store->entries();
        for (Entry entry;; ++from) {
            take(decode_entry(take(entries->entry(from)), entry));
            if (entry.accepted() && wanted(entry)) return from;
        }
    }
    std::string data_folder() const { return (folder_.path() / "data").string(); }

  private:
    TemporaryFolder folder_;
    std::unique_ptr<EventLog> log_;
};

TEST_F(VerifyVersions, JudgesEachEntryByItsVersion) {
    const std::array<AuditRules, 2> same{audit_rules()[0], audit_rules()[0]};
    std::array<AuditRules, 2> greedy = same;
    greedy[1].split_sale = [](const TransactionRecorded&, std::span<const AuditShare> shares, int64_t left,
                              AuditSplit& split) {
        split = {.tax = 0, .shares = std::vector<int64_t>(shares.size()), .house = left};
    };
    const Sequence sale = find_accepted(kActivation, [](const Entry& entry) {
        return std::holds_alternative<TransactionRecorded>(entry.payload) && entry.posting_count > 2;
    });
    for (const bool with_log : {false, true}) {
        EXPECT_EQ(texts_of(take(try_audit(with_log, {upline::testing::release(2), same}))), std::vector<std::string>{});
        const AuditReport report = take(try_audit(with_log, {upline::testing::release(2), greedy}));
        ASSERT_FALSE(report.findings.empty());
        EXPECT_GE(*report.findings.front().entry, kActivation);
        EXPECT_LE(*report.findings.front().entry, sale) << "or a refund of a sale before it";
    }
}

TEST_F(VerifyVersions, SaysWhichVersionItDoesNotKnow) {
    const Sequence first = find_accepted(kActivation + 1, [](const Entry&) { return true; });
    for (const bool with_log : {false, true}) {
        const AuditReport report = take(try_audit(with_log, {upline::testing::release(2), audit_rules()}));
        EXPECT_EQ(texts_of(report).at(0),
                  fmt::format("entry {}: it is of rules version 2, this auditor knows versions up to 1", first));
        const Result<AuditReport> of_this_release = try_audit(with_log, {});
        ASSERT_FALSE(of_this_release.ok());
        EXPECT_EQ(of_this_release.error().code, ErrorCode::kInvalid);
        EXPECT_TRUE(of_this_release.error().message.starts_with("rules version 2 is in force from here on"))
            << of_this_release.error().message;
    }
}

}  // namespace
}  // namespace upline
