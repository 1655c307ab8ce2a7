// SPDX-License-Identifier: Apache-2.0
// The containers the state is built from, each against the plain thing it stands in for.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "ledger/containers/dirty_array.h"
#include "ledger/containers/huge_array.h"
#include "ledger/containers/id_table.h"
#include "ledger/containers/sequence_rank.h"
#include "ledger/core/maturity.h"

namespace upline {
namespace {

Uuid random_uuid(std::mt19937_64& random) {
    Uuid id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
    return id;
}

// Through every way to grow: small, into a mapping, and that one moved.
TEST(FlatArray, KeepsWhatWasWrittenAndIsZeroBehindIt) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (int run = 0; run < 20; ++run) {
        FlatArray<uint64_t> array;
        std::vector<uint64_t> expected;
        while (expected.size() < 1'500'000) {
            if (random() % 4 == 0) {
                expected.resize(expected.size() * (random() % 100) / 90 + expected.size());
                expected.resize(expected.size() + random() % 1000);
                array.grow(expected.size());
            }
            for (uint64_t i = random() % (expected.size() / 3 + 100); i > 0; --i) {
                expected.push_back(random() | 1);
                array.push_back(expected.back());
            }
            if (random() % 4 == 0 && !expected.empty()) {  // a record of its own
                expected.push_back(expected[expected.size() / 2]);
                array.push_back(array[array.size() / 2]);
            }
            if (random() % 3 != 0) continue;
            FlatArray<uint64_t> moved = std::move(array);
            ASSERT_TRUE(std::ranges::equal(moved, expected));
            array = FlatArray(moved);  // a copy
        }
        ASSERT_TRUE(std::ranges::equal(array, expected));
    }
}

// Whatever part of it a thread beside has populated: past the room, and more than one huge page.
TEST(FlatArray, HoldsWhatIsWrittenWhileItIsPopulatedByAThreadBeside) {
    constexpr size_t kSize = 3'000'000;
    for (const size_t populated : {size_t{0}, size_t{1000}, kSize / 2, kSize, 2 * kSize}) {
        FlatArray<uint64_t> array;
        array.reserve(kSize);
        std::thread beside([&] { array.populate(populated); });
        for (uint64_t i = 0; i < kSize; ++i) array.push_back(i | 1);
        beside.join();
        for (uint64_t i = 0; i < kSize; ++i) ASSERT_EQ(array[i], i | 1);
        array.grow(kSize + 1000);
        ASSERT_EQ(array[kSize + 999], 0U);
    }
}

TEST(IdTable, FindsWhatWasInsertedAndNothingElse) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    IdTable table;
    std::map<uint64_t, uint64_t> expected;  // fingerprint -> number
    std::vector<uint64_t> inserted;
    const auto any = [](EntityRef) { return true; };
    for (uint64_t i = 0; i < 50'000; ++i) {
        // Some crowd at the end of the table, so that a run is long and goes on behind the last home.
        const uint64_t fingerprint = random() | (i % 20 == 0 ? uint64_t{0x3ff} << 54 : 0);
        if (!expected.emplace(fingerprint, i).second) continue;
        table.insert(fingerprint, EntityRef(EntityKind::kOther, i));
        inserted.push_back(fingerprint);
        // Also while it grows, which it does a little with each.
        const uint64_t earlier = inserted[random() % inserted.size()];
        ASSERT_EQ(table.find(earlier, any).number(), expected.at(earlier)) << i;
        const uint64_t other = random() % 2 == 0 ? random() : earlier ^ 1;
        ASSERT_EQ(static_cast<bool>(table.find(other, any)), expected.contains(other)) << i;
    }
    EXPECT_EQ(table.size(), expected.size());
    for (const auto& [fingerprint, number] : expected) {
        const EntityRef found = table.find(fingerprint, any);
        ASSERT_EQ(found.kind(), EntityKind::kOther);
        ASSERT_EQ(found.number(), number);
    }
    for (int i = 0; i < 50'000; ++i) {
        const uint64_t fingerprint = random();
        ASSERT_EQ(static_cast<bool>(table.find(fingerprint, any)), expected.contains(fingerprint));
    }
}

