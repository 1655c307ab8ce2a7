// SPDX-License-Identifier: Apache-2.0
// The sites model against a slow one of maps and sets.
#include "projectors/models/sites.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <set>

#include "projectors/memory_table.h"
#include "projectors/projection.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

constexpr int64_t kTotal = -1;

// What site statistics are, said as plainly as can be.
struct SlowStats {
    std::map<std::pair<Widget, ActivityKind>, int64_t> activity;
    std::map<Currency, std::array<int64_t, 7>> sales;
};
struct SlowSites {
    std::map<std::pair<Sequence, int64_t>, SlowStats> stats;
    std::map<std::pair<Sequence, int64_t>, std::set<uint64_t>> visitors;
};

SlowSites slow_sites(testing::Community& community) {
    SlowSites all;
    std::map<Sequence, Sequence> websites;  // of sales
    community.for_each_entry([&](const Entry& entry) {
        if (!entry.accepted()) return;
        const int64_t day = entry.occurred_at_us / kUsPerDay;
        if (const auto* activity = std::get_if<WebsiteActivity>(&entry.payload)) {
            for (const int64_t when : {kTotal, day})
                all.stats[{entry.refs[0], when}].activity[{activity->widget, activity->kind}] += activity->count;
            if (activity->visitor) all.visitors[{entry.refs[0], day}].insert(activity->visitor->value);
        }
        const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
        const auto* refund = std::get_if<TransactionRefunded>(&entry.payload);
        if (sale) websites[entry.sequence] = entry.refs[1];
        if (!sale && !refund) return;
        const Sequence website = websites.at(sale ? entry.sequence : entry.refs[0]);
        if (website == kNoSequence) return;
        for (const int64_t when : {kTotal, day}) {
            auto& sums = all.stats[{website, when}].sales[entry.currency];
            sums[sale ? 0 : 5] += 1;
            sums[sale ? 1 : 6] += sale ? sale->amount.value : refund->amount.value;
            for (const Posting& posting : entry.posted()) {
                if (posting.account == AccountKind::kTax) sums[2] += posting.amount;
                if (posting.account == AccountKind::kEarned) sums[3] += posting.amount;
                if (posting.role == Role::kWebsite) sums[4] += posting.amount;
            }
        }
    });
    return all;
}

void expect_same(const SiteStats& stats, SlowStats& slow, const std::string& where) {
    for (size_t widget = 0; widget < kWidgets; ++widget)
        for (size_t kind = 0; kind < kActivityKinds; ++kind)
            EXPECT_EQ(stats.activity[widget][kind],
                      (slow.activity[{enum_at<Widget>(widget), enum_at<ActivityKind>(kind)}]))
                << where;
    ASSERT_EQ(stats.sales.size(), slow.sales.size()) << where;
    auto expected = slow.sales.begin();
    for (const SiteSales& sales : stats.sales) {
        EXPECT_EQ(sales.currency, expected->first) << where;
        const std::array<int64_t, 7> sums = {sales.sales,         sales.revenue, sales.tax,     sales.commission,
                                             sales.website_bonus, sales.refunds, sales.refunded};
        EXPECT_EQ(sums, expected->second) << where;
        ++expected;
    }
}

class SitesModel : public ::testing::Test {
  protected:
    SitesModel() {
        auto table = std::make_unique<MemoryTable>();
        table_ = table.get();
        projection_ = std::move(*Projection::open(std::move(table), sites_model(), community_.shard().entries(),
                                                  community_.shard().entries()));
    }
    void project() {
        ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
        ASSERT_TRUE(projection_->flush().ok());
    }
    std::vector<Site> read(std::optional<Sequence> website = {}) {
        std::vector<Site> sites;
        EXPECT_TRUE(read_sites(*table_, website, [&](const Site& site) {
                        sites.push_back(site);
                        return true;
                    }).ok());
        return sites;
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_};
    MemoryTable* table_ = nullptr;
    std::unique_ptr<Projection> projection_;
};

