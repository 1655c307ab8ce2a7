// SPDX-License-Identifier: Apache-2.0
// Looking an id up in the stored segments and the entries behind them, against all entries of random ledgers.
#include "ledger/store/id_lookup.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "ledger/containers/id_table.h"
#include "ledger/store/ledger_writer.h"
#include "ledger/store/state_store.h"
#include "tests/events/base/take.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/random_money.h"
#include "tests/ledger/store/store_tampering.h"

namespace upline::testing {
namespace {

// A random ledger in a store, its state stored now and then and, at the end, some entries behind it.
struct StoredLedger {
    TemporaryFolder folder;
    MemoryShard shard;
    std::unique_ptr<Store> store = take(Store::open(folder.path(), Store::Access::kWrite));
    merkle::Tree tree;

    StoredLedger(uint64_t seed, size_t events, size_t times_stored) {
        take(store->bind({{0, 1}, "a log"}));
        LedgerWriter writer = take(LedgerWriter::open(*store));
        const MoneyLog log = RandomMoney::log(seed, events);
        const size_t step = events / (times_stored + 1);
        for (size_t first = 0; first < events; first += step) {
            append(writer, std::span(log.inputs).subspan(first, std::min(step, events - first)));
            if (first / step < times_stored) take(write_state(*store, take_changes(shard.state())));
        }
    }

    void append(LedgerWriter& writer, std::span<const Input> inputs) {
        shard.apply(inputs);
        shard.mature();
        const EntryBatch& batch = shard.batch();
        tree.append(merkle::leaf_hashes(batch.bytes, batch.ends));
        const std::vector<LogLocation> places(batch.size());
        const std::array parts{CommitPart{&batch, places}};
        const uint64_t size = shard.entries().size();
        take(writer.commit(
            parts, tree.take_changed_tiles(),
            {size, tree.root(), shard.state().clock_us(), LogPosition{.offset = static_cast<Offset>(size) - 1}}));
    }
};

using Name = std::pair<std::string, std::array<uint8_t, 16>>;  // program and id
Name name_of(const Entry& entry) {
    return {std::string(entry.program), entry.id.bytes};
}

TEST(IdLookup, FindsEachAcceptedEntryAndNoOther) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    struct Case {
        size_t events;
        size_t times_stored;
        size_t step;  // one in so many ids is looked up
    };
    // The last has several chunks in a segment.
    for (const auto& [events, times_stored, step] :
         {Case{900, 0, 1}, Case{900, 1, 1}, Case{900, 4, 1}, Case{9000, 2, 7}}) {
        const StoredLedger ledger(seed + times_stored, events, times_stored);
        const auto reader = take(Store::open(ledger.folder.path(), Store::Access::kRead));
        std::map<Name, Sequence> accepted;
        std::map<Name, Uuid> all;
        std::set<std::string> programs;
        const MemoryEntries& entries = ledger.shard.entries();
        for (Sequence sequence = 0; sequence < entries.size(); ++sequence) {
            Entry entry;
            ASSERT_TRUE(decode_entry(entries[sequence], entry).ok());
            if (!entry.readable()) continue;
            all.emplace(name_of(entry), entry.id);
            programs.emplace(entry.program);
            if (entry.accepted()) accepted.emplace(name_of(entry), sequence);
        }
        programs.emplace("nobody's");
        EXPECT_GT(accepted.size(), 100U);
        EXPECT_GT(all.size(), accepted.size());
        size_t next = 0;
        for (const auto& [name, id] : all) {
            if (next++ % step != 0) continue;
            for (const std::string& program : programs) {
                const auto expected = accepted.find({program, name.second});
                const auto found = take(find_entry_of(*reader, program, id));
                EXPECT_EQ(found, expected == accepted.end() ? std::nullopt : std::optional(expected->second))
                    << program << ' ' << to_string(id);
            }
        }
    }
}

TEST(IdLookup, PassesOverAnotherEntryOfTheSameFingerprint) {
    const StoredLedger ledger(5, 600, 2);
    Entry entry;
    Sequence sequence = ledger.shard.entries().size() / 4;
    do ASSERT_TRUE(decode_entry(ledger.shard.entries()[++sequence], entry).ok());
    while (!entry.accepted());
    const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id);
    for (const char* family : {"ids", "entity_ids"}) {
        const uint64_t newest = 599;
        const std::vector<StateChunk> chunks =
            id_chunks(newest, std::array{StoredId{fingerprint, sequence + 1}, StoredId{fingerprint, 3}});
        take(tamper(*ledger.store, family, segment_key(newest, chunks[0].number), chunks[0].bytes));
    }
    EXPECT_EQ(take(find_entry_of(*ledger.store, entry.program, entry.id)), std::optional(sequence));
}

TEST(IdLookup, SaysSoWhereAChunkIsMisshapen) {
    const StoredLedger ledger(6, 300, 1);
    take(tamper(*ledger.store, "ids", segment_key(200, 0), "short"));
    const auto found = find_entry_of(*ledger.store, "any", Uuid{});
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(found.error().message, "ids: a chunk of segment 200 is misshapen");
}

// And not that there is no such id.
TEST(IdLookup, SaysSoWhereEntriesAreGone) {
    const StoredLedger ledger(7, 600, 1);
    Entry entry;
    for (Sequence gone : {Sequence{20}, Sequence{580}}) {  // in the stored state, and behind it
        do ASSERT_TRUE(decode_entry(ledger.shard.entries()[++gone], entry).ok());
        while (!entry.accepted());
        const EntryPlace place = take(entry_place(*ledger.store, gone));
        const std::string page = take(raw(*ledger.store, place.family, place.page_key));
        take(remove_raw(*ledger.store, place.family, place.page_key));
        const auto found = find_entry_of(*ledger.store, entry.program, entry.id);
        ASSERT_FALSE(found.ok()) << gone;
        EXPECT_EQ(found.error().code, ErrorCode::kCorrupt) << found.error().message;
        take(tamper(*ledger.store, place.family, place.page_key, page));
    }
    std::string position = take(raw(*ledger.store, "state", "position"));
    position[1] = static_cast<char>(position[1] + 2);  // 512 entries more
    take(tamper(*ledger.store, "state", "position", position));
    const auto ahead = find_entry_of(*ledger.store, "any", Uuid{});
    ASSERT_FALSE(ahead.ok());
    EXPECT_EQ(ahead.error().message, state_is_ahead(300 + 512, 600).message);
}

}  // namespace
}  // namespace upline::testing