TEST(IdTable, TellsIdsOfOneFingerprintApartByTheWholeComparison) {
    constexpr uint64_t kFingerprint = 0xdeadbeef;
    IdTable table;
    for (uint64_t i = 0; i < 100; ++i) table.insert(kFingerprint, EntityRef(EntityKind::kUser, i));
    for (uint64_t wanted = 0; wanted < 100; ++wanted) {
        const EntityRef found =
            table.find(kFingerprint, [wanted](EntityRef thing) { return thing.number() == wanted; });
        ASSERT_TRUE(found);
        ASSERT_EQ(found.number(), wanted);
    }
    EXPECT_FALSE(table.find(kFingerprint, [](EntityRef) { return false; }));
    EXPECT_FALSE(table.find(kFingerprint + 1, [](EntityRef) { return true; })) << "a neighbour's slots are not its own";
}

TEST(IdTable, GrowingOrReservingLosesNothing) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (const uint64_t reserved : {uint64_t{0}, uint64_t{717}, uint64_t{5000}}) {
        IdTable table;
        table.reserve(reserved);
        std::vector<uint64_t> fingerprints;
        for (uint64_t i = 0; i < 5000; ++i) {
            fingerprints.push_back(random());
            table.insert(fingerprints.back(), EntityRef(EntityKind::kWebsite, i));
            if (i % 500 != 0) continue;
            for (uint64_t k = 0; k <= i; ++k)
                ASSERT_EQ(table.find(fingerprints[k], [k](EntityRef t) { return t.number() == k; }).number(), k);
        }
    }
}

// Ids that crowd at the front or behind the last home, or are all alike, grow with the others.
TEST(IdTable, GrowsWhereverItsIdsLie) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (int run = 0; run < 60; ++run) {
        IdTable table;
        const unsigned shift = static_cast<unsigned>(random() % 60);
        const uint64_t most = 1 + random() % 5000;
        std::map<uint64_t, std::vector<uint64_t>> expected;  // fingerprint -> numbers
        std::vector<IdTable::Slot> slots;
        size_t at_once = 0;
        for (uint64_t i = 0; i < most; ++i) {
            uint64_t fingerprint = random();
            if (random() % 4 != 0) fingerprint = run % 2 == 0 ? fingerprint >> shift : ~(fingerprint >> shift);
            if (random() % 50 == 0) table.reserve(table.size() + random() % 5000);
            expected[fingerprint].push_back(i);
            if (slots.empty()) at_once = random() % 100;
            if (at_once == 0) {
                table.insert(fingerprint, EntityRef(EntityKind::kOther, i));
                continue;
            }
            slots.push_back({fingerprint, EntityRef(EntityKind::kOther, i).word()});
            if (slots.size() < at_once && i + 1 < most) continue;
            table.insert_all(slots);
            slots.clear();
        }
        ASSERT_EQ(table.size(), most);
        for (const auto& [fingerprint, numbers] : expected) {
            std::vector<uint64_t> found;
            table.find(fingerprint, [&](EntityRef thing) {
                found.push_back(thing.number());
                return false;
            });
            std::ranges::sort(found);
            ASSERT_EQ(found, numbers);
        }
        uint64_t count = 0;
        table.for_each([&](const IdTable::Slot& slot) {
            ++count;
            ASSERT_TRUE(expected.contains(slot.fingerprint));
        });
        ASSERT_EQ(count, most);
    }
}

TEST(IdTable, FingerprintsDependOnProgramAndId) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::set<uint64_t> seen;
    for (int i = 0; i < 10'000; ++i) {
        const Uuid id = random_uuid(random);
        for (const char* program : {"default", "shop", "shop2"})
            seen.insert(IdTable::fingerprint(IdTable::program_hash(program), id));
    }
    EXPECT_EQ(seen.size(), 30'000U);
}

