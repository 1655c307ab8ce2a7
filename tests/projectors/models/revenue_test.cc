// SPDX-License-Identifier: Apache-2.0
// The revenue model against a slow one of maps, and against the ledger's own accounts: it adds up to the cent.
#include "projectors/models/revenue.h"
#include "events/base/int128.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <map>
#include <tuple>

#include "projectors/memory_table.h"
#include "projectors/projection.h"
#include "tests/ledger/core/second_split.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

std::string text(const Revenue& r) {
    std::string out = fmt::format(
        "sales {} refunds {} gross {} refunded {} tax {} creator {} website {} unfilled {} "
        "rounding {} margin {} adjustments {} levels",
        r.sales, r.refunds, r.gross, r.refunded, r.tax, r.creator, r.website, r.unfilled, r.rounding, r.margin,
        r.adjustments);
    for (const int64_t level : r.levels) out += fmt::format(" {}", level);
    return out;
}

// Program, day, currency, stream and source (-1: none).
using Where = std::tuple<std::string, int64_t, Currency, int, int>;

// What the house's part of a sale is made of, from the plan in plain words.
struct SlowSale {
    int64_t amount = 0;
    int64_t tax = 0;
    bool has_creator = false;
    bool has_bonus = false;
    bool rounds_to_even = false;  // the second version's levels and bonus
    size_t uplines = 0;
    std::vector<int64_t> rates;
    int64_t bonus = 500;
    int64_t creator_share = 5000;
    int stream = 0;
    int source = 0;

