// SPDX-License-Identifier: Apache-2.0
// What holds of postings, balances, refunds and payouts, whatever the rules are.
#include "tests/ledger/core/laws.h"

namespace upline::laws {
namespace {

// ---- Postings and balances ----

TEST(Laws, PostingsOfAnEntrySumToZeroAndBalancesAreTheSumOfPostings) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        shard.mature();
        const State& state = shard.state();
        std::map<std::tuple<std::string, Sequence, Currency>, Account> accounts;
        std::map<std::tuple<std::string, Currency>, Book> books;
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            const std::string program(entry.program);
            Int128 sum = 0;
            for (const Posting& posting : entry.posted()) {
                sum += posting.amount;
                Book& book = books[{program, entry.currency}];
                if (posting.account == AccountKind::kSales) book.sales += posting.amount;
                if (posting.account == AccountKind::kTax) book.tax += posting.amount;
                if (posting.account == AccountKind::kHouse) book.house += posting.amount;
                if (!is_user_account(posting.account)) continue;
                Account& account = accounts[{program, posting.user, entry.currency}];
                if (posting.account == AccountKind::kReserved) account.reserved += posting.amount;
                if (posting.account == AccountKind::kPaid) account.paid += posting.amount;
                if (posting.account != AccountKind::kEarned) continue;
                (entry.maturity_us <= state.clock_us() ? account.available : account.pending) += posting.amount;
            }
            if (sum != 0) return fmt::format("the postings of entry {} sum to {}", i, sum);
        }
        if (accounts.size() != state.accounts().size() || books.size() != state.books().size())
            return "there are accounts that nothing was posted to, or none of what was";
        for (const auto& [name, sum] : accounts) {
            const auto& [program, sequence, currency] = name;
            const User user = state.users()[state.user_by_sequence(sequence)];
            const Account account = account_of(state, program, user.id, currency);
            if (std::tuple(account.pending, account.available, account.reserved, account.paid) !=
                std::tuple(sum.pending, sum.available, sum.reserved, sum.paid))
                return fmt::format("the balances of {} are not the sum of postings", to_string(user.id));
        }
        for (const auto& [name, sum] : books) {
            const Book book = book_of(state, std::get<0>(name), std::get<1>(name));
            if (std::tuple(book.sales, book.tax, book.house) != std::tuple(sum.sales, sum.tax, sum.house))
                return fmt::format("the books of {} are not the sum of postings", std::get<0>(name));
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

// Whether or not anything matures meanwhile.
TEST(Laws, WhatAUserHasMovesOnlyAsThePostingsSay) {
    const Law law = [](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        MemoryShard shard(identity);
        std::mt19937_64 random(seed);
        const State& state = shard.state();
        using Sums = std::array<Int128, 3>;  // earned, reserved, paid
        std::map<std::pair<Sequence, Currency>, Sums> expected;
        for (size_t event = 0; event < inputs.size(); ++event) {
            shard.apply(only(inputs[event]));
            shard.mature(random() % 4);
            Entry entry;
            shard.last(entry);
            for (const Posting& posting : entry.posted()) {
                if (!is_user_account(posting.account)) continue;
                constexpr auto kFirst = static_cast<size_t>(AccountKind::kEarned);
                expected[{posting.user, entry.currency}][static_cast<size_t>(posting.account) - kFirst] +=
                    posting.amount;
            }
            std::map<std::pair<Sequence, Currency>, Sums> actual;
            for (size_t i = 0; i < state.accounts().size(); ++i) {
                const Account account = state.accounts()[i];
                actual[{state.users()[account.user].sequence, account.currency}] = {
                    Int128{account.pending} + account.available, account.reserved, account.paid};
            }
            if (actual != expected)
                return fmt::format("after event {} somebody has more or less than was posted", event);
        }
        return "";
    };
    expect_law(test_runs() / 4, law);
}

TEST(Laws, ASaleRefundedInAnyPartsEndsAtZeroForEveryRole) {
    uint64_t sales = 0;
    uint64_t refunds = 0;
    const Law law = [&](ShardIdentity identity, std::span<const Input> inputs, uint64_t seed) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        std::mt19937_64 random(seed);
        std::deque<std::vector<std::byte>> records;
        RecordWriter writer;
        // What each sale has come to, by role; refunds follow that leave nothing of it.
        std::map<Sequence, std::map<std::tuple<AccountKind, Role, Sequence>, Int128>> sums;
        const auto add = [&sums](const Entry& entry) {
            if (!entry.accepted()) return;
            const bool is_sale = std::holds_alternative<TransactionRecorded>(entry.payload);
            if (!is_sale && !std::holds_alternative<TransactionRefunded>(entry.payload)) return;
            for (const Posting& posting : entry.posted())
                sums[is_sale ? entry.sequence : entry.refs[0]][{posting.account, posting.role, posting.user}] +=
                    posting.amount;
        };
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            add(entry);
        }
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
            if (!entry.accepted() || sale == nullptr) continue;
            ++sales;
            const std::string program(entry.program);  // the shard's memory moves as it grows
            TransactionRefunded refund{{entry.id}, {}, sale->currency, RefundReason::kRefund};
            int64_t left = shard.state().left_of(entry.sequence, sale->amount.value);
            while (left > 0) {
                const auto part = static_cast<int64_t>(random() % static_cast<uint64_t>(left) + 1);
                refund.amount.value = random() % 3 == 0 ? left : std::max<int64_t>(part, left / 16);
                left -= refund.amount.value;
                Event event;
                event.id.bytes = {1, 2, 3};
                for (size_t k = 8; k < 16; ++k) event.id.bytes[k] = static_cast<uint8_t>(random());
                event.type = static_cast<uint8_t>(EventType::kTransactionRefunded);
                event.program = program;
                // Now and then the clock moves, so that some of it comes before the maturity and some after.
                event.occurred_at_us = shard.state().clock_us() + (random() % 4 == 0 ? 11 * kUsPerDay : 0);
                event.payload = refund;
                const auto bytes = writer.encode(event);
                const auto& record = records.emplace_back(bytes.begin(), bytes.end());
                const Input input = read_input(record, event.occurred_at_us / 1000);
                shard.apply(only(input));
                Entry refunded;
                shard.last(refunded);
                if (!refunded.accepted())
                    return fmt::format("a refund of {} is {}", refund.amount.value, outcome_name(refunded.outcome));
                add(refunded);
                ++refunds;
            }
        }
        for (const auto& [sequence, parts] : sums)
            for (const auto& [part, sum] : parts)
                if (sum != 0)
                    return fmt::format("of the sale of entry {} there stays {} with {} {}", sequence, sum,
                                       account_name(std::get<0>(part)), role_name(std::get<1>(part)));
        return "";
    };
    const uint64_t runs = test_runs() / 4;
    expect_law(runs, law);
    if (runs < kTellingRuns) return;
    EXPECT_GT(sales, runs);
    EXPECT_GT(refunds, sales) << "several refunds of a sale";
}