// Stored slots are found again by a later build: the function is part of the data format.
TEST(IdTable, FingerprintsAreThoseOfTheFormat) {
    const Uuid id{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
    EXPECT_EQ(IdTable::program_hash("default"), 0x6c5b964d9473ac1aU);
    EXPECT_EQ(IdTable::fingerprint(IdTable::program_hash("default"), id), 0x018e6f0ecd444926U);
}

TEST(EntityRef, KeepsKindAndNumber) {
    for (const EntityKind kind : {EntityKind::kUser, EntityKind::kWebsite, EntityKind::kOther}) {
        for (const uint64_t number : {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 56) - 1}) {
            const EntityRef thing(kind, number);
            EXPECT_TRUE(thing) << "number 0 is a thing too";
            EXPECT_EQ(thing.kind(), kind);
            EXPECT_EQ(thing.number(), number);
            EXPECT_EQ(EntityRef::from_word(thing.word()).number(), number);
        }
    }
    EXPECT_FALSE(EntityRef());
}

TEST(SequenceRank, CountsWhatCameBefore) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (const uint64_t largest_gap : {uint64_t{1}, uint64_t{2}, uint64_t{70}, uint64_t{3000}}) {
        SequenceRank rank;
        std::vector<uint64_t> added;
        uint64_t sequence = random() % largest_gap;
        for (int i = 0; i < 2000; ++i) {
            rank.add(sequence);
            added.push_back(sequence);
            sequence += 1 + random() % largest_gap;
        }
        size_t before = 0;
        for (uint64_t s = 0; s <= added.back() + 1000; ++s) {
            const bool is_there = before < added.size() && added[before] == s;
            const auto found = rank.rank(s);
            ASSERT_EQ(found.has_value(), is_there) << s;
            if (!is_there) continue;
            ASSERT_EQ(*found, before) << s;
            ++before;
        }
        ASSERT_FALSE(rank.rank(UINT64_MAX));
    }
    EXPECT_FALSE(SequenceRank().rank(0));
}

TEST(SequenceRankDeathTest, RefusesASequenceThatDoesNotGrowWithinItsWord) {
    SequenceRank rank;
    rank.add(5);
    EXPECT_DEATH(rank.add(5), "sequences that grow");
    EXPECT_DEATH(rank.add(4), "sequences that grow");
}

// A record of which a half is hot.
struct Halves {
    uint64_t one = 0;
    uint64_t other = 0;
    struct Hot {
        uint64_t one;
    };
    struct Cold {
        uint64_t other;
    };
    Hot hot() const { return {one}; }
    Cold cold() const { return {other}; }
    static Halves of(const Hot& hot, const Cold& cold) { return {hot.one, cold.other}; }
    bool operator==(const Halves&) const = default;
};

void change_one(DirtyTrackedArray<Halves>& array, size_t index, const Halves& record) {
    array.change(index) = record;
}
void change_one(HotColdArray<Halves>& array, size_t index, const Halves& record) {
    if (record.one % 3 == 0) {
        array.change_hot(index) = record.hot();
        array.change_cold(index) = record.cold();
    } else {
        array.change(index, [&](Halves& changed) { changed = record; });
    }
}

