// SPDX-License-Identifier: Apache-2.0
// The outcomes model against a slow fold of maps over the entries of a random community.
#include "projectors/models/outcomes.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "projectors/memory_table.h"
#include "projectors/projection.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

using CountKey = std::tuple<Sequence, int64_t, uint8_t>;  // program, day, type
using Named = std::pair<std::string, Uuid>;

struct SlowOutcomes {
    std::map<CountKey, OutcomeCounts> counts;
    std::map<Sequence, std::pair<Outcome, uint8_t>> refusals;
    std::map<Named, std::vector<Sequence>> refused_ids;
    std::vector<Named> accepted_ids;
};

SlowOutcomes slow_outcomes(testing::Community& community) {
    SlowOutcomes all;
    std::map<std::string, Sequence> programs;
    community.for_each_entry([&](const Entry& entry) {
        const bool malformed = entry.outcome == Outcome::kMalformed;
        if (entry.accepted()) programs.emplace(entry.program, entry.sequence);
        const auto program = programs.find(std::string(entry.program));
        const bool known = !malformed && program != programs.end();
        ++all.counts[{known ? program->second : kNoSequence, entry.clock_us / kUsPerDay, entry.type}]
                    [static_cast<size_t>(entry.outcome)];
        if (entry.accepted()) all.accepted_ids.emplace_back(entry.program, entry.id);
        if (entry.accepted() || entry.outcome == Outcome::kDuplicate) return;
        all.refusals[entry.sequence] = {entry.outcome, entry.type};
        if (!malformed) all.refused_ids[{std::string(entry.program), entry.id}].push_back(entry.sequence);
    });
    return all;
}

class OutcomesModel : public ::testing::Test {
  protected:
    OutcomesModel() {
        auto table = std::make_unique<MemoryTable>();
        table_ = table.get();
        projection_ = std::move(*Projection::open(std::move(table), outcomes_model(), community_.shard().entries(),
                                                  community_.shard().entries()));
    }
    void project() {
        ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
        ASSERT_TRUE(projection_->flush().ok());
    }
    std::map<Sequence, std::pair<Outcome, uint8_t>> refusals_from(Sequence first) {
        std::map<Sequence, std::pair<Outcome, uint8_t>> found;
        EXPECT_TRUE(read_refusals(*table_, first, [&](const Refusal& refusal) {
                        EXPECT_TRUE(found.empty() || found.rbegin()->first < refusal.entry) << "not in order";
                        found[refusal.entry] = {refusal.outcome, refusal.type};
                        return true;
                    }).ok());
        return found;
    }
    std::vector<Sequence> refusals_named(const Named& named) {
        const auto found = refusals_of(*table_, community_.shard().entries(), named.first, named.second);
        EXPECT_TRUE(found.ok());
        return found.ok() ? *found : std::vector<Sequence>();
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_};
    MemoryTable* table_ = nullptr;
    std::unique_ptr<Projection> projection_;
};

TEST_F(OutcomesModel, AgreesWithTheSlowOneOnEveryCountAndEveryRefusal) {
    for (int round = 0; round < 4; ++round) {
        community_.live(3000);
        project();
        const SlowOutcomes slow = slow_outcomes(community_);
        std::map<CountKey, OutcomeCounts> counts;
        ASSERT_TRUE(read_outcomes(*table_, [&](const OutcomeRow& row) {
                        for (size_t i = 0; i < row.counts.size(); ++i)
                            counts[{row.program, row.day, row.type}][i] += row.counts[i];
                        return true;
                    }).ok());
        ASSERT_EQ(counts, slow.counts) << "seed " << seed_;
        EXPECT_GT(slow.refusals.size(), 100U) << "so few refusals";
        ASSERT_EQ(refusals_from(0), slow.refusals) << "seed " << seed_;
        const Sequence middle = community_.size() / 2;
        const std::map<Sequence, std::pair<Outcome, uint8_t>> later(slow.refusals.lower_bound(middle),
                                                                    slow.refusals.end());
        ASSERT_EQ(refusals_from(middle), later);
        for (const auto& [named, entries] : slow.refused_ids) ASSERT_EQ(refusals_named(named), entries);
        for (const Named& named : slow.accepted_ids) {
            if (slow.refused_ids.contains(named)) continue;
            ASSERT_EQ(refusals_named(named), std::vector<Sequence>());
        }
    }
}

TEST_F(OutcomesModel, RebuiltBeforeWhatItFoldedIsStoredCountsNothingTwice) {
    community_.live(500);
    project();
    community_.live(500);
    ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
    ASSERT_TRUE(projection_->rebuild().ok());
    int64_t entries = 0;
    ASSERT_TRUE(read_outcomes(*table_, [&](const OutcomeRow& row) {
                    for (const int64_t count : row.counts) entries += count;
                    return true;
                }).ok());
    EXPECT_EQ(entries, static_cast<int64_t>(community_.size()));
}

TEST_F(OutcomesModel, StopsReadingWhenTold) {
    community_.live(3000);
    project();
    int rows = 0;
    const auto stop = [&](const auto&) { return ++rows % 2 != 0; };
    ASSERT_TRUE(read_outcomes(*table_, stop).ok());
    EXPECT_EQ(rows, 2);
    ASSERT_TRUE(read_refusals(*table_, 0, stop).ok());
    EXPECT_EQ(rows, 4);
}

TEST_F(OutcomesModel, SaysWhichRowCannotBeRead) {
    community_.live(3000);
    project();
    std::vector<std::string> keys;
    ASSERT_TRUE(table_
                    ->scan("",
                           [&](std::string_view key, std::string_view) {
                               keys.emplace_back(key);
                               return true;
                           })
                    .ok());
    for (const char kind : {'\1', '\3'}) {
        const auto key = std::ranges::find_if(keys, [&](const std::string& k) { return k.front() == kind; });
        ASSERT_NE(key, keys.end());
        const Table::Write broken{*key, "\x01"};
        ASSERT_TRUE(table_->write({&broken, 1}).ok());
    }
    const auto all = [](const auto&) { return true; };
    EXPECT_EQ(read_outcomes(*table_, all).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(read_refusals(*table_, 0, all).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace upline
