// SPDX-License-Identifier: Apache-2.0
// The containers the state is built from, each against the plain thing it stands in for.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "ledger/id_table.h"
#include "ledger/paged.h"
#include "ledger/sequence_rank.h"

namespace upline {
namespace {

Uuid random_uuid(std::mt19937_64& random) {
    Uuid id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
    return id;
}

TEST(IdTable, FindsWhatWasInsertedAndNothingElse) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    IdTable table;
    std::map<uint64_t, uint64_t> expected;  // fingerprint -> number
    for (uint64_t i = 0; i < 50'000; ++i) {
        // Some crowd at the end of the table, so that a run is long and wraps around to its front.
        const uint64_t fingerprint = random() | (i % 20 == 0 ? uint64_t{0x3ff} << 54 : 0);
        if (!expected.emplace(fingerprint, i).second) continue;
        table.insert(fingerprint, Thing(ThingKind::kOther, i));
    }
    EXPECT_EQ(table.size(), expected.size());
    const auto any = [](Thing) { return true; };
    for (const auto& [fingerprint, number] : expected) {
        const Thing found = table.find(fingerprint, any);
        ASSERT_EQ(found.kind(), ThingKind::kOther);
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
    for (uint64_t i = 0; i < 100; ++i) table.insert(kFingerprint, Thing(ThingKind::kUser, i));
    for (uint64_t wanted = 0; wanted < 100; ++wanted) {
        const Thing found = table.find(kFingerprint, [wanted](Thing thing) { return thing.number() == wanted; });
        ASSERT_TRUE(found);
        ASSERT_EQ(found.number(), wanted);
    }
    EXPECT_FALSE(table.find(kFingerprint, [](Thing) { return false; }));
    EXPECT_FALSE(table.find(kFingerprint + 1, [](Thing) { return true; })) << "a neighbour's slots are not its own";
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
            table.insert(fingerprints.back(), Thing(ThingKind::kWebsite, i));
            if (i % 500 != 0) continue;
            for (uint64_t k = 0; k <= i; ++k)
                ASSERT_EQ(table.find(fingerprints[k], [k](Thing t) { return t.number() == k; }).number(), k);
        }
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

TEST(Thing, KeepsKindAndNumber) {
    for (const ThingKind kind : {ThingKind::kUser, ThingKind::kWebsite, ThingKind::kOther}) {
        for (const uint64_t number : {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 56) - 1}) {
            const Thing thing(kind, number);
            EXPECT_TRUE(thing) << "number 0 is a thing too";
            EXPECT_EQ(thing.kind(), kind);
            EXPECT_EQ(thing.number(), number);
            EXPECT_EQ(Thing::from_word(thing.word()).number(), number);
        }
    }
    EXPECT_FALSE(Thing());
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

TEST(Paged, StoresExactlyThePagesThatChangedAndLoadsThemBack) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Paged<uint64_t> array;
    std::vector<uint64_t> expected;
    std::map<uint64_t, std::vector<std::byte>> stored;
    std::set<uint64_t> changed;
    for (int round = 0; round < 200; ++round) {
        changed.clear();
        const size_t appends = random() % 300;
        for (size_t i = 0; i < appends; ++i) {
            expected.push_back(random());
            ASSERT_EQ(array.append(expected.back()), expected.size() - 1);
            changed.insert((expected.size() - 1) / Paged<uint64_t>::kPageRecords);
        }
        for (size_t i = random() % 4; i > 0 && !expected.empty(); --i) {
            const size_t index = random() % expected.size();
            expected[index] = array.change(index) = random();
            changed.insert(index / Paged<uint64_t>::kPageRecords);
        }
        std::vector<uint64_t> pages;
        array.store_changes([&](uint64_t page, std::span<const std::byte> bytes) {
            pages.push_back(page);
            stored[page].assign(bytes.begin(), bytes.end());
        });
        ASSERT_EQ(pages, std::vector<uint64_t>(changed.begin(), changed.end())) << "once each, ascending";
        array.store_changes([](uint64_t page, auto) { FAIL() << "page " << page << " is stored already"; });
    }
    Paged<uint64_t> loaded;
    for (const auto& [page, bytes] : stored) ASSERT_TRUE(loaded.load(page, bytes));
    ASSERT_EQ(loaded.size(), expected.size());
    ASSERT_EQ(loaded.page_count(), stored.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(loaded[i], expected[i]);
    loaded.store_changes([](uint64_t page, auto) { FAIL() << "page " << page << " has not changed"; });
    // And it goes on where it was: the last, partial page is stored again.
    loaded.append(1);
    size_t stores = 0;
    loaded.store_changes([&](uint64_t page, auto) {
        ++stores;
        EXPECT_EQ(page, expected.size() / Paged<uint64_t>::kPageRecords);
    });
    EXPECT_EQ(stores, 1U);
}

TEST(Paged, RefusesBytesThatCannotBeTheNextPage) {
    Paged<uint64_t> array;
    const std::vector<std::byte> full(128 * 8);
    EXPECT_FALSE(array.load(1, full)) << "a page is missing";
    EXPECT_FALSE(array.load(uint64_t{1} << 57, full)) << "a page number whose first record wraps to 0";
    EXPECT_FALSE(array.load(0, {})) << "an empty page";
    EXPECT_FALSE(array.load(0, std::span(full).first(12))) << "a part of a record";
    EXPECT_FALSE(array.load(0, std::vector<std::byte>(129 * 8))) << "more than a page";
    EXPECT_EQ(array.size(), 0U);
    ASSERT_TRUE(array.load(0, std::span(full).first(16)));
    EXPECT_FALSE(array.load(1, full)) << "the page before is not full";
}

}  // namespace
}  // namespace upline
