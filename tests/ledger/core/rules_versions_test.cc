// SPDX-License-Identifier: Apache-2.0
// One log, rules that change on its way: an upgraded release gives old logs the same entries to the byte, each event is
// judged under the version in force at its place, and a release that does not know the next version stops there.
#include "events/base/bytes.h"
#include "ledger/core/rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ledger/proof/merkle.h"
#include "tests/ledger/core/later_rules.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {
namespace {

using Records = std::vector<RecordBytes>;

std::string root_of(const MemoryEntries& entries) {
    merkle::Tree tree;
    for (size_t i = 0; i < entries.size(); ++i) tree.append(merkle::leaf_hash(entries[i]));
    return to_hex(tree.root());
}

std::pair<uint16_t, Outcome> version_and_outcome(const MemoryShard& shard, size_t sequence) {
    Entry entry;
    const Status decoded = decode_entry(shard.entries()[sequence], entry);
    UPLINE_CHECK(decoded.ok(), "what the core writes decodes");
    return {entry.rules_version, entry.outcome};
}

void fold_all(const MemoryEntries& entries, State& state) {
    Entry entry;
    for (size_t i = 0; i < entries.size(); ++i) {
        ASSERT_TRUE(decode_entry(entries[i], entry).ok());
        const Status status = state.fold(entry);
        ASSERT_TRUE(status.ok()) << status.error().message;
    }
}

// A shard of a release that is given records one by one.
class Story {
  public:
    explicit Story(size_t versions) : shard_({}, release(versions)) {}
    // The version its entry was made under, and what became of it.
    std::pair<uint16_t, Outcome> give(const RecordBytes& record) {
        const Input input = read_input(record, kAppendedMs, kLaterVersions[0]);
        shard_.apply(std::span(&input, 1));
        return version_and_outcome(shard_, shard_.entries().size() - 1);
    }
    std::pair<uint16_t, Outcome> give(std::string_view type, std::string_view id, std::string_view fields = "") {
        return give(record_of_event(type, id, fields));
    }
    const MemoryShard& shard() const { return shard_; }

  private:
    MemoryShard shard_;
};

std::pair<uint16_t, Outcome> under(uint16_t version, Outcome outcome) {
    return {version, outcome};
}

constexpr std::string_view kAdjustment = R"("user": "u0", "amount": "7.00", "currency": "USD", "reason": "goodwill")";

std::string sale(std::string_view amount) {
    return fmt::format(R"("buyer": "u1", "amount": "{}", "currency": "USD", "source": "platform", )"
                       R"("stream": "domain_services")",
                       amount);
}

TEST(RulesVersions, OfThisReleaseCountFromOneWithoutAGap) {
    const std::span<const Rules> versions = rules_versions();
    ASSERT_FALSE(versions.empty());
    for (size_t i = 0; i < versions.size(); ++i) EXPECT_EQ(versions[i].version, i + 1);
    EXPECT_EQ(find_rules(versions, 0), nullptr);
    EXPECT_EQ(find_rules(versions, 1), &versions[0]);
    EXPECT_EQ(find_rules(versions, static_cast<uint16_t>(versions.size() + 1)), nullptr);
}

TEST(RulesVersions, AnUpgradedReleaseGivesAnOldLogTheSameEntries) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Records records = mixed_records(2000, seed);
    MemoryShard earlier({}, release(1));
    earlier.apply_in_batches(inputs_of(records), 100);
    std::set<uint8_t> accepted;
    std::set<Outcome> outcomes;
    for (size_t i = 0; i < records.size(); ++i) {
        Entry entry;
        ASSERT_TRUE(decode_entry(earlier.entries()[i], entry).ok());
        outcomes.insert(entry.outcome);
        if (entry.accepted()) accepted.insert(entry.type);
    }
    EXPECT_EQ(accepted, (std::set<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14})) << "or the log says too little";
    EXPECT_GE(outcomes.size(), 10U) << "or the log says too little";
    for (const size_t versions : {2, 3}) {
        MemoryShard upgraded({}, release(versions));
        upgraded.apply_in_batches(inputs_of(records), 100);
        EXPECT_TRUE(upgraded.entries().bytes() == earlier.entries().bytes()) << versions;
        EXPECT_EQ(root_of(upgraded.entries()), root_of(earlier.entries())) << versions;
        EXPECT_TRUE(dump(upgraded.state()) == dump(earlier.state())) << versions;
    }
}

