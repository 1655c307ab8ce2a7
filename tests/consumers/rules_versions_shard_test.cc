// SPDX-License-Identifier: Apache-2.0
// An upgrade of the rules on disk: the release that does not know the next version stops after its activation with all
// before it kept, and the one that does goes on in the same folder to the very ledger it would have made alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "consumers/consume.h"
#include "events/base/bytes.h"
#include "events/log/embedded_log.h"
#include "ledger/store/fold_forward.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/later_rules.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {
namespace {

using Records = std::vector<RecordBytes>;

constexpr std::string_view kWhatToDo =
    "rules version 2 is in force from here on, and this release knows versions up to 1: install a release of upline "
    "that knows version 2 and run again; all events up to here are in the ledger, nothing is lost";

class RulesVersionsShard : public ::testing::Test {
  protected:
    std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_.path(), name); }
    DataFolder folder(std::string_view name) {
        auto opened = DataFolder::open(path(name), DataFolder::Access::kWrite);
        UPLINE_CHECK(opened.ok(), "a folder");
        return std::move(*opened);
    }
    Result<std::unique_ptr<Shard>> try_open(const DataFolder& folder, size_t versions,
                                            uint64_t state_interval = ShardOptions{}.state_interval) {
        return Shard::open(folder, {{0, 1}, ""}, {}, {.state_interval = state_interval}, release(versions));
    }
    std::unique_ptr<Shard> open(const DataFolder& folder, size_t versions,
                                uint64_t state_interval = ShardOptions{}.state_interval) {
        auto shard = try_open(folder, versions, state_interval);
        if (shard.ok()) return std::move(*shard);
        ADD_FAILURE() << shard.error().message;
        return nullptr;
    }
    // Gives a shard the records it does not have yet, up to `end`, each batch read under the rules in force before it.
    static Status feed(Shard& shard, const Records& records, size_t batch_size, size_t end = SIZE_MAX) {
        end = std::min(end, records.size());
        while (shard.state().size() < end) {
            const size_t first = shard.state().size();
            RecordBatch batch;
            std::vector<Input> inputs;
            for (size_t i = first; i < std::min(first + batch_size, end); ++i)
                batch.append(static_cast<Offset>(i), kAppendedMs, records[i]);
            for (const Record& record : batch.records())
                inputs.push_back(read_input(record.value, record.append_time_ms, shard.rules()));
            UPLINE_TRY(shard.apply(inputs, batch.records()));
        }
        return shard.commit_all();
    }
    // What the release that knows so many versions makes of the records in one go: every entry, and the state.
    struct Whole {
        std::unique_ptr<MemoryShard> shard;
        std::string root;
    };
    static Whole in_one_go(const Records& records, size_t versions) {
        Whole whole{std::make_unique<MemoryShard>(ShardIdentity{}, release(versions)), ""};
        whole.shard->apply(inputs_of(records));
        whole.shard->mature();
        merkle::Tree tree;
        for (size_t i = 0; i < whole.shard->entries().size(); ++i)
            tree.append(merkle::leaf_hash(whole.shard->entries()[i]));
        whole.root = to_hex(tree.root());
        return whole;
    }
    static void expect_is(Shard& shard, const Whole& whole) {
        ASSERT_OK(shard.store_state());
        EXPECT_EQ(to_hex(shard.position().root), whole.root);
        EXPECT_TRUE(dump(shard.state()) == dump(whole.shard->state()));
        const std::unique_ptr<EntrySource> entries = shard.store().scan_reader();
        for (size_t i = 0; i < whole.shard->entries().size(); ++i) {
            const auto entry = entries->entry(i);
            ASSERT_OK(entry);
            ASSERT_TRUE(std::ranges::equal(*entry, whole.shard->entries()[i])) << i;
        }
    }

    TemporaryFolder folder_;
};

Records with_activation(Records records, size_t at, unsigned version) {
    records.insert(records.begin() + static_cast<ptrdiff_t>(at), activation(version));
    return records;
}

