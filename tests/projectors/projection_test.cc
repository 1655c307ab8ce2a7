// SPDX-License-Identifier: Apache-2.0
// The laws of every read model: its bytes are a function of its position alone, whatever happened on the way.
#include "projectors/projection.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "ledger/store/rows.h"
#include "projectors/compare.h"
#include "projectors/memory_table.h"
#include "projectors/models/all.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

using Rows = std::map<std::string, std::string, std::less<>>;

// A table that outlives the projections on it, as a database does, and of whose calls so many succeed and no more.
class LastingTable final : public Table {
  public:
    LastingTable(MemoryTable& rows, uint64_t& calls_left) : rows_(rows), calls_left_(calls_left) {}
    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override {
        UPLINE_TRY(call());
        return rows_.get_many(keys);
    }
    // Some of the rows are a call each, and so is the writing of all.
    Status change(RowChanges& changes) override {
        constexpr size_t kRowsOfCall = 40;
        std::vector<Write> writes;
        while (const auto key = changes.next()) {
            if (writes.size() % kRowsOfCall == 0) UPLINE_TRY(call());
            const std::string row(*key);
            UPLINE_TRY_ASSIGN(const auto stored, rows_.get_many({&row, 1}));
            std::string value;
            UPLINE_TRY(changes.change(stored.front(), value));
            writes.push_back({row, value.empty() ? std::nullopt : std::optional(value)});
        }
        UPLINE_TRY(call());
        return rows_.write(writes);
    }
    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override {
        UPLINE_TRY(call());
        return rows_.scan(first, row);
    }
    Status clear() override {
        UPLINE_TRY(call());
        return rows_.clear();
    }

  private:
    Status call() {
        if (calls_left_ == 0) return Error{ErrorCode::kUnavailable, "the disk is full"};
        --calls_left_;
        return ok_status();
    }
    MemoryTable& rows_;
    uint64_t& calls_left_;
};

class ReadModel : public ::testing::TestWithParam<std::unique_ptr<Model> (*)()> {
  protected:
    static constexpr uint64_t kAll = UINT64_MAX;

    std::unique_ptr<Projection> open(size_t delta_bytes = Projection::kDeltaBytes) {
        auto opened = Projection::open(std::make_unique<LastingTable>(table_, calls_left_), GetParam()(),
                                       community_.shard().entries(), community_.shard().entries(), delta_bytes);
        EXPECT_TRUE(opened.ok());
        return std::move(*opened);
    }
    // The rows of a model that folds `size` entries in one go.
    Rows in_one_go(uint64_t size) {
        auto table = std::make_unique<MemoryTable>();
        const MemoryTable& rows = *table;
        auto opened = Projection::open(std::move(table), GetParam()(), community_.shard().entries(),
                                       community_.shard().entries());
        EXPECT_TRUE(opened.ok() && (*opened)->fold_to(size).ok() && (*opened)->flush().ok());
        return rows.rows();
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_};
    MemoryTable table_;
    uint64_t calls_left_ = kAll;
};

std::string model_name(const ::testing::TestParamInfo<std::unique_ptr<Model> (*)()>& maker) {
    return std::string(maker.param()->name());
}
INSTANTIATE_TEST_SUITE_P(All, ReadModel, ::testing::ValuesIn(kModels), model_name);