TEST(RulesVersions, ANewTypeIsUnknownUntilItsVersionAndItsIdStaysFree) {
    Story story(2);
    EXPECT_EQ(story.give("UserSignedUp", "u0"), under(1, Outcome::kAccepted));
    EXPECT_EQ(story.give("AdjustmentPosted", "a", kAdjustment), under(1, Outcome::kUnknownType));
    EXPECT_EQ(story.give("AdjustmentPosted", "b", kAdjustment), under(1, Outcome::kUnknownType));
    EXPECT_EQ(story.give("UserSignedUp", "b"), under(1, Outcome::kAccepted)) << "the id of what was unknown";
    EXPECT_EQ(story.give("AdjustmentPosted", "b", kAdjustment), under(1, Outcome::kConflict));
    EXPECT_EQ(story.give(activation(2)), under(1, Outcome::kAccepted)) << "the activation is of the old version";
    EXPECT_EQ(story.give("AdjustmentPosted", "a", kAdjustment), under(2, Outcome::kAccepted));
    EXPECT_EQ(story.give("AdjustmentPosted", "a", kAdjustment), under(2, Outcome::kDuplicate));
    EXPECT_EQ(story.give("AdjustmentPosted", "b", kAdjustment), under(2, Outcome::kConflict));
    EXPECT_EQ(story.shard().state().accounts()[0].available, 700) << "once";
}

TEST(RulesVersions, AChangedRuleHoldsFromItsVersionOn) {
    Story story(2);
    story.give("UserSignedUp", "u0");
    story.give("UserSignedUp", "u1", R"("referrer": "u0")");
    EXPECT_EQ(story.give("TransactionRecorded", "small", sale("0.99")), under(1, Outcome::kAccepted));
    EXPECT_EQ(story.give(activation(2)), under(1, Outcome::kAccepted));
    EXPECT_EQ(story.give("TransactionRecorded", "small-too", sale("0.99")), under(2, Outcome::kInvalid));
    EXPECT_EQ(story.give("TransactionRecorded", "large", sale("1.00")), under(2, Outcome::kAccepted));
    // What was accepted stays so, and later events may refer to it.
    EXPECT_EQ(story.give("TransactionRecorded", "small", sale("0.99")), under(2, Outcome::kDuplicate));
    EXPECT_EQ(story.give("TransactionRefunded", "r",
                         R"("transaction": "small", "amount": "0.99", "currency": "USD", "reason": "refund")"),
              under(2, Outcome::kAccepted));
}

TEST(RulesVersions, OnlyTheNextOneCanBeActivated) {
    Story story(3);
    for (const unsigned version : {0, 1, 3, 65535})
        EXPECT_EQ(story.give(activation(version)), under(1, Outcome::kInvalid)) << version;
    EXPECT_EQ(story.shard().state().rules_version(), 1);
    EXPECT_EQ(story.give(activation(2)), under(1, Outcome::kAccepted));
    EXPECT_EQ(story.give(activation(2)), under(2, Outcome::kDuplicate)) << "the same event again";
    for (const unsigned version : {0, 1, 2, 4})
        EXPECT_EQ(story.give(activation(version, "again")), under(2, Outcome::kInvalid)) << version;
    EXPECT_EQ(story.give(activation(3)), under(2, Outcome::kAccepted)) << "its id was free";
    EXPECT_EQ(story.give("UserSignedUp", "u0"), under(3, Outcome::kAccepted));
}

