// SPDX-License-Identifier: Apache-2.0
// The form in which a state is stored, against the state itself: random ledgers stored in steps and loaded again.
#include "ledger/store/state_segments.h"
#include "ledger/core/state_storage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>

#include "ledger/store/id_loader.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/random_money.h"

namespace upline::testing {
namespace {

struct Stored {
    std::array<std::map<std::string, std::string>, kStateKinds> rows;  // by kind: key -> chunk
    std::string position;

    void write(const StateChanges& changes) {
        const Status written = for_each_segment(changes, [&](const StateChanges::Segment& segment) {
            if (segment.is_base) rows[segment.kind].clear();
            for (const StateChunk& chunk : segment.chunks)
                EXPECT_TRUE(rows[segment.kind].emplace(segment_key(changes.size, chunk.number), chunk.bytes).second)
                    << "a key twice";
            return ok_status();
        });
        EXPECT_TRUE(written.ok());
        position = changes.position;
    }
};

// nullopt if they are not what was stored.
std::optional<std::vector<StoredId>> ids_of(const Stored& stored, const StatePosition& position, size_t kind) {
    IdSegmentReader reader(position.stored[kind]);
    std::vector<StoredId> all;
    std::vector<StoredId> ids;
    for (const auto& [key, chunk] : stored.rows[kind]) {
        if (!reader.take(key, chunk, ids)) return std::nullopt;
        all.insert(all.end(), ids.begin(), ids.end());
    }
    return reader.done() ? std::optional(all) : std::nullopt;
}

// The state it is, or nullptr if it cannot be one.
std::unique_ptr<State> load(const Stored& stored) {
    auto state = std::make_unique<State>();
    auto position = parse_state_position(stored.position);
    if (!position.ok()) return nullptr;
    IdLoader ids(*state);
    const GiveIds give = [&](NewIds some) { ids.give(std::move(some)); };
    for (size_t kind = 0; kind < kRecordKinds; ++kind) {
        SegmentLoader loader(*state, *position, kind, give);
        for (const auto& [key, chunk] : stored.rows[kind])
            if (!loader.take(key, chunk)) return nullptr;
        if (!loader.done()) return nullptr;
    }
    const auto others = ids_of(stored, *position, kIdsKind);
    const auto entities = ids_of(stored, *position, kEntityIdsKind);
    if (!others || !entities) return nullptr;
    NewIds found{EntityKind::kOther, 0, {}, {}};
    for (const StoredId& id : *others)
        found.others.push_back({id.fingerprint, EntityRef(EntityKind::kOther, id.sequence).word()});
    ids.give(found);
    ids.end();
    ids.run();
    if (!StateStorage(*state)
             .restore(position->size, position->clock_us, position->rules_version, position->holds)
             .ok())
        return nullptr;
    StateStorage(*state).stored() = position->stored;
    for (const StoredId& id : *entities)
        EXPECT_TRUE(state->ids().find(id.fingerprint,
                                      [&](EntityRef thing) {
                                          return thing.kind() != EntityKind::kOther &&
                                                 state->sequence_of(thing) == id.sequence;
                                      }))
            << "of entry " << id.sequence;
    EXPECT_EQ(entities->size(), state->users().size() + state->websites().size() + state->payouts().size());
    return state;
}

using Ids = std::set<std::pair<uint64_t, uint64_t>>;

Ids ids_of(const State& state) {
    Ids ids;
    state.ids().for_each([&](const IdTable::Slot& slot) { ids.emplace(slot.fingerprint, slot.thing); });
    return ids;
}

bool are_same(const State& a, const State& b) {
    return dump(a) == dump(b) && ids_of(a) == ids_of(b);
}

// Of a random ledger, stored now and then.
Stored some_ledger(uint64_t seed, size_t events, MemoryShard& shard, bool check_each_step) {
    std::mt19937_64 random(seed);
    const MoneyLog log = RandomMoney::log(seed, events);
    Stored stored;
    for (size_t first = 0; first < log.inputs.size();) {
        const size_t count = std::min<size_t>(1 + random() % 80, log.inputs.size() - first);
        shard.apply(std::span(log.inputs).subspan(first, count));
        shard.mature();
        first += count;
        if (random() % 3 != 0 && first < log.inputs.size()) continue;
        EXPECT_TRUE(can_take_changes(shard.state()));
        stored.write(take_changes(shard.state()));
        EXPECT_FALSE(can_take_changes(shard.state()) && !StateStorage(shard.state()).new_ids().empty());
        if (!check_each_step) continue;
        const std::unique_ptr<State> loaded = load(stored);
        EXPECT_TRUE(loaded != nullptr);
        if (!loaded) break;
        EXPECT_TRUE(are_same(*loaded, shard.state())) << "after " << first;
        EXPECT_EQ(StateStorage(*loaded).stored()[0].records, StateStorage(shard.state()).stored()[0].records);
    }
    return stored;
}

TEST(StoredState, LoadedIsTheOneThatWasStored) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    for (uint64_t run = 0; run < 20; ++run) {
        MemoryShard shard;
        some_ledger(seed + run, 1500, shard, true);
        if (::testing::Test::HasFailure()) return;
    }
}

TEST(StoredState, IsNotMuchMoreThanWhatThereIs) {
    MemoryShard shard;
    some_ledger(7, 4000, shard, false);
    State& state = shard.state();
    size_t kind = 0;
    StateStorage(state).for_each_kind([&](const auto& records) {
        EXPECT_LE(StateStorage(state).stored()[kind].records, 2 * records.size()) << kRecordFamilies[kind];
        EXPECT_GE(StateStorage(state).stored()[kind].records, records.size()) << kRecordFamilies[kind];
        ++kind;
    });
}

TEST(StoredState, AllOfItIsABaseOfEachKind) {
    MemoryShard shard;
    Stored stored = some_ledger(8, 1000, shard, false);
    stored.write(take_all(shard.state()));
    for (size_t kind = 0; kind < kIdsKind; ++kind)
        for (const auto& [key, chunk] : stored.rows[kind])
            EXPECT_EQ(key.substr(0, 8), segment_key(1000, 0).substr(0, 8));
    const std::unique_ptr<State> loaded = load(stored);
    ASSERT_NE(loaded, nullptr);
    EXPECT_TRUE(are_same(*loaded, shard.state()));
}

// Whatever bit is another, of a key or a chunk: it cannot be loaded, or is another state.
TEST(StoredState, EveryBitCounts) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    MemoryShard shard;
    const Stored good = some_ledger(seed, 400, shard, false);
    ASSERT_NE(load(good), nullptr);
    for (int i = 0; i < 3000; ++i) {
        Stored bad = good;
        auto& rows = bad.rows[random() % kStateKinds];
        if (rows.empty()) continue;
        auto row = std::next(rows.begin(), static_cast<ptrdiff_t>(random() % rows.size()));
        std::string key = row->first;
        std::string chunk = row->second;
        std::string& harmed = random() % 4 == 0 ? key : chunk;
        const size_t bit = random() % (harmed.size() * 8);
        switch (random() % 8) {
            case 0: harmed.pop_back(); break;
            case 1: harmed.push_back(static_cast<char>(random() % 2)); break;
            default: harmed[bit / 8] = static_cast<char>(harmed[bit / 8] ^ 1 << bit % 8);
        }
        rows.erase(row);
        rows[key] = chunk;
        const std::unique_ptr<State> loaded = load(bad);
        EXPECT_TRUE(!loaded || !are_same(*loaded, shard.state())) << "bit " << bit << " of " << harmed.size() * 8;
    }
}

