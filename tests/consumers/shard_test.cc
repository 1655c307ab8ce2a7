// SPDX-License-Identifier: Apache-2.0
// A shard opened again is the shard that was: whatever was stored of its state, and only over the log it came from.
#include "consumers/shard.h"

#include <gtest/gtest.h>
#include <array>

#include <filesystem>
#include <random>

#include "events/base/bytes.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/state_store.h"
#include "tests/consumers/log_of_events.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/store/store_tampering.h"

namespace upline::testing {
namespace {

namespace fs = std::filesystem;

class ShardTest : public ::testing::Test {
  protected:
    std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_.path(), name); }

    std::unique_ptr<Shard> open(const DataFolder& folder, uint64_t state_interval = ShardOptions{}.state_interval) {
        auto shard = Shard::open(folder, {{0, 1}, ""}, {}, {.state_interval = state_interval});
        if (shard.ok()) return std::move(*shard);
        ADD_FAILURE() << shard.error().message;
        return nullptr;
    }
    DataFolder folder(std::string_view name) {
        auto opened = DataFolder::open(path(name), DataFolder::Access::kWrite);
        UPLINE_CHECK(opened.ok(), "a new folder");
        return std::move(*opened);
    }

    TemporaryFolder folder_;
};

// The state is stored never, seldom or after each batch, and the shard thrown away (as a crash would) after any batch:
// entries, tree and state are those of a shard that was never closed.
TEST_F(ShardTest, ReopenedAnywhereIsTheOneThatWasNeverClosed) {
    const uint64_t seed = test_seed();
    std::mt19937_64 random(seed);
    const auto records = records_of(make_community("default", 3000, seed));
    const DataFolder whole_folder = folder("whole");
    const std::unique_ptr<Shard> whole = open(whole_folder);
    const DataFolder broken_folder = folder("broken");
    std::unique_ptr<Shard> broken = open(broken_folder);
    int reopened = 0;
    for (size_t first = 0; first < records.size();) {
        const size_t count = std::min<size_t>(1 + random() % 200, records.size() - first);
        const Batch batch(records, first, count);
        ASSERT_OK(whole->apply(batch.inputs, batch.records.records()));
        ASSERT_OK(broken->apply(batch.inputs, batch.records.records()));
        ASSERT_OK(whole->commit_all());
        ASSERT_OK(broken->commit_all());
        first += count;
        if (random() % 4 == 0) ASSERT_OK(broken->store_state());
        if (random() % 2 == 0) {
            broken.reset();
            static constexpr uint64_t kIntervals[] = {1, 150, 1'000'000};
            broken = open(broken_folder, kIntervals[random() % 3]);
            ASSERT_NE(broken, nullptr);
            ++reopened;
        }
        ASSERT_EQ(to_hex(broken->position().root), to_hex(whole->position().root));
        ASSERT_EQ(broken->position().last_record, whole->position().last_record);
        ASSERT_EQ(broken->state().size(), first);
    }
    EXPECT_GT(reopened, 5);
    broken.reset();
    broken = open(broken_folder);
    ASSERT_OK(whole->store_state());  // with all moved to available that is mature
    EXPECT_TRUE(dump(broken->state()) == dump(whole->state()));
}

TEST_F(ShardTest, OpenedAfterTheStateWasStoredHasNothingToFold) {
    const auto records = records_of(make_community("default", 200, 1));
    const DataFolder data = folder("data");
    std::unique_ptr<Shard> shard = open(data, 100);
    const Batch first(records, 0, 90);
    const Batch second(records, 90, 20);
    ASSERT_OK(shard->apply(first.inputs, first.records.records()));
    EXPECT_EQ((*load_state(shard->store()))->size(), 0U) << "the interval is not over";
    ASSERT_OK(shard->apply(second.inputs, second.records.records()));
    shard.reset();  // when the thread beside has written it
    shard = open(data, 100);
    EXPECT_EQ((*load_state(shard->store()))->size(), 110U);

    // What was folded at open counts towards the next storing.
    const Batch third(records, 110, 60);
    const Batch fourth(records, 170, 30);
    ASSERT_OK(shard->apply(third.inputs, third.records.records()));
    shard.reset();
    shard = open(data, 90);
    EXPECT_EQ((*load_state(shard->store()))->size(), 110U);
    ASSERT_OK(shard->apply(fourth.inputs, fourth.records.records()));
    shard.reset();
    shard = open(data);
    EXPECT_EQ((*load_state(shard->store()))->size(), 200U);
}