TEST_F(SitesModel, AgreesWithTheSlowOneOnEveryCounter) {
    bool saw_estimate = false;
    bool saw_bonus = false;
    for (int round = 0; round < 4; ++round) {
        community_.live(3000);
        project();
        SlowSites slow = slow_sites(community_);
        size_t compared = 0;
        for (const Site& site : read()) {
            const std::string where = fmt::format("website {}, seed {}", site.website, seed_);
            ASSERT_TRUE(slow.stats.contains({site.website, kTotal})) << where;
            expect_same(site.total, slow.stats[{site.website, kTotal}], where);
            for (const SiteSales& sales : site.total.sales) saw_bonus |= sales.website_bonus != 0;
            ++compared;
            int64_t visitors = 0;
            int64_t before = -1;
            for (const Site::Day& day : site.days) {
                EXPECT_LT(before, day.day);
                before = day.day;
                ASSERT_TRUE(slow.stats.contains({site.website, day.day})) << where;
                expect_same(day.stats, slow.stats[{site.website, day.day}], where);
                ++compared;
                const auto exact = static_cast<int64_t>(slow.visitors[{site.website, day.day}].size());
                EXPECT_EQ(day.stats.visitors_exact, exact <= 256) << where;
                if (day.stats.visitors_exact)
                    EXPECT_EQ(day.stats.visitors, exact) << where;
                else
                    EXPECT_NEAR(static_cast<double>(day.stats.visitors), static_cast<double>(exact),
                                0.08 * static_cast<double>(exact))
                        << where;
                saw_estimate |= !day.stats.visitors_exact;
                visitors += day.stats.visitors;
            }
            EXPECT_EQ(site.total.visitors, visitors) << where;
        }
        EXPECT_EQ(compared, slow.stats.size()) << "seed " << seed_;
    }
    EXPECT_TRUE(saw_estimate && saw_bonus) << "seed " << seed_;
}

TEST_F(SitesModel, ReadsOneWebsiteAsItReadsAll) {
    community_.live(4000);
    project();
    const std::vector<Site> all = read();
    ASSERT_GT(all.size(), 3U);
    for (const Site& site : all) {
        const std::vector<Site> alone = read(site.website);
        ASSERT_EQ(alone.size(), 1U);
        EXPECT_EQ(alone[0].website, site.website);
        EXPECT_EQ(alone[0].days.size(), site.days.size());
        EXPECT_EQ(alone[0].total.visitors, site.total.visitors);
        EXPECT_EQ(alone[0].total.activity, site.total.activity);
    }
    EXPECT_TRUE(read(all.back().website + 1).empty());
}

TEST(SiteStats, DividesInBasisPointsAndNeverByZero) {
    SiteStats stats;
    EXPECT_FALSE(stats.click_through_bp(Widget::kSocialProof));
    EXPECT_FALSE(stats.conversion_bp());
    auto& proof = stats.activity[index_of(Widget::kSocialProof)];
    proof[index_of(ActivityKind::kClick)] = 2;
    proof[index_of(ActivityKind::kImpression)] = 3;
    EXPECT_EQ(stats.click_through_bp(Widget::kSocialProof), 6666);
    EXPECT_FALSE(stats.click_through_bp(Widget::kNone));
    proof[index_of(ActivityKind::kClick)] = INT64_MAX / 2;
    proof[index_of(ActivityKind::kImpression)] = INT64_MAX / 2;
    EXPECT_EQ(stats.click_through_bp(Widget::kSocialProof), 10'000);
    stats.visitors = 8;
    EXPECT_EQ(stats.conversion_bp(), 0);
    stats.sales = {{.currency = {{'J', 'P', 'Y'}}, .sales = 1}, {.currency = {{'U', 'S', 'D'}}, .sales = 2}};
    EXPECT_EQ(stats.conversion_bp(), 3750);
}

}  // namespace
}  // namespace upline