TEST_F(RulesVersionsShard, AnEarlierReleaseStopsAndAnUpgradedOneGoesOnInItsFolder) {
    constexpr size_t kAt = 150;
    const Records records = with_activation(mixed_records(300, 1), kAt, 2);
    const Whole whole = in_one_go(records, 2);
    ASSERT_EQ(whole.shard->entries().size(), records.size());
    ASSERT_EQ(whole.shard->state().rules_version(), 2) << "or nothing was activated";
    for (const size_t batch_size : {size_t{1}, size_t{64}, size_t{100}, kAt + 1, records.size()}) {
        for (const uint64_t state_interval : {uint64_t{40}, ShardOptions{}.state_interval}) {
            SCOPED_TRACE(fmt::format("batches of {}, state stored every {}", batch_size, state_interval));
            const DataFolder data = folder(fmt::format("data-{}-{}", batch_size, state_interval));
            std::unique_ptr<Shard> shard = open(data, 1, state_interval);
            ASSERT_NE(shard, nullptr);
            EXPECT_TRUE(fails_with(feed(*shard, records, batch_size), ErrorCode::kInvalid, kWhatToDo));
            shard.reset();
            // Again and again the same, with all up to the activation kept, and nothing behind it.
            for (int again = 0; again < 2; ++again) {
                EXPECT_TRUE(fails_with(try_open(data, 1), ErrorCode::kInvalid, kWhatToDo));
                const auto store = Store::open(data.partition_path(0), Store::Access::kRead);
                ASSERT_OK(store);
                const Result<LedgerHead> position = (*store)->position();
                ASSERT_OK(position);
                EXPECT_EQ(position->size, kAt + 1);
                ASSERT_TRUE(position->last_record.has_value());
                EXPECT_EQ(position->last_record->offset, static_cast<Offset>(kAt));
            }
            shard = open(data, 2, state_interval);
            ASSERT_NE(shard, nullptr);
            EXPECT_EQ(shard->position().size, kAt + 1);
            EXPECT_EQ(shard->rules().version, 2);
            ASSERT_OK(feed(*shard, records, batch_size));
            expect_is(*shard, whole);
            // What the upgraded release has added the earlier one does not touch.
            shard.reset();
            EXPECT_TRUE(fails_with(try_open(data, 1), ErrorCode::kInvalid, kWhatToDo));
            shard = open(data, 2);
            ASSERT_NE(shard, nullptr);
            expect_is(*shard, whole);
        }
    }
}

// Two activations; the shard thrown away after any batch, at times right behind one of them.
TEST_F(RulesVersionsShard, EntriesAcrossActivationsAreTheSameInBatchesOfAnySize) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    constexpr size_t kSecond = 100;
    constexpr size_t kThird = 230;
    const Records records = with_activation(with_activation(mixed_records(300, seed), kSecond, 2), kThird, 3);
    const Whole whole = in_one_go(records, 3);
    ASSERT_EQ(whole.shard->state().rules_version(), 3) << "or nothing was activated";
    for (const size_t most : {1, 63, 64, 65, 400}) {
        SCOPED_TRACE(fmt::format("batches of up to {}", most));
        const DataFolder data = folder(fmt::format("data-{}", most));
        std::unique_ptr<Shard> shard = open(data, 3, 1 + random() % 100);
        while (shard && shard->position().size < records.size()) {
            const size_t before = shard->position().size;
            size_t end = before + 1 + random() % most;
            for (const size_t at : {kSecond, kThird})  // at times a batch ends with the activation
                if (before <= at && at < end && random() % 2 == 0) end = at + 1;
            ASSERT_OK(feed(*shard, records, most, end));
            if (random() % 8 != 0) continue;
            shard.reset();
            shard = open(data, 3, 1 + random() % 100);
        }
        ASSERT_NE(shard, nullptr);
        expect_is(*shard, whole);
    }
}