template <class Array>
void expect_that_it_gives_what_has_changed_and_loads_it_back() {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Array array;
    Array loaded;
    std::vector<Halves> expected;
    for (int round = 0; round < 300; ++round) {
        std::set<size_t> changed;
        for (size_t i = random() % 300; i > 0; --i) {
            expected.push_back({random(), random()});
            ASSERT_EQ(array.append(expected.back()).value, expected.size() - 1);
            changed.insert(expected.size() - 1);
        }
        for (size_t i = random() % 9; i > 0 && !expected.empty(); --i) {
            const size_t index = random() % expected.size();
            expected[index] = {random(), random()};
            change_one(array, index, expected[index]);
            changed.insert(index);
        }
        ASSERT_EQ(array.count_changed(), changed.size());
        const bool all = random() % 4 == 0;
        if (all)
            for (size_t i = 0; i < expected.size(); ++i) changed.insert(i);
        std::vector<size_t> given;
        const auto store = [&](size_t index, const Halves& record) {
            given.push_back(index);
            ASSERT_TRUE(loaded.load(index, record));
        };
        if (all)
            array.take_all(store);
        else
            array.take_changed(store);
        ASSERT_EQ(given, std::vector<size_t>(changed.begin(), changed.end())) << "once each, ascending";
        ASSERT_EQ(array.count_changed(), 0U);
        ASSERT_EQ(loaded.size(), array.size());
        for (size_t i = 0; i < loaded.size(); ++i) ASSERT_EQ(loaded[i], expected[i]);
        ASSERT_EQ(loaded.count_changed(), 0U) << "what is loaded is stored";
    }
    ASSERT_EQ(array.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(array[i], expected[i]);
    EXPECT_FALSE(loaded.load(loaded.size() + 1, {})) << "one is missing";
    EXPECT_FALSE(loaded.load(UINT64_MAX, {}));
}

TEST(DirtyTrackedArray, GivesExactlyWhatHasChangedAndLoadsItBack) {
    expect_that_it_gives_what_has_changed_and_loads_it_back<DirtyTrackedArray<Halves>>();
}

TEST(HotColdArray, GivesExactlyWhatHasChangedAndLoadsItBack) {
    expect_that_it_gives_what_has_changed_and_loads_it_back<HotColdArray<Halves>>();
}

// ---- MaturityCursors ----

// Entries of sales, held and not, and of other things: what the cursors walk over.
class HeldSales final : public EntrySource {
  public:
    Result<std::span<const std::byte>> entry(uint64_t sequence) override {
        ++reads;
        return std::span<const std::byte>(entries_.at(sequence));
    }
    uint64_t size() const { return entries_.size(); }
    uint64_t reads = 0;

    // A sale at that clock with a commission of a unit, held for so long.
    void sell(MaturityCursors& holds, int64_t clock_us, int64_t hold_us) {
        add(holds, clock_us, hold_us, AccountKind::kEarned, Role::kLevel1, 0);
    }
    // A sale of which nobody earns anything.
    void sell_to_nobody(MaturityCursors& holds, int64_t clock_us, int64_t hold_us) {
        add(holds, clock_us, hold_us, AccountKind::kHouse, Role::kNone, kNoSequence);
    }
    void refuse(MaturityCursors& holds, int64_t clock_us) {
        Entry entry;
        entry.sequence = size();
        entry.clock_us = clock_us;
        entry.outcome = Outcome::kInvalid;
        entry.type = static_cast<uint8_t>(EventType::kTransactionRecorded);
        entry.id.bytes = {1};
        entry.program = "default";
        append(holds, entry);
    }
    std::vector<int64_t> maturities;  // by sequence; 0: nothing is held

  private:
    void add(MaturityCursors& holds, int64_t clock_us, int64_t hold_us, AccountKind account, Role role, Sequence user) {
        Entry entry;
        entry.sequence = size();
        entry.clock_us = clock_us;
        entry.type = static_cast<uint8_t>(EventType::kTransactionRecorded);
        entry.id.bytes = {1};
        entry.program = "default";
        TransactionRecorded sale;
        sale.amount.value = 1;
        sale.currency = *parse_currency("USD");
        sale.source = Source::kPlatform;
        sale.stream = Stream::kSubscriptionTiers;
        entry.payload = sale;
        entry.refs[0] = 0;
        entry.currency = sale.currency;
        entry.maturity_us = clock_us + hold_us;
        entry.posting_count = 2;
        entry.postings[0] = {AccountKind::kSales, Role::kNone, kNoSequence, -1};
        entry.postings[1] = {account, role, user, 1};
        append(holds, entry);
        if (account == AccountKind::kEarned && hold_us > 0) maturities.back() = entry.maturity_us;
    }
    void append(MaturityCursors& holds, const Entry& entry) {
        append_entry(entry, entries_.emplace_back());
        maturities.push_back(0);
        holds.add(entry);
    }
    std::vector<std::vector<std::byte>> entries_;
};

// Advances and says which entries have matured, each of which must not have before.
std::set<Sequence> advanced(MaturityCursors& holds, HeldSales& sales, int64_t clock_us, uint64_t most = UINT64_MAX) {
    std::set<Sequence> moved;
    const Status status = holds.advance(sales, clock_us, most, [&](const Entry& entry) {
        EXPECT_TRUE(moved.insert(entry.sequence).second) << "entry " << entry.sequence << " twice";
        EXPECT_LE(entry.maturity_us, clock_us) << "entry " << entry.sequence << " too early";
        return ok_status();
    });
    EXPECT_TRUE(status.ok());
    return moved;
}

TEST(MaturityCursors, MoveEachSaleWhenItsOwnHoldEnds) {
    MaturityCursors holds;
    HeldSales sales;
    sales.sell(holds, 100, 30);           // entry 0, mature at 130
    sales.sell(holds, 101, 5);            // 1, at 106
    sales.refuse(holds, 101);             // 2
    sales.sell(holds, 110, 30);           // 3, at 140
    sales.sell(holds, 110, 0);            // 4, at once: never held
    sales.sell_to_nobody(holds, 110, 7);  // 5: nothing to hold
    sales.sell(holds, 112, 5);            // 6, at 117
    EXPECT_EQ(holds.all(), (std::vector<Hold>{{5, 1, 6, 106}, {30, 0, 3, 130}}));
    EXPECT_EQ(advanced(holds, sales, 105), (std::set<Sequence>{}));
    EXPECT_EQ(sales.reads, 0U) << "nothing is due";
    EXPECT_EQ(advanced(holds, sales, 106), (std::set<Sequence>{1}));
    EXPECT_EQ(holds.all(), (std::vector<Hold>{{5, 6, 6, 117}, {30, 0, 3, 130}})) << "the first is held again";
    EXPECT_EQ(advanced(holds, sales, 139), (std::set<Sequence>{0, 6}));
    EXPECT_EQ(holds.all(), (std::vector<Hold>{{30, 3, 3, 140}})) << "a hold with nothing left is gone";
    sales.sell(holds, 139, 5);  // 7, at 144
    EXPECT_EQ(holds.all(), (std::vector<Hold>{{5, 7, 7, 144}, {30, 3, 3, 140}})) << "and comes back";
    EXPECT_EQ(advanced(holds, sales, 1000), (std::set<Sequence>{3, 7}));
    EXPECT_TRUE(holds.all().empty());
}

TEST(MaturityCursors, LookAtNoMoreEntriesThanTheyMay) {
    MaturityCursors holds;
    HeldSales sales;
    for (int64_t i = 0; i < 10; ++i) sales.sell(holds, 100 + i, i % 2 == 0 ? 3 : 5);
    std::set<Sequence> all;
    EXPECT_EQ(advanced(holds, sales, 1000, 0), (std::set<Sequence>{}));
    EXPECT_EQ(sales.reads, 0U);
    for (uint64_t steps = 1; !holds.all().empty(); ++steps) {
        ASSERT_LT(steps, 100U);
        sales.reads = 0;
        for (const Sequence moved : advanced(holds, sales, 1000, 3)) EXPECT_TRUE(all.insert(moved).second) << moved;
        EXPECT_LE(sales.reads, 3U);
    }
    EXPECT_EQ(all.size(), 10U);
}

TEST(MaturityCursors, AdvanceInAnyStepsAsAtOnce) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    for (int run = 0; run < 300; ++run) {
        MaturityCursors at_once;
        MaturityCursors in_steps;
        HeldSales sales;
        HeldSales same_sales;
        std::set<Sequence> moved;
        int64_t clock_us = 1000;
        constexpr std::array<int64_t, 5> kHolds = {0, 1, 20, 21, 300};
        for (int i = 0; i < 60; ++i) {
            clock_us += static_cast<int64_t>(random() % 12);
            const int64_t hold_us = kHolds[random() % kHolds.size()];
            const uint64_t kind = random() % 8;
            for (auto [holds, source] : {std::pair(&at_once, &sales), std::pair(&in_steps, &same_sales)}) {
                if (kind == 0)
                    source->refuse(*holds, clock_us);
                else if (kind == 1)
                    source->sell_to_nobody(*holds, clock_us, hold_us);
                else
                    source->sell(*holds, clock_us, hold_us);
            }
            for (const Sequence s : advanced(in_steps, same_sales, clock_us, random() % 4))
                ASSERT_TRUE(moved.insert(s).second) << "entry " << s << " twice";
        }
        for (const Sequence s : advanced(in_steps, same_sales, clock_us))
            ASSERT_TRUE(moved.insert(s).second) << "entry " << s << " twice";
        std::set<Sequence> due;
        for (Sequence s = 0; s < sales.size(); ++s)
            if (sales.maturities[s] != 0 && sales.maturities[s] <= clock_us) due.insert(s);
        ASSERT_EQ(moved, due) << "run " << run;
        ASSERT_EQ(advanced(at_once, sales, clock_us), due) << "run " << run;
        ASSERT_EQ(in_steps.all(), at_once.all()) << "run " << run;

        // Put away and taken up again, they go on where they were.
        MaturityCursors restored;
        ASSERT_TRUE(restored.restore(in_steps.all(), same_sales.size()));
        ASSERT_EQ(advanced(restored, same_sales, clock_us + 25), advanced(at_once, sales, clock_us + 25));
        ASSERT_EQ(restored.all(), at_once.all());
    }
}