// Whatever a consumer that read ahead took the record for.
TEST(RulesVersions, APayloadIsReadUnderTheVersionInForceAtItsPlace) {
    const Records records = {activation(2), unreadable_adjustment("a"), activation(3), unreadable_adjustment("b"),
                             record_of_event("AdjustmentPosted", "c", kAdjustment)};
    for (const Rules& read_under : kLaterVersions) {
        SCOPED_TRACE(fmt::format("read under version {}", read_under.version));
        std::vector<Input> inputs = inputs_of(records);
        for (const size_t i : {1, 3, 4}) inputs[i] = read_input(records[i], kAppendedMs, read_under);
        MemoryShard shard({}, release(3));
        shard.apply(inputs);
        ASSERT_EQ(shard.entries().size(), 5U);
        EXPECT_EQ(version_and_outcome(shard, 1), under(2, Outcome::kMalformed));
        EXPECT_EQ(version_and_outcome(shard, 3), under(3, Outcome::kUnknownType));
        EXPECT_EQ(version_and_outcome(shard, 4), under(3, Outcome::kUnknownType));
    }
}

// The core looks at 64 inputs at a time: the activation may stand at any place of such a block.
TEST(RulesVersions, AReleaseThatDoesNotKnowTheNextVersionStopsRightAfterItsActivation) {
    const Records log = mixed_records(200, 1);
    for (const size_t at : {0, 1, 62, 63, 64, 65, 127, 128, 199, 200}) {
        SCOPED_TRACE(at);
        Records records = log;
        records.insert(records.begin() + static_cast<ptrdiff_t>(at), activation(2));
        const std::vector<Input> inputs = inputs_of(records);
        State state(release(1));
        MemoryEntries entries;
        EntryBatch batch;
        Core core(state, {}, entries, entries);
        ASSERT_TRUE(core.apply(inputs, batch).ok());
        fill_closings(batch);
        EXPECT_EQ(batch.size(), at + 1) << "up to the activation, and with it";
        EXPECT_EQ(state.size(), at + 1);
        EXPECT_EQ(core.rules(), nullptr);
        EXPECT_EQ(state.rules_version(), 2);
        entries.append(batch);

        const std::string before = dump(state);
        ASSERT_TRUE(core.apply(std::span(inputs).subspan(at + 1), batch).ok());
        EXPECT_EQ(batch.size(), 0U) << "and it does not go on";
        EXPECT_EQ(dump(state), before);

        // The entries so far are those of the release that does know it, which goes on from there.
        MemoryShard upgraded({}, release(2));
        upgraded.apply(inputs);
        EXPECT_EQ(upgraded.entries().size(), records.size());
        EXPECT_TRUE(
            std::ranges::equal(entries.bytes(), std::span(upgraded.entries().bytes()).first(entries.bytes().size())));
        State taken_over(release(2));
        fold_all(entries, taken_over);
        Core later(taken_over, {}, entries, entries);
        ASSERT_TRUE(later.apply(std::span(inputs).subspan(at + 1), batch).ok());
        fill_closings(batch);
        entries.append(batch);
        EXPECT_TRUE(entries.bytes() == upgraded.entries().bytes());
    }
}

TEST(RulesVersions, WhoStopsSaysWhatToDo) {
    const Error error = unknown_rules(3, release(2));
    EXPECT_EQ(error.code, ErrorCode::kInvalid);
    EXPECT_EQ(error.message,
              "rules version 3 is in force from here on, and this release knows versions up to 2: install a release of "
              "upline that knows version 3 and run again; all events up to here are in the ledger, nothing is lost");
}

// A log with both activations somewhere in it.
Records log_with_activations(uint64_t seed) {
    std::mt19937_64 random(seed);
    Records records = mixed_records(300, seed);
    const auto second = static_cast<ptrdiff_t>(100 + random() % 200);
    records.insert(records.begin() + second, activation(3));
    records.insert(records.begin() + static_cast<ptrdiff_t>(random() % static_cast<uint64_t>(second)), activation(2));
    return records;
}