// Each entry has the offset and append time of its record beside it.
TEST_F(ShardTest, KeepsWhereEachRecordLies) {
    const auto records = records_of(make_community("default", 300, 1));
    const DataFolder data = folder("data");
    const std::unique_ptr<Shard> shard = open(data);
    RecordBatch batch;
    std::vector<Input> inputs;
    for (size_t i = 0; i < records.size(); ++i)  // offsets with gaps, times that go back
        batch.append(static_cast<Offset>(i * i), kAppendTimeMs - static_cast<int64_t>(i), records[i]);
    for (const Record& record : batch.records()) inputs.push_back(read_input(record.value, record.append_time_ms));
    ASSERT_OK(shard->apply(inputs, batch.records()));
    ASSERT_OK(shard->commit_all());
    for (const size_t i : {0, 1, 255, 256, 299}) {
        const Result<LogLocation> place = read_location(shard->store(), i);
        ASSERT_OK(place);
        EXPECT_EQ(place->offset, static_cast<Offset>(i * i));
        EXPECT_EQ(place->append_time_ms, kAppendTimeMs - static_cast<int64_t>(i));
    }
}

// ---- Only over its own log ----

class OtherLog : public ShardTest {
  protected:
    void SetUp() override {
        log_ = open_embedded(path("log"));
        append(*log_, {records_.begin(), records_.begin() + 10});
        ASSERT_OK(feed_shard(*log_, path("data")));
    }
    std::string partition_path() const { return path("data") + "/partition-00000"; }
    const std::vector<Bytes> records_ = records_of(make_community("default", 40, 1));
    std::unique_ptr<EmbeddedLog> log_;
};

TEST_F(OtherLog, OfAnotherIdentityIsRefused) {
    const auto other = open_embedded(path("other"));
    append(*other, {records_.begin(), records_.begin() + 20});
    EXPECT_TRUE(fails_with(feed_shard(*other, path("data")), ErrorCode::kConflict,
                           fmt::format("{}: this ledger was made from log {}, this is log {}: the log was replaced; "
                                       "give the one it was made from, or a new --data",
                                       partition_path(), log_->identity(), other->identity())));
}

TEST_F(OtherLog, OfAnotherPartitionCountIsRefused) {
    const auto other = open_embedded(path("other"), 2);
    EXPECT_TRUE(fails_with(feed_shard(*other, path("data")), ErrorCode::kConflict,
                           fmt::format("{}: this ledger is of partition 0 of 1, the log says 0 of 2; a topic's "
                                       "partition count is fixed for its life: give the log it was made from, or a new "
                                       "--data",
                                       partition_path())));
}

TEST_F(OtherLog, ThatIsShorterThanTheLedgerIsRefused) {
    fs::copy(path("log"), path("kept"), fs::copy_options::recursive);
    append(*log_, {records_.begin() + 10, records_.begin() + 20});
    ASSERT_OK(feed_shard(*log_, path("data")));
    fs::remove_all(path("log"));
    fs::rename(path("kept"), path("log"));
    EXPECT_TRUE(fails_with(feed_shard(*open_embedded(path("log")), path("data")), ErrorCode::kConflict,
                           fmt::format("{}/partition-00000.log is shorter than what it held: the log was truncated or "
                                       "replaced; bring the old one back, or start a new ledger",
                                       path("log"))));
}

