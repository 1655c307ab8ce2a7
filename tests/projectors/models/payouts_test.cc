// SPDX-License-Identifier: Apache-2.0
// The payouts model against a slow one of maps, and against the ledger's own balances.
#include "projectors/models/payouts.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "projectors/compare.h"
#include "projectors/memory_table.h"
#include "projectors/projection.h"
#include "tests/ledger/core/second_split.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

using Who = std::pair<Sequence, Currency>;

std::string text(const Payouts& payouts) {
    std::string out = fmt::format("{} {} {} {} {} creator {} website {} adjusted {} levels", payouts.pending,
                                  payouts.available, payouts.reserved, payouts.paid, payouts.sales, payouts.as_creator,
                                  payouts.as_website_owner, payouts.adjusted);
    for (const int64_t amount : payouts.by_level) out += fmt::format(" {}", amount);
    out += " sources";
    for (const int64_t amount : payouts.by_source) out += fmt::format(" {}", amount);
    out += " streams";
    for (const int64_t amount : payouts.by_stream) out += fmt::format(" {}", amount);
    out += " maturing";
    for (const Payouts::Maturing& day : payouts.maturing) out += fmt::format(" {}: {}", day.day, day.amount);
    return out;
}

// What payouts are, said as plainly as can be.
std::map<Who, Payouts> slow_payouts(testing::Community& community) {
    std::map<Who, Payouts> all;
    std::map<Who, std::map<int64_t, int64_t>> maturing;
    const int64_t clock_us = community.shard().state().clock_us();
    std::map<Sequence, std::pair<Source, Stream>> sales;
    community.for_each_entry([&](const Entry& entry) {
        if (!entry.accepted()) return;
        std::set<Sequence> earners;
        const auto* recorded = std::get_if<TransactionRecorded>(&entry.payload);
        if (recorded) sales[entry.sequence] = {recorded->source, recorded->stream};
        const bool refund = std::holds_alternative<TransactionRefunded>(entry.payload);
        for (const Posting& posting : entry.posted()) {
            if (!is_user_account(posting.account)) continue;
            const Who who{posting.user, entry.currency};
            Payouts& payouts = all[who];
            if (posting.account == AccountKind::kReserved) payouts.reserved += posting.amount;
            if (posting.account == AccountKind::kPaid) payouts.paid += posting.amount;
            if (posting.account != AccountKind::kEarned) continue;
            if (entry.maturity_us <= clock_us) {
                payouts.available += posting.amount;
            } else {
                payouts.pending += posting.amount;
                maturing[who][entry.maturity_us / kUsPerDay] += posting.amount;
            }
            if (posting.role == Role::kCreator)
                payouts.as_creator += posting.amount;
            else if (posting.role == Role::kWebsite)
                payouts.as_website_owner += posting.amount;
            else if (posting.role == Role::kAdjustment)
                payouts.adjusted += posting.amount;
            else if (is_level(posting.role))
                payouts.by_level.at(static_cast<size_t>(posting.role) - 1) += posting.amount;
            if (!recorded && !refund) continue;
            const auto [source, stream] = sales.at(recorded ? entry.sequence : entry.refs[0]);
            payouts.by_source.at(index_of(source)) += posting.amount;
            payouts.by_stream.at(index_of(stream)) += posting.amount;
            if (recorded && earners.insert(posting.user).second) ++payouts.sales;
        }
    });
    for (const auto& [who, days] : maturing)
        for (const auto& [day, amount] : days)
            if (amount != 0) all[who].maturing.push_back({day, amount});
    const Payouts nothing;
    std::erase_if(all, [&](const auto& row) { return text(row.second) == text(nothing); });
    return all;
}

class PayoutsModel : public ::testing::Test {
  protected:
    PayoutsModel() {
        auto table = std::make_unique<MemoryTable>();
        table_ = table.get();
        testing::MemoryEntries& entries = community_.shard().entries();
        projection_ = std::move(*Projection::open(std::move(table), payouts_model(), entries, entries,
                                                  Projection::kDeltaBytes, UINT64_MAX, testing::kTwoSplits));
    }
    void project() {
        ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
        ASSERT_TRUE(projection_->flush().ok());
    }
    std::vector<Payouts> read(std::optional<Sequence> user = {}) {
        std::vector<Payouts> rows;
        const Status status = read_payouts(*table_, user, [&](const Payouts& payouts) {
            rows.push_back(payouts);
            return true;
        });
        EXPECT_TRUE(status.ok());
        return rows;
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_, testing::kTwoSplits};
    MemoryTable* table_ = nullptr;
    std::unique_ptr<Projection> projection_;
};

TEST_F(PayoutsModel, AgreesWithTheSlowOneOnEveryCounter) {
    for (int round = 0; round < 8; ++round) {
        if (round == 4) community_.activate_next_rules();
        community_.live(1500);
        project();
        auto expected = slow_payouts(community_);
        Who before{0, {}};
        for (const Payouts& payouts : read()) {
            const Who who{payouts.user, payouts.currency};
            EXPECT_LT(before, who);
            before = who;
            ASSERT_TRUE(expected.contains(who)) << "seed " << seed_;
            EXPECT_EQ(text(payouts), text(expected[who])) << "seed " << seed_;
            expected.erase(who);
        }
        EXPECT_TRUE(expected.empty()) << "seed " << seed_;
    }
}