// Written with hashes that are right: the table of ids would hold one and the array the other.
TEST(StoredState, AKnownThingWithAnotherIdOrProgramIsRefused) {
    const auto loads_after = [](auto&& harm) {
        MemoryShard shard;
        Stored stored = some_ledger(11, 600, shard, false);
        const auto before = shard.state().size();
        shard.apply(RandomMoney::log(12, 600).inputs);
        EXPECT_GT(shard.state().size(), before);
        harm(StateStorage(shard.state()).arrays());
        stored.write(take_changes(shard.state()));
        return load(stored) != nullptr;
    };
    EXPECT_TRUE(loads_after([](const StateStorage::Arrays&) {}));
    EXPECT_TRUE(
        loads_after([](const StateStorage::Arrays& all) { all.users.change(3, [](User& u) { u.suspended ^= 1; }); }));
    EXPECT_FALSE(
        loads_after([](const StateStorage::Arrays& all) { all.users.change(3, [](User& u) { u.id.bytes[0] ^= 1; }); }));
    EXPECT_FALSE(loads_after([](const StateStorage::Arrays& all) {
        ASSERT_GT(all.programs.size(), 1U);
        all.users.change(3, [](User& u) { u.program.value ^= 1; });
    }));
    EXPECT_FALSE(loads_after([](const StateStorage::Arrays& all) {
        ASSERT_GT(all.payouts.size(), 0U);
        all.payouts.change(0).id.bytes[0] ^= 1;
    }));
}