TEST(RulesVersions, EntriesDependNeitherOnBatchesNorOnHowFarAheadRecordsWereRead) {
    std::set<std::pair<uint16_t, Outcome>> seen;
    for (int run = 0; run < 20; ++run) {
        const uint64_t seed = std::random_device{}();
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937_64 random(seed);
        const Records records = log_with_activations(seed);
        Story one_by_one(3);
        for (const RecordBytes& record : records) seen.insert(one_by_one.give(record));
        for (const size_t batch : {size_t{2}, size_t{7}, size_t{63}, size_t{64}, size_t{65}, records.size()}) {
            MemoryShard shard({}, release(3));
            std::vector<Input> inputs;
            for (const RecordBytes& record : records)
                inputs.push_back(read_input(record, kAppendedMs, kLaterVersions[random() % 3]));
            shard.apply_in_batches(inputs, batch);
            ASSERT_TRUE(shard.entries().bytes() == one_by_one.shard().entries().bytes()) << batch;
        }
    }
    EXPECT_TRUE(seen.contains(under(1, Outcome::kMalformed))) << "or the logs say too little";
    EXPECT_TRUE(seen.contains(under(2, Outcome::kInvalid))) << "or the logs say too little";
    EXPECT_TRUE(seen.contains(under(3, Outcome::kUnknownType))) << "or the logs say too little";
    EXPECT_FALSE(seen.contains(under(3, Outcome::kMalformed))) << "version 3 reads no adjustment";
}

TEST(RulesVersions, AStateFoldedFromEntriesOfAllVersionsIsTheLiveState) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Records records = log_with_activations(seed);
    MemoryShard shard({}, release(3));
    shard.apply(inputs_of(records));
    shard.mature();
    ASSERT_EQ(shard.state().rules_version(), 3);
    State folded(release(3));
    MemoryEntries& entries = shard.entries();
    fold_all(entries, folded);
    ASSERT_TRUE(Core(folded, {}, entries, entries).mature().ok());
    EXPECT_EQ(folded.rules_version(), 3);
    EXPECT_TRUE(dump(folded) == dump(shard.state()));
}

TEST(RulesVersions, FoldRefusesAnEntryOfAVersionThatIsNotInForce) {
    Story story(2);
    story.give("UserSignedUp", "u0");
    story.give(activation(2));
    story.give("UserSignedUp", "u1");
    const MemoryEntries& entries = story.shard().entries();
    Entry entry;
    State state(release(2));
    ASSERT_TRUE(decode_entry(entries[0], entry).ok());
    entry.rules_version = 2;
    EXPECT_EQ(state.fold(entry).error().message, "entry 0: rules version 2, in force is 1");
    for (const size_t i : {0, 1}) {
        ASSERT_TRUE(decode_entry(entries[i], entry).ok());
        ASSERT_TRUE(state.fold(entry).ok());
    }
    ASSERT_TRUE(decode_entry(entries[2], entry).ok());
    entry.rules_version = 1;
    EXPECT_EQ(state.fold(entry).error().message, "entry 2: rules version 1, in force is 2");
    entry.rules_version = 2;
    EXPECT_TRUE(state.fold(entry).ok());
}

TEST(RulesVersions, FoldRefusesAnEntryOfRulesThatAreNotKnown) {
    Story story(2);
    story.give(activation(2));
    story.give("UserSignedUp", "u0");
    const MemoryEntries& entries = story.shard().entries();
    Entry entry;
    State state(release(1));
    ASSERT_TRUE(decode_entry(entries[0], entry).ok());
    ASSERT_TRUE(state.fold(entry).ok());
    EXPECT_EQ(state.rules(), nullptr);
    ASSERT_TRUE(decode_entry(entries[1], entry).ok());
    const Status folded = state.fold(entry);
    ASSERT_FALSE(folded.ok());
    EXPECT_EQ(folded.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(folded.error().message, unknown_rules(2, release(1)).message);
    EXPECT_EQ(state.size(), 1U);
}

TEST(RulesVersions, FoldRefusesRatesThatNoPlanCanHave) {
    Story story(1);
    ASSERT_EQ(story.give("PlanPublished", "p",
                         R"("level_rates": [2000], "website_bonus": 100, "creator_share": 1000, "hold_days": 1, )"
                         R"("minimum_payout": "0.5")"),
              under(1, Outcome::kAccepted));
    Entry entry;
    ASSERT_TRUE(decode_entry(story.shard().entries()[0], entry).ok());
    State state;
    auto& plan = std::get<PlanPublished>(entry.payload);
    plan.creator_share = {10'001};
    EXPECT_EQ(state.fold(entry).error().message, "entry 0: publishes rates that no plan can have");
    plan.creator_share = {10'000};
    EXPECT_TRUE(state.fold(entry).ok());
}

}  // namespace
}  // namespace upline::testing
