// SPDX-License-Identifier: Apache-2.0
// Every change of the disk that RocksDB makes for a small ledger fails once, done or not done. Whatever was
// acknowledged must be there afterwards, and the ledger must be carried on to the one of a run that nothing disturbed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ledger/store/fold_forward.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/ledger_writer.h"
#include "ledger/store/rows.h"
#include "ledger/store/state_store.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/random_money.h"
#include "tests/ledger/store/fault_env.h"

namespace upline::testing {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBatches = 5;
constexpr size_t kBatchEvents = 50;
constexpr size_t kIngestedBatch = 2;
constexpr size_t kStoredAfter[] = {1, 3};  // batches

// The entries of a ledger, in batches, and where it stands after each.
struct Batches {
    std::vector<EntryBatch> batches;
    std::vector<LedgerHead> positions;
    std::string state;
};

Batches make_batches() {
    Batches made;
    MemoryShard shard;
    const MoneyLog log = RandomMoney::log(5, kBatches * kBatchEvents);
    merkle::Tree tree;
    for (size_t i = 0; i < kBatches; ++i) {
        shard.apply(std::span(log.inputs).subspan(i * kBatchEvents, kBatchEvents));
        shard.mature();
        const EntryBatch& batch = made.batches.emplace_back(shard.batch());
        tree.append(merkle::leaf_hashes(batch.bytes, batch.ends));
        const uint64_t size = shard.entries().size();
        made.positions.push_back(
            {size, tree.root(), shard.state().clock_us(), LogPosition{.offset = static_cast<Offset>(size) - 1}});
    }
    made.state = dump(shard.state());
    return made;
}

const Batches& batches() {
    static const Batches made = make_batches();
    return made;
}

// Opens the ledger, as it is, and carries it on to the end: writes, one ingest, rows of a read model, the state now and
// then. `acknowledged`: how many entries are known to be on the disk.
Result<std::string> carry_on(const fs::path& folder, rocksdb::Env* env, uint64_t& acknowledged) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Store> store,
                      Store::open(folder, Store::Access::kWrite, StoreOptions{.env = env}));
    UPLINE_TRY(store->bind({{0, 1}, "a log"}));
    UPLINE_TRY_ASSIGN(LedgerHead position, store->position());
    if (position.size < acknowledged)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("{} entries of {} are lost", acknowledged - position.size, acknowledged)};
    UPLINE_TRY_ASSIGN(LedgerWriter writer, LedgerWriter::open(*store));
    UPLINE_TRY_ASSIGN(merkle::Tree tree, load_tree(*store, position.size));
    if (tree.root() != position.root) return Error{ErrorCode::kCorrupt, "the tree is not that of the position"};
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*store));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> rows, open_table(*store, "payouts", 42));
    for (size_t i = 0; i < kBatches; ++i) {
        const EntryBatch& batch = batches().batches[i];
        const LedgerHead& after = batches().positions[i];
        if (position.size >= after.size) {
            if (position.size == after.size && position.root != after.root)
                return Error{ErrorCode::kCorrupt, "the root is another"};
            continue;
        }
        if (position.size != batch.first) return Error{ErrorCode::kCorrupt, "a part of a batch was kept"};
        tree.append(merkle::leaf_hashes(batch.bytes, batch.ends));
        const std::vector<LogLocation> places(batch.size());
        const std::array parts{CommitPart{&batch, places}};
        const std::vector<merkle::Tile> tiles = tree.take_changed_tiles();
        if (i == kIngestedBatch)
            UPLINE_TRY(writer.ingest(parts, tiles, tree.right_edge(), after));
        else
            UPLINE_TRY(writer.commit(parts, tiles, after));
        position = after;
        acknowledged = after.size;
        UPLINE_TRY(fold_forward(*store, *state, after.size));
        if (std::ranges::find(kStoredAfter, i) == std::end(kStoredAfter)) continue;
        if (can_take_changes(*state)) UPLINE_TRY(write_state(*store, take_changes(*state)));
        const Table::Write row{"row", fmt::format("{}", after.size)};
        UPLINE_TRY(rows->write({&row, 1}));
    }
    return dump(*state);
}

class StoreFaults : public ::testing::TestWithParam<FaultEnv::Fault> {
  protected:
    fs::path path(std::string_view name) const { return fs::path(folder_.path()) / name; }

    // Fails each `step`-th call in a copy of `from`, one at a time. Of calls of one kind to one file in a row, which
    // are many where families are made or a database is opened, only the first and the last count.
    void walk(const fs::path& from, size_t step) {
        const std::vector<std::string> calls = calls_of(from);
        EXPECT_GT(calls.size(), 100U) << "so few calls";
        size_t chosen = 0;
        size_t reached = 0;
        for (size_t i = 0; i < calls.size(); ++i) {
            const auto is_same = [&](size_t other) { return other < calls.size() && calls[other] == calls[i]; };
            if (is_same(i - 1) && is_same(i + 1)) continue;
            if (chosen++ % step != 0) continue;
            reached += fail(from, i + 1) ? 1 : 0;
        }
        EXPECT_GT(reached, 30U) << "calls in another order each time";
    }

  private:
    // The calls of a run that nothing disturbs.
    std::vector<std::string> calls_of(const fs::path& from) {
        copy_to_ledger(from);
        FaultEnv faults(0, GetParam());
        uint64_t acknowledged = 0;
        const auto state = carry_on(ledger(), faults.env(), acknowledged);
        EXPECT_TRUE(state.ok()) << state.error().message;
        EXPECT_TRUE(!state.ok() || *state == batches().state);
        return faults.calls();
    }
    // Whether the n-th call was reached.
    bool fail(const fs::path& from, uint64_t n) {
        copy_to_ledger(from);
        FaultEnv faults(n, GetParam());
        uint64_t acknowledged = 0;
        const auto disturbed = carry_on(ledger(), faults.env(), acknowledged);
        const std::vector<std::string> calls = faults.calls();
        if (calls.size() < n) return false;
        const std::string fault =
            fmt::format("call {}, {}: {}", n, calls[n - 1], disturbed.ok() ? "unnoticed" : disturbed.error().message);
        const auto state = carry_on(ledger(), nullptr, acknowledged);
        EXPECT_TRUE(state.ok()) << fault << ": " << state.error().message;
        EXPECT_TRUE(!state.ok() || *state == batches().state) << fault << ": another state";
        return true;
    }
    fs::path ledger() const { return path("ledger"); }
    void copy_to_ledger(const fs::path& from) {
        fs::remove_all(ledger());
        if (fs::exists(from)) fs::copy(from, ledger(), fs::copy_options::recursive);
    }

    TemporaryFolder folder_;
};

TEST_P(StoreFaults, OfALedgerThatIsThereLoseNothing) {
    const fs::path made = path("made");
    {
        const auto store = Store::open(made, Store::Access::kWrite);
        ASSERT_TRUE(store.ok()) << store.error().message;
    }
    walk(made, 1);
}

TEST_P(StoreFaults, OfALedgerThatIsBeingMadeLoseNothing) {
    walk(path("none"), 6);  // the making of families is much alike
}

INSTANTIATE_TEST_SUITE_P(All, StoreFaults,
                         ::testing::Values(FaultEnv::Fault::kNotDone, FaultEnv::Fault::kDoneAndReported),
                         [](const ::testing::TestParamInfo<FaultEnv::Fault>& fault) {
                             return fault.param == FaultEnv::Fault::kNotDone ? "NotDone" : "DoneAndReported";
                         });

}  // namespace
}  // namespace upline::testing