class RulesVersionsConsume : public RulesVersionsShard {
  protected:
    void SetUp() override {
        auto log = EmbeddedLog::open(path("log"), 1);
        ASSERT_OK(log);
        log_ = std::move(*log);
        auto writer = log_->open_writer();
        ASSERT_OK(writer);
        for (const RecordBytes& record : records_) ASSERT_OK((*writer)->append_to(0, "", record, kAppendedMs));
        ASSERT_OK((*writer)->flush());
    }
    // Opens the folder's shard and lets it consume to the log's end, as the program does.
    Status consume_once(const DataFolder& data, size_t versions, size_t batch_records) {
        UPLINE_TRY_ASSIGN(const std::unique_ptr<Shard> shard,
                          Shard::open(data, {{0, 1}, log_->identity()}, {}, {}, release(versions)));
        UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader, log_->open_reader(0, shard->position().last_record));
        return consume(*shard, *reader, {.batch_records = batch_records, .once = true});
    }
    LedgerHead position(const DataFolder& data) {
        const auto store = Store::open(data.partition_path(0), Store::Access::kRead);
        UPLINE_CHECK(store.ok(), "a ledger");
        const Result<LedgerHead> position = (*store)->position();
        UPLINE_CHECK(position.ok(), "a position");
        return *position;
    }

    static constexpr size_t kSecond = 500;
    static constexpr size_t kThird = 1300;
    const Records records_ = with_activation(with_activation(mixed_records(2000, 5), kSecond, 2), kThird, 3);
    std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(RulesVersionsConsume, GoesAcrossActivationsHoweverFarItReadAhead) {
    const Whole whole = in_one_go(records_, 3);
    for (const size_t batch_records : {1, 7, 64, 501, 65'536}) {
        SCOPED_TRACE(batch_records);
        const DataFolder data = folder(fmt::format("data-{}", batch_records));
        ASSERT_OK(consume_once(data, 3, batch_records));
        EXPECT_EQ(position(data).size, records_.size());
        EXPECT_EQ(to_hex(position(data).root), whole.root);
    }
}

TEST_F(RulesVersionsConsume, EachReleaseTakesTheLedgerAsFarAsItKnowsTheRules) {
    const Whole whole = in_one_go(records_, 3);
    for (const size_t batch_records : {7, 64, 65'536}) {
        SCOPED_TRACE(batch_records);
        const DataFolder data = folder(fmt::format("data-{}", batch_records));
        EXPECT_TRUE(fails_with(consume_once(data, 1, batch_records), ErrorCode::kInvalid, kWhatToDo));
        EXPECT_EQ(position(data).size, kSecond + 1);
        EXPECT_TRUE(fails_with(consume_once(data, 1, batch_records), ErrorCode::kInvalid, kWhatToDo));
        EXPECT_TRUE(fails_with(consume_once(data, 2, batch_records), ErrorCode::kInvalid,
                               "rules version 3 is in force from here on, and this release knows versions up to 2: "));
        EXPECT_EQ(position(data).size, kThird + 1);
        ASSERT_OK(consume_once(data, 3, batch_records));
        EXPECT_EQ(position(data).size, records_.size());
        EXPECT_EQ(to_hex(position(data).root), whole.root);
    }
}

// A reader that knows version 1 only shows a ledger up to the activation, and says what is needed to see more.
TEST_F(RulesVersionsConsume, AReaderSeesALedgerThatStoppedAndIsToldWhenThereIsMore) {
    const DataFolder data = folder("data");
    EXPECT_FALSE(consume_once(data, 1, 64).ok());
    {
        const auto store = Store::open(data.partition_path(0), Store::Access::kRead);
        ASSERT_OK(store);
        const auto state = load_current_state(**store, {}, release(1));
        ASSERT_OK(state);
        EXPECT_EQ((*state)->size(), kSecond + 1);
        EXPECT_EQ((*state)->rules_version(), 2);
    }
    EXPECT_FALSE(consume_once(data, 2, 64).ok());
    const auto store = Store::open(data.partition_path(0), Store::Access::kRead);
    ASSERT_OK(store);
    EXPECT_TRUE(fails_with(load_current_state(**store, {}, release(1)), ErrorCode::kInvalid, kWhatToDo));
    const auto past = load_past_state(**store, kSecond + 1);
    ASSERT_OK(past);
    EXPECT_EQ(past->state->size(), kSecond + 1);
}

}  // namespace
}  // namespace upline::testing
