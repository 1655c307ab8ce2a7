// SPDX-License-Identifier: Apache-2.0
// The references model against a slow fold of maps over the entries of a random community.
#include "projectors/models/references.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "projectors/memory_table.h"
#include "projectors/projection.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

using Counters = std::array<int64_t, 4>;
// By kind: the entry that is named, and each that names it.
using SlowReferences = std::map<ReferenceKind, std::map<Sequence, std::map<Sequence, Counters>>>;

SlowReferences slow_references(testing::Community& community) {
    SlowReferences all;
    std::map<std::string, Sequence> programs;
    community.for_each_entry([&](const Entry& entry) {
        if (!entry.accepted()) return;
        const auto put = [&](ReferenceKind kind, Counters counters) {
            if (entry.refs[0] != kNoSequence) all[kind][entry.refs[0]][entry.sequence] = counters;
        };
        const Sequence program = programs.emplace(entry.program, entry.sequence).first->second;
        const auto packed = [](Currency currency) { return int64_t{currency.packed()}; };
        if (std::holds_alternative<UserSignedUp>(entry.payload)) put(ReferenceKind::kReferral, {1});
        if (std::holds_alternative<WebsiteCreated>(entry.payload)) put(ReferenceKind::kWebsite, {1});
        if (const auto* changed = std::get_if<WebsiteStatusChanged>(&entry.payload))
            put(ReferenceKind::kWebsiteStatus, {static_cast<int64_t>(changed->status)});
        if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload))
            put(ReferenceKind::kRefund, {refund->amount.value});
        if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) {
            Counters counters{request->amount.value, packed(request->currency)};
            for (size_t i = 0; i < 16; ++i)
                counters[2 + i / 8] =
                    static_cast<int64_t>(static_cast<uint64_t>(counters[2 + i / 8]) << 8 | entry.id.bytes[i]);
            put(ReferenceKind::kPayout, counters);
        }
        if (std::holds_alternative<PayoutSettled>(entry.payload)) put(ReferenceKind::kPayoutResult, {1});
        if (std::holds_alternative<PayoutFailed>(entry.payload)) put(ReferenceKind::kPayoutResult, {2});
        if (std::holds_alternative<UserSuspended>(entry.payload)) put(ReferenceKind::kSuspension, {1});
        if (std::holds_alternative<UserReinstated>(entry.payload)) put(ReferenceKind::kSuspension, {2});
        if (const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload))
            put(ReferenceKind::kAdjustment, {adjustment->amount.value, packed(adjustment->currency)});
        if (std::holds_alternative<PlanPublished>(entry.payload))
            all[ReferenceKind::kPlan][program][entry.sequence] = {1};
    });
    return all;
}

class ReferencesModel : public ::testing::Test {
  protected:
    ReferencesModel() {
        auto table = std::make_unique<MemoryTable>();
        table_ = table.get();
        projection_ = std::move(*Projection::open(std::move(table), references_model(), community_.shard().entries(),
                                                  community_.shard().entries()));
    }
    // Some users are suspended and reinstated in turn.
    void suspend_some() {
        const State& state = community_.shard().state();
        std::vector<Input> inputs;
        for (int i = 0; i < 40; ++i) {
            const User user = state.users()[community_.below(std::min<uint64_t>(5, state.users().size()))];
            Input input;
            Event& event = input.record.event;
            for (uint8_t& byte : event.id.bytes) byte = static_cast<uint8_t>(community_.below(256));
            event.program = state.programs()[user.program].name();
            event.occurred_at_us = state.clock_us();
            if (community_.below(2) == 0)
                event.payload = UserSuspended{.user = {user.id}, .reason = "fraud"};
            else
                event.payload = UserReinstated{.user = {user.id}};
            event.type = static_cast<uint8_t>(event.payload.index());
            input.append_time_ms = event.occurred_at_us / 1000;
            input.rules_version = state.rules_version();
            inputs.push_back(input);
        }
        community_.shard().apply(inputs);
    }
    void project() {
        ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
        ASSERT_TRUE(projection_->flush().ok());
    }
    std::vector<Reference> read(ReferenceKind kind, std::optional<Sequence> named = {}) {
        std::vector<Reference> references;
        EXPECT_TRUE(read_references(*table_, kind, named, [&](const Reference& reference) {
                        references.push_back(reference);
                        return true;
                    }).ok());
        return references;
    }
    std::optional<Sequence> program(std::string_view name) {
        const auto found = find_program(*table_, community_.shard().entries(), name);
        EXPECT_TRUE(found.ok());
        return *found;
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_};
    MemoryTable* table_ = nullptr;
    std::unique_ptr<Projection> projection_;
};