// Of few fingerprints and of many, of random ones and of such as differ in their lower half alone.
TEST(StoredIds, AreReadAsTheyWereWrittenInAscendingChunks) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (const uint64_t count : {1, 2, 700, 5000, 100'000})
        for (const uint64_t mask : {UINT64_MAX, uint64_t{UINT32_MAX}, uint64_t{0xff} << 28, uint64_t{0}}) {
            const uint64_t first = random() % 1000;
            std::vector<StoredId> ids;
            for (uint64_t i = 0; i < count; ++i) ids.push_back({random() & mask, first + i});
            const StoredKind stored{first + count, first + count, count, hash_of_ids(ids)};
            IdSegmentReader reader(stored);
            std::vector<StoredId> all;
            std::vector<StoredId> some;
            for (const StateChunk& chunk : id_chunks(first + count, ids)) {
                ASSERT_TRUE(reader.take(segment_key(first + count, chunk.number), chunk.bytes, some));
                all.insert(all.end(), some.begin(), some.end());
            }
            EXPECT_TRUE(reader.done());
            std::ranges::sort(ids);
            EXPECT_EQ(all, ids) << count << " ids, mask " << mask;
        }
}

TEST(StoredState, APositionOfAnotherSizeIsNone) {
    MemoryShard shard;
    const Stored good = some_ledger(9, 300, shard, false);
    for (size_t size = 0; size < good.position.size(); ++size) {
        Stored bad = good;
        bad.position.resize(size);
        const std::unique_ptr<State> loaded = load(bad);
        EXPECT_TRUE(!loaded || !are_same(*loaded, shard.state())) << size;
    }
}

TEST(IdLoader, PutsInAllThatIsGivenByAnyThreadsBesideOneThatRunsAndWithout) {
    constexpr uint64_t kGivers = 2;
    constexpr uint64_t kTimes = 1000;  // far more than may wait
    constexpr uint64_t kAtOnce = 7;
    for (const bool is_run_beside : {true, false}) {
        State state;
        Program program;
        program.name_bytes[0] = 'p';
        program.name_size = 1;
        StateStorage(state).arrays().programs.append(program);
        const uint64_t hash = IdTable::program_hash("p");
        const auto id_of = [](uint64_t number) {
            Uuid id;
            for (size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<uint8_t>(number >> 8 * i);
            return id;
        };
        IdLoader loader(state);
        std::vector<std::thread> threads;
        if (is_run_beside) threads.emplace_back([&] { loader.run(); });
        std::vector<std::thread> givers;
        for (uint64_t giver = 0; giver < kGivers; ++giver)
            givers.emplace_back([&, giver] {
                for (uint64_t i = 0; i < kTimes; ++i) {
                    NewIds ids{EntityKind::kUser, (giver * kTimes + i) * kAtOnce, {}, {}};
                    for (uint64_t k = 0; k < kAtOnce; ++k)
                        ids.things.push_back({id_of(ids.first + k), ProgramIndex(0)});
                    ids.things.push_back({id_of(0), ProgramIndex(1)});  // of no program there is
                    ids.others.push_back({giver + 1, EntityRef(EntityKind::kOther, i).word()});
                    loader.give(std::move(ids));
                }
            });
        for (std::thread& giver : givers) giver.join();
        loader.end();
        if (!is_run_beside) loader.run();
        for (std::thread& thread : threads) thread.join();
        Ids expected;
        for (uint64_t number = 0; number < kGivers * kTimes * kAtOnce; ++number)
            expected.emplace(IdTable::fingerprint(hash, id_of(number)), EntityRef(EntityKind::kUser, number).word());
        for (uint64_t giver = 0; giver < kGivers; ++giver)
            for (uint64_t i = 0; i < kTimes; ++i) expected.emplace(giver + 1, EntityRef(EntityKind::kOther, i).word());
        EXPECT_EQ(ids_of(state), expected);
        EXPECT_EQ(state.ids().size(), expected.size());
    }
}

}  // namespace
}  // namespace upline::testing