TEST_F(PayoutsModel, HasTheLedgersBalances) {
    bool saw_pending = false;
    bool saw_available = false;
    bool saw_paid = false;
    for (int round = 0; round < 30; ++round) {
        if (round == 15) community_.activate_next_rules();
        community_.live(1 + community_.below(600));
        project();
        const State& state = community_.shard().state();
        size_t with_balance = 0;
        for (const Payouts& payouts : read()) {
            const UserIndex user = state.user_by_sequence(payouts.user);
            ASSERT_NE(user, kNoIndex);
            const AccountIndex index = state.find_account(user, payouts.currency);
            ASSERT_NE(index, kNoIndex);
            const Account account = state.accounts()[index];
            EXPECT_EQ(payouts.pending, account.pending) << "seed " << seed_;
            EXPECT_EQ(payouts.available, account.available) << "seed " << seed_;
            EXPECT_EQ(payouts.reserved, account.reserved);
            EXPECT_EQ(payouts.paid, account.paid);
            saw_pending |= account.pending != 0;
            saw_available |= account.available != 0;
            saw_paid |= account.paid != 0 && account.reserved != 0;
            ++with_balance;
        }
        // An account without a row has never had anything, or has it no more.
        size_t empty = 0;
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const Account account = state.accounts()[i];
            const auto rows = read(state.users()[account.user].sequence);
            if (std::ranges::any_of(rows, [&](const Payouts& row) { return row.currency == account.currency; }))
                continue;
            EXPECT_TRUE(account.pending == 0 && account.available == 0 && account.reserved == 0 && account.paid == 0);
            ++empty;
        }
        EXPECT_EQ(with_balance + empty, state.accounts().size()) << "seed " << seed_;
    }
    EXPECT_TRUE(saw_pending && saw_available && saw_paid) << "seed " << seed_;
}

TEST_F(PayoutsModel, SplitsEarningsInFullByWhateverTheyAreSplit) {
    community_.live(5000);
    project();
    for (const Payouts& payouts : read()) {
        int64_t by_role = payouts.as_creator + payouts.as_website_owner;
        for (const int64_t amount : payouts.by_level) by_role += amount;
        int64_t by_source = 0;
        for (const int64_t amount : payouts.by_source) by_source += amount;
        int64_t by_stream = 0;
        for (const int64_t amount : payouts.by_stream) by_stream += amount;
        int64_t maturing = 0;
        for (const Payouts::Maturing& day : payouts.maturing) maturing += day.amount;
        // What was asked for is taken from earned; adjustments are of no sale.
        const int64_t earned = payouts.pending + payouts.available + payouts.reserved + payouts.paid - payouts.adjusted;
        EXPECT_EQ(by_role, earned) << "seed " << seed_;
        EXPECT_EQ(by_source, earned);
        EXPECT_EQ(by_stream, earned);
        EXPECT_EQ(maturing, payouts.pending);
    }
}

TEST_F(PayoutsModel, ReadsOneUserAsItReadsAll) {
    community_.live(3000);
    project();
    std::map<Sequence, std::vector<std::string>> by_user;
    for (const Payouts& payouts : read()) by_user[payouts.user].push_back(text(payouts));
    ASSERT_GT(by_user.size(), 10U);
    for (const auto& [user, rows] : by_user) {
        std::vector<std::string> alone;
        for (const Payouts& payouts : read(user)) alone.push_back(text(payouts));
        EXPECT_EQ(alone, rows) << "user " << user << ", seed " << seed_;
    }
    EXPECT_TRUE(read(by_user.rbegin()->first + 1).empty());
    EXPECT_TRUE(read(kNoSequence).empty());
}

TEST_F(PayoutsModel, StopsReadingWhenTold) {
    community_.live(2000);
    project();
    const std::vector<Payouts> all = read();
    ASSERT_GT(all.size(), 3U);
    size_t rows = 0;
    ASSERT_TRUE(read_payouts(*table_, {}, [&](const Payouts&) { return ++rows < 3; }).ok());
    EXPECT_EQ(rows, 3U);
}

TEST_F(PayoutsModel, SaysWhichAmountDiffers) {
    community_.live(2000);
    project();
    const Payouts payouts = read().front();
    MemoryTable right;
    for (const auto& [key, value] : table_->rows()) {
        const Table::Write write{.key = key, .value = value};
        ASSERT_TRUE(right.write(std::span(&write, 1)).ok());
    }
    // The first row after the position: what is 1 more pending?
    const auto row = std::next(table_->rows().begin());
    CounterSums sums;
    ASSERT_TRUE(sums.add(row->second));
    ++sums.low[0];
    std::string wrong;
    sums.append_to(wrong);
    const Table::Write write{.key = row->first, .value = wrong};
    ASSERT_TRUE(table_->write(std::span(&write, 1)).ok());
    const auto difference = compare_tables(*table_, right, projection_->model());
    ASSERT_TRUE(difference.ok() && difference->has_value());
    EXPECT_EQ((*difference)->what, fmt::format("user of entry {}, {}: pending is {}, should be {}", payouts.user,
                                               payouts.currency.text(), payouts.pending + 1, payouts.pending));
}

TEST_F(PayoutsModel, RefusesARowItCannotRead) {
    community_.live(500);
    project();
    const Table::Write write{.key = std::next(table_->rows().begin())->first, .value = "\x80"};
    ASSERT_TRUE(table_->write(std::span(&write, 1)).ok());
    const Status read = read_payouts(*table_, {}, [](const Payouts&) { return true; });
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(read.error().message.find("user of entry"), std::string::npos) << read.error().message;
}

}  // namespace
}  // namespace upline