TEST_F(ReferencesModel, AgreesWithTheSlowOneOnEveryReference) {
    for (int round = 0; round < 4; ++round) {
        community_.live(3000);
        suspend_some();
        project();
        SlowReferences slow = slow_references(community_);
        for (auto kind = uint8_t{1}; kind <= static_cast<uint8_t>(kLastReferenceKind); ++kind) {
            if (static_cast<ReferenceKind>(kind) == ReferenceKind::kProgram) continue;
            SlowReferences::mapped_type found;
            for (const Reference& reference : read(static_cast<ReferenceKind>(kind)))
                found[reference.named][reference.by] = reference.counters;
            EXPECT_EQ(found, slow[static_cast<ReferenceKind>(kind)]) << "kind " << int{kind};
            EXPECT_FALSE(found.empty()) << "kind " << int{kind};
        }
    }
}

TEST_F(ReferencesModel, SaysWhatAReferenceIs) {
    community_.live(6000);
    project();
    size_t payouts = 0;
    community_.for_each_entry([&](const Entry& entry) {
        const auto* request = std::get_if<PayoutRequested>(&entry.payload);
        if (!entry.accepted() || !request) return;
        ++payouts;
        const auto newest = newest_references(*table_, ReferenceKind::kPayout, entry.refs[0], 1, entry.sequence + 1);
        ASSERT_TRUE(newest.ok() && newest->size() == 1);
        EXPECT_EQ(newest->front().by, entry.sequence);
        EXPECT_EQ(newest->front().payout_id(), entry.id);
        EXPECT_EQ(newest->front().amount(), request->amount.value);
        EXPECT_EQ(newest->front().currency(), request->currency);
    });
    EXPECT_GT(payouts, 0U);
}

TEST_F(ReferencesModel, GivesTheNewestOnesFirst) {
    community_.live(3000);
    project();
    std::map<Sequence, size_t> referrals;
    for (const Reference& reference : read(ReferenceKind::kReferral)) ++referrals[reference.named];
    const Sequence referrer =
        std::ranges::max_element(referrals, {}, [](const auto& of_one) { return of_one.second; })->first;
    std::vector<Reference> all = read(ReferenceKind::kReferral, referrer);
    ASSERT_GT(all.size(), 3U);
    std::ranges::reverse(all);
    const auto by = [](const std::vector<Reference>& references, size_t first, size_t count) {
        std::vector<Sequence> sequences;
        for (const Reference& reference : std::span(references).subspan(first, count))
            sequences.push_back(reference.by);
        return sequences;
    };
    const auto newest = newest_references(*table_, ReferenceKind::kReferral, referrer, 2);
    ASSERT_TRUE(newest.ok());
    EXPECT_EQ(by(*newest, 0, newest->size()), by(all, 0, 2));
    const auto before = newest_references(*table_, ReferenceKind::kReferral, referrer, 2, all[0].by);
    ASSERT_TRUE(before.ok());
    EXPECT_EQ(by(*before, 0, before->size()), by(all, 1, 2));
    const auto none = newest_references(*table_, ReferenceKind::kReferral, kNoSequence, 2);
    EXPECT_TRUE(none.ok() && none->empty());
}

TEST_F(ReferencesModel, KnowsProgramsByTheirNames) {
    community_.live(3000);
    project();
    std::map<std::string, Sequence> firsts;
    community_.for_each_entry([&](const Entry& entry) {
        if (entry.accepted()) firsts.emplace(entry.program, entry.sequence);
    });
    ASSERT_EQ(firsts.size(), 2U);
    for (const auto& [name, first] : firsts) EXPECT_EQ(program(name), first);
    EXPECT_EQ(program("nobody"), std::nullopt);
}

TEST_F(ReferencesModel, RefusesARowThatCannotBeRead) {
    community_.live(500);
    project();
    const auto key = table_->rows().upper_bound(std::string("\1", 1))->first;
    for (const std::string value : {"\1", "\7\2"}) {
        const std::vector<Table::Write> writes = {{key, value}};
        ASSERT_TRUE(table_->write(writes).ok());
        const Status read = read_references(*table_, ReferenceKind::kReferral, {}, [](const auto&) { return true; });
        ASSERT_FALSE(read.ok());
        EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    }
}

}  // namespace
}  // namespace upline
