// SPDX-License-Identifier: Apache-2.0
// Closing the books beside the loop: while many balances are hashed the shard goes on, and yet every entry, the order
// on disk and what is left after a crash are as if it had waited.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "events/base/bytes.h"
#include "ledger/core/closing.h"
#include "ledger/store/ledger_reader.h"
#include "tests/consumers/log_of_events.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {
namespace {

std::string id_of(size_t number) {
    return fmt::format("00000000-0000-4000-8000-{:012x}", number);
}

class ClosingShard : public ::testing::Test {
  protected:
    static constexpr size_t kUsers = 30'000;

    // Everybody has a balance, then a closing in the midst of what refers to entries just before it.
    static void SetUpTestSuite() {
        auto& records = *new std::vector<Bytes>();
        const auto add = [&records](const std::string& fields, size_t id, std::string_view time) {
            records.push_back(
                record_of(fmt::format(R"({{"id": "{}", "occurred_at": "{}", {}}})", id_of(id), time, fields)));
        };
        constexpr std::string_view kDay1 = "2026-01-01T10:00:00Z";
        for (size_t i = 1; i <= kUsers; ++i)
            add(i == 1 ? R"("type": "UserSignedUp")"
                       : fmt::format(R"("type": "UserSignedUp", "referrer": "{}")", id_of(i / 2)),
                i, kDay1);
        for (size_t i = 1; i <= kUsers; ++i)
            add(fmt::format(R"("type": "AdjustmentPosted", "user": "{}", "amount": "{}.25", "currency": "USD", )"
                            R"("reason": "start")",
                            id_of(i), i % 100),
                100'000 + i, kDay1);
        closing_at = records.size();
        add(R"("type": "BooksClosed", "period": "2026-01-01")", 300'001, kDay1);
        const auto sale = [&](size_t number, std::string_view time) {
            add(fmt::format(R"("type": "TransactionRecorded", "buyer": "{}", "amount": "10.00", "currency": "USD", )"
                            R"("source": "platform", "stream": "domain_services")",
                            id_of(kUsers - number)),
                400'000 + number, time);
        };
        for (size_t i = 0; i < 60; ++i) {
            sale(i, kDay1);
            // Of a sale whose entry is not on disk yet, and again with its id.
            add(fmt::format(R"("type": "TransactionRefunded", "transaction": "{}", "amount": "1.00", )"
                            R"("currency": "USD", "reason": "refund")",
                            id_of(400'000 + i)),
                500'000 + i, kDay1);
            sale(i, kDay1);
        }
        add(R"("type": "BooksClosed")", 300'002, "2026-01-02T00:00:00Z");
        add(R"("type": "BooksClosed")", 300'001, "2026-01-02T00:00:00Z");  // another event of an id in flight
        for (size_t i = 100; i < 140; ++i) sale(i, "2026-01-02T00:00:00Z");
        all_records = &records;

        MemoryShard whole;
        const Batch all(records, 0, records.size());
        whole.apply(all.inputs);
        whole.mature();
        merkle::Tree tree;
        for (size_t i = 0; i < whole.entries().size(); ++i) tree.append(merkle::leaf_hash(whole.entries()[i]));
        right_root = to_hex(tree.root());
        right_state = dump(whole.state());
        Entry entry;
        UPLINE_CHECK(decode_entry(whole.entries()[closing_at], entry).ok() && entry.accepted() &&
                         entry.closing.balances == kUsers,
                     "a closing of everybody's balance");
    }

    DataFolder folder(std::string_view name) {
        auto opened = DataFolder::open(fmt::format("{}/{}", folder_.path(), name), DataFolder::Access::kWrite);
        UPLINE_CHECK(opened.ok(), "a folder");
        return std::move(*opened);
    }
    static std::unique_ptr<Shard> open(const DataFolder& folder) {
        auto shard = Shard::open(folder, {{0, 1}, ""});
        if (shard.ok()) return std::move(*shard);
        ADD_FAILURE() << shard.error().message;
        return nullptr;
    }
    static void apply(Shard& shard, size_t count) {
        count = std::min(count, all_records->size() - shard.state().size());
        const Batch batch(*all_records, shard.state().size(), count);
        ASSERT_OK(shard.apply(batch.inputs, batch.records.records()));
    }

    TemporaryFolder folder_;
    static inline const std::vector<Bytes>* all_records = nullptr;
    static inline size_t closing_at = 0;
    static inline std::string right_root;
    static inline std::string right_state;
};

TEST_F(ClosingShard, GoesOnWhileItHashesAndMakesTheSameEntriesInTheSameOrder) {
    const DataFolder data = folder("data");
    const std::unique_ptr<Shard> shard = open(data);
    ASSERT_NE(shard, nullptr);
    apply(*shard, closing_at);
    ASSERT_OK(shard->commit_all());
    size_t ahead = 0;  // batches that were applied while the closing was on its way
    while (shard->state().size() < all_records->size()) {
        const uint64_t on_disk = shard->position().size;
        ASSERT_NO_FATAL_FAILURE(apply(*shard, 5));
        ASSERT_GE(shard->position().size, on_disk);
        ahead += shard->position().size <= closing_at ? 1 : 0;
    }
    EXPECT_GT(ahead, 3U) << "or it has waited for each hash";
    ASSERT_OK(shard->commit_all());
    EXPECT_EQ(shard->position().size, all_records->size());
    EXPECT_EQ(to_hex(shard->position().root), right_root);
    ASSERT_OK(shard->store_state());
    EXPECT_TRUE(dump(shard->state()) == right_state);
}

TEST_F(ClosingShard, ThrownAwayWithEntriesOnTheirWayCommitsThemAndGoesOnToTheSameRoot) {
    std::mt19937_64 random(test_seed());
    const DataFolder data = folder("data");
    std::unique_ptr<Shard> shard = open(data);
    ASSERT_NE(shard, nullptr);
    apply(*shard, closing_at);
    size_t thrown_away = 0;
    while (shard->state().size() < all_records->size()) {
        ASSERT_NO_FATAL_FAILURE(apply(*shard, 1 + random() % 60));
        const uint64_t applied = shard->state().size();
        if (shard->position().size == applied && random() % 4 != 0) continue;
        if (shard->position().size < applied) ++thrown_away;
        if (thrown_away > 20) continue;
        shard.reset();
        shard = open(data);
        ASSERT_NE(shard, nullptr);
        ASSERT_EQ(shard->position().size, applied);
        ASSERT_EQ(shard->state().size(), applied);
    }
    EXPECT_GT(thrown_away, 0U);
    ASSERT_OK(shard->store_state());
    EXPECT_EQ(to_hex(shard->position().root), right_root);
    EXPECT_TRUE(dump(shard->state()) == right_state);
}

TEST_F(ClosingShard, KeepsTheLeavesOfTheLastClosing) {
    const DataFolder data = folder("data");
    const std::unique_ptr<Shard> shard = open(data);
    ASSERT_NE(shard, nullptr);
    apply(*shard, all_records->size());
    ASSERT_OK(shard->store_state());
    const auto kept = read_kept_closing(shard->store(), ProgramIndex(0));
    ASSERT_OK(kept);
    const std::unique_ptr<EntrySource> entries = shard->store().point_reader();
    const auto bytes = entries->entry(kept->sequence);
    ASSERT_OK(bytes);
    Entry entry;
    ASSERT_OK(decode_entry(*bytes, entry));
    EXPECT_EQ(entry.id, *parse_uuid(id_of(300'002)));
    EXPECT_EQ(kept->leaves.size(), entry.closing.balances * kBalanceLeafBytes);
    EXPECT_EQ(closing_root(kept->leaves), entry.closing.root);
    const auto first = parse_balance_leaf(std::span(kept->leaves).first(kBalanceLeafBytes));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->user, *parse_uuid(id_of(1))) << "the first who was posted to";
    EXPECT_EQ(read_kept_closing(shard->store(), ProgramIndex(1)).error().code, ErrorCode::kNotFound);
}

TEST(BalanceLeaf, WhatIsNoLeafIsNotRead) {
    const ClosedBalance balance{*parse_uuid(id_of(7)), *parse_currency("KWD"), INT64_MIN, -1, INT64_MAX, 0};
    const auto leaf = balance_leaf(balance);
    EXPECT_EQ(*parse_balance_leaf(leaf), balance);
    EXPECT_FALSE(parse_balance_leaf(std::span(leaf).first(50)));
    auto no_currency = leaf;
    no_currency[16] = std::byte{'k'};
    EXPECT_FALSE(parse_balance_leaf(no_currency));
    auto nobody = leaf;
    std::fill_n(nobody.begin(), 16, std::byte{0});
    EXPECT_FALSE(parse_balance_leaf(nobody));
}

}  // namespace
}  // namespace upline::testing