    struct Parts {
        int64_t unfilled = 0;
        int64_t rounding = 0;
    };
    Parts parts(int64_t left) const {
        const auto share = [](int64_t of, int64_t rate, int64_t whole) {
            return static_cast<int64_t>(Int128{of} * rate / whole);
        };
        const int64_t net = left - share(left, tax, amount);
        const int64_t base = has_creator ? net - share(net, creator_share, 10'000) : net;
        Parts parts;
        int64_t rates_owed = has_bonus ? bonus : 0;
        const auto part_of_base = [&](int64_t rate) {
            const int64_t part = share(base, rate, 10'000);
            return rounds_to_even ? part / 2 * 2 : part;
        };
        parts.rounding = -(has_bonus ? part_of_base(bonus) : 0);
        for (size_t k = 0; k < rates.size(); ++k) {
            rates_owed += rates[k];
            parts.rounding -= part_of_base(rates[k]);
            if (k >= uplines) parts.unfilled += part_of_base(rates[k]);
        }
        parts.rounding += share(base, rates_owed, 10'000);
        return parts;
    }
};

std::map<Where, Revenue> slow_revenue(testing::Community& community) {
    std::map<Where, Revenue> all;
    std::map<Sequence, SlowSale> sales;
    std::map<uint64_t, SlowSale> plans;
    plans[0].rates = {2000, 1500, 1000, 800, 500, 300, 200};
    SlowSale second_default;
    second_default.rates = {3000, 1001};
    second_default.bonus = 700;
    second_default.creator_share = 4000;
    community.for_each_entry([&](const Entry& entry) {
        if (!entry.accepted()) return;
        if (const auto* plan = std::get_if<PlanPublished>(&entry.payload)) {
            SlowSale& published = plans[entry.sequence + 1];
            published.rates.assign(plan->level_rates.begin(), plan->level_rates.end());
            published.bonus = entry.rules_version == 2 ? plan->website_bonus.value / 2 : plan->website_bonus.value;
            published.creator_share = plan->creator_share.value;
        }
        const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
        const auto* refund = std::get_if<TransactionRefunded>(&entry.payload);
        const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload);
        if (sale) {
            SlowSale slow = entry.plan == 0 && entry.rules_version == 2 ? second_default : plans.at(entry.plan);
            slow.rounds_to_even = entry.rules_version == 2;
            slow.amount = sale->amount.value;
            slow.tax = sale->tax.value;
            slow.has_creator = entry.refs[2] != kNoSequence;
            slow.stream = static_cast<int>(sale->stream);
            slow.source = static_cast<int>(sale->source);
            for (const Posting& posting : entry.posted()) {
                if (is_level(posting.role)) slow.uplines = static_cast<size_t>(posting.role);
                if (posting.role == Role::kWebsite) slow.has_bonus = true;
            }
            sales[entry.sequence] = slow;
        }
        const SlowSale* of = sale ? &sales[entry.sequence] : refund ? &sales.at(entry.refs[0]) : nullptr;
        if (!of && !adjustment) return;
        Revenue& r = all[{std::string(entry.program), entry.occurred_at_us / kUsPerDay, entry.currency,
                          of ? of->stream : -1, of ? of->source : -1}];
        if (adjustment) {
            r.adjustments += adjustment->amount.value;
            return;
        }
        (sale ? r.sales : r.refunds) += 1;
        (sale ? r.gross : r.refunded) += sale ? sale->amount.value : refund->amount.value;
        int64_t house = 0;
        for (const Posting& posting : entry.posted()) {
            if (posting.account == AccountKind::kTax) r.tax += posting.amount;
            if (posting.account == AccountKind::kHouse) house = posting.amount;
            if (is_level(posting.role)) r.levels.at(static_cast<size_t>(posting.role) - 1) += posting.amount;
            if (posting.role == Role::kCreator) r.creator += posting.amount;
            if (posting.role == Role::kWebsite) r.website += posting.amount;
        }
        SlowSale::Parts parts = of->parts(sale ? of->amount : entry.remaining_before - refund->amount.value);
        if (refund) {
            const SlowSale::Parts before = of->parts(entry.remaining_before);
            parts.unfilled -= before.unfilled;
            parts.rounding -= before.rounding;
        }
        r.unfilled += parts.unfilled;
        r.rounding += parts.rounding;
        r.margin += house - parts.unfilled - parts.rounding;
    });
    std::erase_if(all, [](const auto& row) { return text(row.second) == text(Revenue{}); });
    return all;
}

class RevenueModel : public ::testing::Test {
  protected:
    void SetUp() override { reopen(); }
    void reopen() {
        auto table = std::make_unique<MemoryTable>();
        if (table_)
            for (const auto& [key, value] : table_->rows()) {
                const Table::Write write{.key = key, .value = value};
                ASSERT_TRUE(table->write(std::span(&write, 1)).ok());
            }
        table_ = table.get();
        MemoryTable& rows = *table;
        testing::MemoryEntries& entries = community_.shard().entries();
        auto opened = Projection::open(std::move(table), revenue_model(), entries, entries, Projection::kDeltaBytes,
                                       UINT64_MAX, testing::kTwoSplits);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        projection_ = std::move(*opened);
        table_ = &rows;
    }
    void project() {
        ASSERT_TRUE(projection_->fold_to(community_.size()).ok());
        ASSERT_TRUE(projection_->flush().ok());
    }
    std::map<Where, Revenue> read() {
        std::map<Sequence, std::string> programs;
        community_.for_each_entry([&](const Entry& entry) {
            if (entry.readable()) programs[entry.sequence] = entry.program;
        });
        std::map<Where, Revenue> rows;
        EXPECT_TRUE(read_revenue(*table_, [&](const RevenueRow& row) {
                        const Where where{programs.at(row.program), row.day, row.currency,
                                          row.stream ? static_cast<int>(*row.stream) : -1,
                                          row.source ? static_cast<int>(*row.source) : -1};
                        EXPECT_TRUE(rows.emplace(where, row.revenue).second) << "each row once";
                        return true;
                    }).ok());
        return rows;
    }

    uint64_t seed_ = testing::test_seed();
    testing::Community community_{seed_, testing::kTwoSplits};
    MemoryTable* table_ = nullptr;
    std::unique_ptr<Projection> projection_;
};

TEST_F(RevenueModel, AgreesWithTheSlowOneOnEveryCounterAlsoWhenItIsOpenedAgain) {
    for (int round = 0; round < 6; ++round) {
        if (round == 3) community_.activate_next_rules();
        community_.live(1500);
        project();
        auto expected = slow_revenue(community_);
        EXPECT_GT(expected.size(), 20U);
        for (const auto& [where, revenue] : read()) {
            const auto found = expected.find(where);
            ASSERT_NE(found, expected.end()) << std::get<0>(where) << " " << std::get<1>(where) << ", seed " << seed_;
            EXPECT_EQ(text(revenue), text(found->second)) << std::get<0>(where) << ", seed " << seed_;
            expected.erase(found);
        }
        EXPECT_TRUE(expected.empty()) << "seed " << seed_;
        reopen();
    }
}

TEST_F(RevenueModel, AddsUpToTheLedgerToTheCent) {
    for (int round = 0; round < 10; ++round) {
        if (round == 5) community_.activate_next_rules();
        community_.live(1 + community_.below(1000));
        project();
        std::map<std::pair<std::string, Currency>, Revenue> totals;
        for (const auto& [where, revenue] : read()) totals[{std::get<0>(where), std::get<2>(where)}].add(revenue);
        const State& state = community_.shard().state();
        for (size_t i = 0; i < state.books().size(); ++i) {
            const Book& book = state.books()[i];
            const Revenue& total = totals[{std::string(state.programs()[book.program].name()), book.currency}];
            EXPECT_EQ(total.refunded - total.gross, book.sales) << "seed " << seed_;
            EXPECT_EQ(total.tax, book.tax) << "seed " << seed_;
            EXPECT_EQ(total.house() - total.adjustments, book.house) << "seed " << seed_;
            int64_t users = 0;
            for (size_t k = 0; k < state.accounts().size(); ++k) {
                const Account account = state.accounts()[k];
                if (state.users()[account.user].program != book.program || account.currency != book.currency) continue;
                users += account.pending + account.available + account.reserved + account.paid;
            }
            int64_t earned = total.creator + total.website + total.adjustments;
            for (const int64_t level : total.levels) earned += level;
            EXPECT_EQ(earned, users) << "seed " << seed_;
        }
    }
}

// A sale, and a plan that a sale names, of rules that the release does not know.
TEST_F(RevenueModel, SaysWhichRulesItLacksInsteadOfWorkingOutMoneyUnderOthers) {
    community_.live(500);
    community_.activate_next_rules();
    community_.live(500);
    testing::MemoryEntries& entries = community_.shard().entries();
    auto opened = Projection::open(std::make_unique<MemoryTable>(), revenue_model(), entries, entries,
                                   Projection::kDeltaBytes, UINT64_MAX, std::span(testing::kTwoSplits).first(1));
    ASSERT_TRUE(opened.ok());
    const Status folded = (*opened)->fold_to(community_.size());
    ASSERT_FALSE(folded.ok());
    EXPECT_EQ(folded.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(folded.error().message, unknown_rules(2, std::span(testing::kTwoSplits).first(1)).message);

    EntryCache earlier(entries, testing::kTwoSplits);
    Entry sale;
    community_.for_each_entry([&](const Entry& entry) {
        if (entry.accepted() && std::holds_alternative<TransactionRecorded>(entry.payload) && entry.sequence < 500)
            sale.sequence = entry.sequence;
    });
    ASSERT_TRUE(decode_entry(entries[sale.sequence], sale).ok());
    const int64_t amount = std::get<TransactionRecorded>(sale.payload).amount.value;
    EXPECT_TRUE(earlier.terms_of(sale, amount).ok());
    EXPECT_EQ(earlier.terms_of(sale, amount + 1).error().message, impossible_sale(sale, amount + 1).message);
    sale.rules_version = 0;
    EXPECT_EQ(earlier.terms_of(sale, amount).error().message,
              fmt::format("entry {}: rules version 0, which there is not", sale.sequence));
    sale.rules_version = 3;
    EXPECT_EQ(earlier.terms_of(sale, amount).error().message, unknown_rules(3, testing::kTwoSplits).message);
    sale.rules_version = 2;
    sale.plan = sale.sequence + 1;
    EXPECT_EQ(earlier.terms_of(sale, amount).error().message,
              fmt::format("entry {}: published no plan", sale.sequence));
}

TEST_F(RevenueModel, RefusesARowItCannotRead) {
    community_.live(500);
    project();
    const Table::Write write{.key = std::next(table_->rows().begin())->first, .value = "\x80"};
    ASSERT_TRUE(table_->write(std::span(&write, 1)).ok());
    const Status read = read_revenue(*table_, [](const RevenueRow&) { return true; });
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(read.error().message.find("program of entry"), std::string::npos) << read.error().message;
}

}  // namespace
}  // namespace upline