TEST_P(ReadModel, HasTheSameBytesWhateverTheBatchesAndRestartsWere) {
    community_.live(6000);
    auto projection = open();
    for (uint64_t at = 0; at < community_.size();) {
        at = std::min(at + 1 + community_.below(community_.below(2) == 0 ? 20 : 900), community_.size());
        ASSERT_TRUE(projection->fold_to(at).ok());
        switch (community_.below(4)) {
            case 0:  // what was not stored is lost
                projection.reset();
                projection = open(community_.below(2) == 0 ? 1 : 100'000);
                break;
            case 1: break;
            default:
                ASSERT_TRUE(projection->flush().ok());
                ASSERT_EQ(projection->position(), at);
                if (community_.below(4) != 0) break;
                ASSERT_EQ(table_.rows(), in_one_go(at)) << "seed " << seed_;
        }
    }
    ASSERT_TRUE(projection->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection->flush().ok());
    EXPECT_GT(table_.rows().size(), 100U);
    EXPECT_EQ(table_.rows(), in_one_go(community_.size())) << "seed " << seed_;
}

// Rows are on the disk with an ingest, entries with the write-ahead log: of a damaged one the newest may be lost.
TEST_P(ReadModel, RefusesToGoOnWhereItStandsForMoreEntriesThanThereAre) {
    community_.live(500);
    auto projection = open();
    ASSERT_TRUE(projection->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection->flush().ok());
    const Rows before = table_.rows();
    projection.reset();
    projection = open();
    const Status folded = projection->fold_to(community_.size() - 1);
    ASSERT_FALSE(folded.ok());
    EXPECT_EQ(folded.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(folded.error().message.find("make the ledger anew with `upline replay`"), std::string::npos);
    ASSERT_TRUE(projection->flush().ok());
    EXPECT_EQ(table_.rows(), before);

    // Whoever knows how many there are when opening it has it made anew.
    const uint64_t fewer = community_.size() - 1;
    auto opened = Projection::open(std::make_unique<LastingTable>(table_, calls_left_), GetParam()(),
                                   community_.shard().entries(), community_.shard().entries(), 100'000, fewer);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ((*opened)->position(), 0U);
    ASSERT_TRUE((*opened)->fold_to(fewer).ok());
    ASSERT_TRUE((*opened)->flush().ok());
    EXPECT_EQ(table_.rows(), in_one_go(fewer));
}

TEST_P(ReadModel, RebuildsToTheSameBytes) {
    community_.live(3000);
    auto projection = open();
    ASSERT_TRUE(projection->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection->flush().ok());
    const Rows before = table_.rows();
    const Table::Write foreign{.key = before.rbegin()->first, .value = "changed"};
    ASSERT_TRUE(table_.write(std::span(&foreign, 1)).ok());
    ASSERT_NE(table_.rows(), before);
    ASSERT_TRUE(projection->rebuild().ok());
    EXPECT_EQ(table_.rows(), before) << "seed " << seed_;
}

// Beside a writer that has stored rows of fewer entries, or of none, a reader finds those of all there are.
TEST_P(ReadModel, GivesReadersTheRowsOfAllEntriesWhateverIsStored) {
    community_.live(3000);
    for (const uint64_t size : {uint64_t{0}, community_.size() / 2, community_.size()}) {
        auto projection = open();
        ASSERT_TRUE(projection->fold_to(size).ok());
        ASSERT_TRUE(projection->flush().ok());
        ASSERT_EQ(projection->position(), size);
        const Rows before = table_.rows();
        std::unique_ptr<Table> lasting;
        if (size > 0) lasting = std::make_unique<LastingTable>(table_, calls_left_);
        const ModelPosition now{community_.size(), community_.shard().state().clock_us()};
        auto rows =
            rows_at(std::move(lasting), GetParam()(), community_.shard().entries(), community_.shard().entries(), now);
        ASSERT_TRUE(rows.ok()) << rows.error().message;
        Rows found;
        ASSERT_TRUE((*rows)
                        ->scan("",
                               [&](std::string_view key, std::string_view value) {
                                   found.emplace(key, value);
                                   return true;
                               })
                        .ok());
        EXPECT_EQ(found, in_one_go(community_.size())) << "stored of " << size << ", seed " << seed_;
        EXPECT_EQ(table_.rows(), before);
    }
}

TEST_P(ReadModel, LosesNothingWhenItsUnstoredRowsAreLost) {
    community_.live(500);
    ASSERT_TRUE(open()->fold_to(community_.size()).ok());
    EXPECT_EQ(open()->position(), 0U);

    auto projection = open();
    ASSERT_TRUE(projection->fold_to(300).ok());
    ASSERT_TRUE(projection->flush().ok());
    projection.reset();
    projection = open();
    EXPECT_EQ(projection->position(), 300U);
    ASSERT_TRUE(projection->fold_to(500).ok());
    ASSERT_TRUE(projection->flush().ok());
    EXPECT_EQ(table_.rows(), in_one_go(500)) << "seed " << seed_;
}

TEST_P(ReadModel, StandsForOnePositionWhicheverCallFails) {
    community_.live(800);
    uint64_t failures = 0;
    for (uint64_t calls = 0;; ++calls) {
        ASSERT_LT(calls, 100U);
        ASSERT_TRUE(table_.clear().ok());
        auto projection = open();
        ASSERT_TRUE(projection->fold_to(300).ok());
        ASSERT_TRUE(projection->flush().ok());
        ASSERT_TRUE(projection->fold_to(500).ok());
        calls_left_ = calls;
        Status status = projection->flush();
        if (status.ok()) status = projection->rebuild();
        calls_left_ = kAll;
        const uint64_t size = read_position(table_, projection->model())->size;
        EXPECT_EQ(projection->position(), size);
        EXPECT_EQ(table_.rows(), size == 0 ? Rows() : in_one_go(size)) << calls << " calls, seed " << seed_;

        projection = open();
        ASSERT_TRUE(projection->fold_to(800).ok());
        ASSERT_TRUE(projection->flush().ok());
        EXPECT_EQ(table_.rows(), in_one_go(800)) << calls << " calls, seed " << seed_;
        if (status.ok()) break;
        EXPECT_EQ(status.error().message, "the disk is full");
        ++failures;
    }
    EXPECT_GE(failures, 5U);  // making and writing of rows twice, and the clearing between
}

TEST_P(ReadModel, StandsForOnePositionWhicheverCallFailsBesideTheFolding) {
    constexpr size_t kLittleMemory = 50'000;  // so that it is stored on the way
    community_.live(3000);
    uint64_t failures = 0;
    for (uint64_t calls = 0;; calls += calls < 4 ? 1 : 2) {  // a model of few rows makes no more than two
        ASSERT_LT(calls, 400U);
        ASSERT_TRUE(table_.clear().ok());
        auto projection = open(kLittleMemory);
        calls_left_ = calls;
        Status status = projection->fold_to(community_.size());
        if (status.ok()) status = projection->flush();
        projection.reset();
        calls_left_ = kAll;
        const uint64_t size = read_position(table_, *GetParam()())->size;
        EXPECT_EQ(table_.rows(), size == 0 ? Rows() : in_one_go(size)) << calls << " calls, seed " << seed_;
        if (status.ok()) break;
        EXPECT_EQ(status.error().message, "the disk is full");
        ++failures;
    }
    EXPECT_GE(failures, 2U);
}

TEST_P(ReadModel, IsUnchangedByAllThatWasNotAcceptedUnlessThatIsWhatItTells) {
    community_.live(2000);
    uint64_t refused = 0;
    Deltas deltas;
    EntryCache earlier(community_.shard().entries());
    const std::unique_ptr<Model> model = GetParam()();
    community_.for_each_entry([&](const Entry& entry) {
        if (entry.accepted()) return;
        ASSERT_TRUE(model->fold(entry, earlier, deltas).ok());
        ++refused;
    });
    EXPECT_GT(refused, 50U);
    EXPECT_EQ(Deltas::Walk(deltas).next(), model->name() == "outcomes");
}

TEST_P(ReadModel, OfAnotherLayoutIsBuiltAnew) {
    community_.live(300);
    const Table::Write old[] = {{.key = RowKey().bytes(), .value = "\x7f something else"},
                                {.key = "old row", .value = "x"}};
    ASSERT_TRUE(table_.write(old).ok());
    const auto read = read_position(table_, *GetParam()());
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kConflict);

    auto projection = open();
    EXPECT_EQ(projection->position(), 0U);
    ASSERT_TRUE(projection->fold_to(300).ok());
    ASSERT_TRUE(projection->flush().ok());
    EXPECT_EQ(table_.rows(), in_one_go(300));
}

TEST_P(ReadModel, SaysWhatItStandsFor) {
    community_.live(700);
    auto projection = open();
    ASSERT_TRUE(read_position(table_, projection->model()).ok());
    EXPECT_EQ(*read_position(table_, projection->model()), ModelPosition{});
    ASSERT_TRUE(projection->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection->flush().ok());
    const ModelPosition expected{.size = community_.size(), .clock_us = community_.shard().state().clock_us()};
    EXPECT_EQ(*read_position(table_, projection->model()), expected);
}

TEST_P(ReadModel, RefusesEntriesThatCannotBe) {
    // A ledger from elsewhere that begins with an entry further on, or one that names what comes after it.
    testing::MemoryEntries entries;
    Entry entry;
    entry.sequence = 0;
    entry.outcome = Outcome::kAccepted;
    entry.id.bytes[0] = 1;
    entry.type = static_cast<uint8_t>(EventType::kWebsiteActivity);
    entry.program = kDefaultProgram;
    entry.payload = WebsiteActivity{.widget = Widget::kNone, .kind = ActivityKind::kView, .visitor = std::nullopt};
    entry.refs[0] = 77;
    EntryBatch batch;
    append_entry(entry, batch.bytes);
    batch.ends.push_back(static_cast<uint32_t>(batch.bytes.size()));
    entry.sequence = 9;
    append_entry(entry, batch.bytes);
    batch.ends.push_back(static_cast<uint32_t>(batch.bytes.size()));
    entries.append(batch);

    auto projection = Projection::open(std::make_unique<MemoryTable>(), GetParam()(), entries, entries);
    ASSERT_TRUE(projection.ok());
    const Status status = (*projection)->fold_to(1);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(status.error().message, "entry 0 names an entry that is not before it");

    batch.bytes.erase(batch.bytes.begin(), batch.bytes.begin() + batch.ends[0]);
    batch.ends = {static_cast<uint32_t>(batch.bytes.size())};
    testing::MemoryEntries misplaced;
    misplaced.append(batch);
    projection = Projection::open(std::make_unique<MemoryTable>(), GetParam()(), misplaced, misplaced);
    ASSERT_TRUE(projection.ok());
    const Status placed = (*projection)->fold_to(1);
    ASSERT_FALSE(placed.ok());
    EXPECT_EQ(placed.error().message, "entry 9 stands where entry 0 belongs");
}

TEST_P(ReadModel, RefusesToStandForMoreThanThereIs) {
    community_.live(100);
    auto projection = open();
    ASSERT_TRUE(projection->fold_to(100).ok());
    ASSERT_TRUE(projection->flush().ok());
    const Status status = open()->fold_to(99);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, ErrorCode::kCorrupt);
}

TEST_P(ReadModel, IsTheSameInTheDatabase) {
    community_.live(2000);
    const auto folder = std::filesystem::path(::testing::TempDir()) /
                        ("upline_projection_" + std::string(GetParam()()->name()) + std::to_string(seed_));
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    {
        auto store = Store::open(folder / "partition", Store::Access::kWrite);
        ASSERT_TRUE(store.ok()) << store.error().message;
        for (const uint64_t size : {500U, 2000U}) {
            auto table = open_table(**store, *GetParam()());
            ASSERT_TRUE(table.ok());
            auto projection = Projection::open(std::move(*table), GetParam()(), community_.shard().entries(),
                                               community_.shard().entries());
            ASSERT_TRUE(projection.ok());
            ASSERT_TRUE((*projection)->fold_to(size).ok());
            ASSERT_TRUE((*projection)->flush().ok());
            ASSERT_TRUE((*projection)->rebuild().ok());
        }
        auto table = open_table(**store, *GetParam()());
        ASSERT_TRUE(table.ok());
        Rows rows;
        ASSERT_TRUE((*table)
                        ->scan("",
                               [&](std::string_view key, std::string_view value) {
                                   rows.emplace(key, value);
                                   return true;
                               })
                        .ok());
        EXPECT_EQ(rows, in_one_go(2000)) << "seed " << seed_;
    }
    std::filesystem::remove_all(folder);
}

TEST_P(ReadModel, ComparesToTheByteAndNamesTheFirstRowThatDiffers) {
    community_.live(6000);
    auto projection = open();
    ASSERT_TRUE(projection->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection->flush().ok());
    const Rows right = table_.rows();
    const auto compare = [&](const Rows& rows) {
        MemoryTable is;
        for (const auto& [key, value] : rows) {
            const Table::Write write{.key = key, .value = value};
            EXPECT_TRUE(is.write(std::span(&write, 1)).ok());
        }
        auto difference = compare_tables(is, table_, projection->model());
        EXPECT_TRUE(difference.ok());
        return std::move(*difference);
    };
    EXPECT_FALSE(compare(right).has_value());
    EXPECT_TRUE(compare({}).has_value());
    for (int round = 0; round < 60; ++round) {
        auto row = right.begin();
        std::advance(row, static_cast<ptrdiff_t>(community_.below(right.size())));
        Rows wrong = right;
        wrong.erase(row->first);
        auto difference = compare(wrong);
        ASSERT_TRUE(difference) << "seed " << seed_;
        EXPECT_EQ(difference->key, row->first);
        EXPECT_NE(difference->what.find("missing"), std::string::npos) << difference->what;

        std::string& value = wrong[row->first] = row->second;
        value[community_.below(value.size())] ^= static_cast<char>(1 << community_.below(8));
        difference = compare(wrong);
        ASSERT_TRUE(difference) << "seed " << seed_;
        EXPECT_EQ(difference->key, row->first);

        wrong = right;
        const std::string added = row->first.substr(0, 13) + "\x01";
        if (!wrong.emplace(added, "\x02").second) continue;
        difference = compare(wrong);
        ASSERT_TRUE(difference) << "seed " << seed_;
        EXPECT_EQ(difference->key, added);
    }
}

}  // namespace
}  // namespace upline