TEST_F(OtherLog, WhoseLastRecordIsAnotherIsRefused) {
    fs::copy(path("log"), path("kept"), fs::copy_options::recursive);
    append(*log_, {records_.begin() + 10, records_.begin() + 20});
    ASSERT_OK(feed_shard(*log_, path("data")));
    fs::remove_all(path("log"));
    fs::rename(path("kept"), path("log"));
    const auto log = open_embedded(path("log"));
    append(*log, {records_.begin() + 20, records_.begin() + 40});
    EXPECT_TRUE(fails_with(feed_shard(*log, path("data")), ErrorCode::kConflict,
                           fmt::format("{}/partition-00000.log is not the file it was: the log was replaced; bring the "
                                       "old one back, or start a new ledger",
                                       path("log"))));
}

// A tile of a level above is filled once in 256 or 65,536 of the level below, so a small ledger has none.
TEST_F(ShardTest, TilesOfEveryLevelThatAreIngestedTogetherAreThereAfterwards) {
    const auto store = Store::open(folder("data").partition_path(0), Store::Access::kWrite);
    ASSERT_OK(store);
    EntryBatch batch;
    batch.bytes.resize(10);
    batch.ends = {10};
    const std::vector<LogLocation> places(1);
    std::vector<merkle::Tile> tiles;
    for (unsigned level = 0; level < 4; ++level)
        for (const uint64_t index : {3, 4, 5}) {
            Hash hash{};
            hash[0] = static_cast<std::byte>(level);
            hash[1] = static_cast<std::byte>(index);
            tiles.push_back({level, index, std::vector<Hash>(merkle::kTileWidth, hash)});
        }
    const std::vector<merkle::Tile> right_edge{{0, 0, {Hash{}}}};
    auto writer = LedgerWriter::open(**store);
    ASSERT_OK(writer);
    ASSERT_OK(writer->ingest(std::array{CommitPart{&batch, places}}, tiles, right_edge, {1, Hash{}, 0, LogPosition{}}));
    for (const merkle::Tile& tile : tiles) {
        const auto stored = read_tile(**store, tile.level, tile.index);
        ASSERT_OK(stored);
        ASSERT_TRUE(stored->has_value()) << tile.level << "/" << tile.index;
        EXPECT_TRUE((*stored)->hashes == tile.hashes) << tile.level << "/" << tile.index;
    }
}

// ---- A database that does not fit together ----

TEST_F(ShardTest, WhoseStateIsAheadOfItsEntriesIsRefused) {
    const auto records = records_of(make_community("default", 20, 1));
    const DataFolder data = folder("data");
    std::string position;
    {
        const std::unique_ptr<Shard> shard = open(data);
        const Batch first(records, 0, 10);
        const Batch second(records, 10, 10);
        ASSERT_OK(shard->apply(first.inputs, first.records.records()));
        ASSERT_OK(shard->commit_all());
        position = *raw(shard->store(), "default", "position");
        ASSERT_OK(shard->apply(second.inputs, second.records.records()));
        ASSERT_OK(shard->store_state());
        ASSERT_OK(tamper(shard->store(), "default", "position", position));
    }
    EXPECT_TRUE(fails_with(Shard::open(data, {{0, 1}, ""}), ErrorCode::kCorrupt,
                           "stored state is of 20 entries, but there are only 10: a part of the database is gone; make "
                           "the ledger anew with `upline replay`"));
}

TEST_F(ShardTest, WhoseTreeIsNotThatOfItsPositionIsRefused) {
    const auto records = records_of(make_community("default", 20, 1));
    const DataFolder data = folder("data");
    {
        const std::unique_ptr<Shard> shard = open(data);
        const Batch batch(records, 0, 20);
        ASSERT_OK(shard->apply(batch.inputs, batch.records.records()));
        ASSERT_OK(shard->commit_all());
        std::string position = *raw(shard->store(), "default", "position");
        position[8] = static_cast<char>(position[8] ^ 1);  // of the root, behind the size
        ASSERT_OK(tamper(shard->store(), "default", "position", position));
    }
    EXPECT_TRUE(fails_with(Shard::open(data, {{0, 1}, ""}), ErrorCode::kCorrupt,
                           "partition 0: the tree's right edge gives root "));
}

}  // namespace
}  // namespace upline::testing