TEST(MaturityCursors, RestoreRefusesWhatCannotBe) {
    const std::vector<Hold> good = {{5, 1, 6, 106}, {30, 0, 3, 130}};
    MaturityCursors holds;
    ASSERT_TRUE(holds.restore(good, 7));
    EXPECT_EQ(holds.all(), good);
    const auto is_refused = [&](std::vector<Hold> wrong, uint64_t size = 7) {
        return !holds.restore(std::move(wrong), size) && holds.all() == good;
    };
    EXPECT_TRUE(is_refused({{0, 1, 6, 106}})) << "a hold of no time";
    EXPECT_TRUE(is_refused({{-5, 1, 6, 106}})) << "a hold of less";
    EXPECT_TRUE(is_refused({{5, 6, 1, 106}})) << "the last before the first";
    EXPECT_TRUE(is_refused(good, 6)) << "an entry that is not there yet";
    EXPECT_TRUE(is_refused({good[1], good[0]})) << "out of order";
    EXPECT_TRUE(is_refused({good[0], good[0]})) << "one hold twice";
    EXPECT_TRUE(holds.restore({}, 0));
    EXPECT_TRUE(holds.all().empty());
}

TEST(MaturityCursors, AnEntryThatCannotBeReadOrMovedStopsThem) {
    class Gone final : public EntrySource {
        Result<std::span<const std::byte>> entry(uint64_t) override {
            return Error{ErrorCode::kUnavailable, "the disk is gone"};
        }
    };
    MaturityCursors holds;
    HeldSales sales;
    sales.sell(holds, 100, 5);
    Gone gone;
    const auto move = [](const Entry&) { return ok_status(); };
    EXPECT_FALSE(holds.advance(gone, 1000, UINT64_MAX, move).ok());
    const auto fail = [](const Entry&) -> Status { return Error{ErrorCode::kCorrupt, "no such account"}; };
    EXPECT_FALSE(holds.advance(sales, 1000, UINT64_MAX, fail).ok());
    EXPECT_EQ(advanced(holds, sales, 1000), (std::set<Sequence>{0})) << "it is still to be moved";
}

}  // namespace
}  // namespace upline