TEST(Laws, EveryPayoutWasFundedAndStandsWhereItsLastResultSays) {
    uint64_t payouts_seen = 0;
    const Law law = [&](ShardIdentity identity, std::span<const Input> inputs, uint64_t) -> std::string {
        MemoryShard shard(identity);
        shard.apply(inputs);
        struct Earned {
            Int128 amount;
            int64_t maturity_us;
        };
        struct Request {
            std::pair<Sequence, Currency> account;
            int64_t amount;
            uint8_t last_result;  // a type of event
        };
        std::map<std::pair<Sequence, Currency>, std::vector<Earned>> earned;
        std::map<Sequence, Request> requests;
        Entry entry;
        for (size_t i = 0; i < inputs.size(); ++i) {
            if (!decode_entry(shard.entries()[i], entry).ok()) return fmt::format("entry {} cannot be read", i);
            if (!entry.accepted()) continue;
            if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) {
                const std::pair account(entry.refs[0], request->currency);
                Int128 available = 0;
                for (const Earned& e : earned[account])
                    if (e.maturity_us <= entry.clock_us) available += e.amount;
                if (available < request->amount.value)
                    return fmt::format("entry {} pays out {} of {}", i, request->amount.value, available);
                requests[i] = {account, request->amount.value, entry.type};
                ++payouts_seen;
            }
            if (std::holds_alternative<PayoutSettled>(entry.payload) ||
                std::holds_alternative<PayoutFailed>(entry.payload))
                requests.at(entry.refs[0]).last_result = entry.type;
            for (const Posting& posting : entry.posted())
                if (posting.account == AccountKind::kEarned)
                    earned[{posting.user, entry.currency}].push_back({posting.amount, entry.maturity_us});
        }
        std::map<std::pair<Sequence, Currency>, std::pair<Int128, Int128>> expected;  // reserved, paid
        for (const auto& [sequence, request] : requests) {
            auto& [reserved, paid] = expected[request.account];
            if (request.last_result == static_cast<uint8_t>(EventType::kPayoutRequested)) reserved += request.amount;
            if (request.last_result == static_cast<uint8_t>(EventType::kPayoutSettled)) paid += request.amount;
        }
        const State& state = shard.state();
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const Account account = state.accounts()[i];
            const auto [reserved, paid] = expected[{state.users()[account.user].sequence, account.currency}];
            if (account.reserved != reserved || account.paid != paid)
                return fmt::format("account {} has {} reserved and {} paid, its payouts {} and {}", i, account.reserved,
                                   account.paid, reserved, paid);
        }
        return "";
    };
    const uint64_t runs = test_runs() / 4;
    expect_law(runs, law);
    if (runs < kTellingRuns) return;
    EXPECT_GT(payouts_seen, runs / 2);
}

}  // namespace
}  // namespace upline::laws
