// SPDX-License-Identifier: Apache-2.0
// The auditor's own arithmetic: what an accepted entry must post, worked out in a few lines from the entry, its plan
// and the entries it names, and balances as plain sums of postings. It shares no code of money with the ledger it
// checks.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/containers/huge_array.h"
#include "ledger/containers/sequence_rank.h"
#include "ledger/core/entry.h"
#include "ledger/core/state.h"
#include "projectors/entry_cache.h"

namespace upline {

std::string postings_text(const Entry& entry);

// What the auditor knows of people, sites, plans, refunds and payouts from the entries so far.
class Recomputation {
  public:
    struct User {
        Uuid id;
        Sequence referrer = kNoSequence;
        Index referrer_index = kNoIndex;  // in users_; none also where the referrer is nobody
    };
    struct Website {
        Uuid id;
        Sequence owner = kNoSequence;
        WebsiteStatus status{};
    };
    struct Payout {
        Uuid id;
        Sequence user = kNoSequence;
        int64_t amount = 0;
        Currency currency;
        PayoutStatus status{};
    };

    explicit Recomputation(EarlierEntries& earlier) : earlier_(earlier) {}

    // What is wrong with the plan, maturity and postings of an accepted entry, or nothing. An error is one of reading
    // the sale that a refund names.
    Result<std::optional<std::string>> check(const Entry& entry);
    // Takes in an accepted entry that was checked.
    void learn(const Entry& entry);
    // Asks for the memory that checking these entries will touch. Only a hint.
    void fetch_ahead(std::span<const Entry> entries) const;

    const User* user(Sequence sequence) const {
        const std::optional<Index> index = user_rank_.rank(sequence);
        return index ? &users_[*index] : nullptr;
    }
    const Website* website(Sequence sequence) const {
        const std::optional<Index> index = website_rank_.rank(sequence);
        return index ? &websites_[*index] : nullptr;
    }
    const Payout* payout(Sequence sequence) const {
        const auto found = payouts_.find(sequence);
        return found == payouts_.end() ? nullptr : &found->second;
    }

  private:
    struct OwnPlan {
        std::vector<int64_t> rates{2000, 1500, 1000, 800, 500, 300, 200};
        int64_t bonus = 500;
        int64_t creator_share = 5000;
        int64_t hold_days = 30;
    };
    // What an entry must say besides its facts.
    struct Expected {
        uint64_t plan = 0;
        int64_t left_before = 0;
        int64_t maturity_us = kNoMaturity;
        std::vector<Posting> postings;
        std::string impossible;  // why there is nothing that it could rightly say

        void clear() {
            plan = 0;
            left_before = 0;
            maturity_us = kNoMaturity;
            postings.clear();
            impossible.clear();
        }
        void add(AccountKind account, Role role, Sequence user, int64_t amount) {
            if (amount != 0) postings.push_back({account, role, user, amount});
        }
    };
    // Who earns of a sale, in the order of postings, and how much of what part of it is left.
    struct Share {
        Role role;
        Sequence user;
        int64_t rate;  // of the net for a creator, else of the base
    };
    struct Parts {
        int64_t tax = 0;
        std::vector<int64_t> shares;
        int64_t house = 0;
    };

    static void split(const TransactionRecorded& sale, const std::vector<Share>& shares, int64_t left, Parts& parts);

    // Each fills expected_.
    void expect_sale(const Entry& entry, const TransactionRecorded& sale);
    Status expect_refund(const Entry& entry, const TransactionRefunded& refund);
    void expect_request(const Entry& entry, const PayoutRequested& request);
    void expect_result(const Entry& entry, PayoutStatus result);
    uint64_t current_plan(std::string_view program) const;

    EarlierEntries& earlier_;
    FlatArray<User> users_;
    SequenceRank user_rank_;
    FlatArray<Website> websites_;
    SequenceRank website_rank_;
    std::unordered_map<Sequence, Payout> payouts_;
    std::unordered_map<Sequence, int64_t> refunded_;  // of a sale, so far
    std::map<uint64_t, OwnPlan> plans_{{0, OwnPlan{}}};
    std::map<std::string, uint64_t, std::less<>> current_plans_;
    // Of the entry in hand; kept for their memory.
    Expected expected_;
    std::vector<Share> shares_;
    Parts before_;
    Parts after_;
};

// Every balance is the sum of postings, those to `earned` pending until their maturity is reached.
class OwnBooks {
  public:
    OwnBooks() { slots_.grow(1024); }

    void post(const Entry& entry);
    // Asks for the memory that posting these entries will touch. Only a hint.
    void fetch_ahead(std::span<const Entry> entries) const;

    // What is wrong with the closing of an accepted BooksClosed that was posted; or nothing. `users` knows their ids.
    std::optional<std::string> check_closing(const Entry& entry, const Recomputation& users);
    // The entry of a program's last closing that was checked, and what it committed to.
    struct LastClosing {
        Sequence sequence = 0;
        Hash root{};
    };
    const std::map<std::string, LastClosing, std::less<>>& last_closings() const { return last_closings_; }

    // The first balance of the stored ones, in their order, that is not the sum of its postings.
    std::optional<std::string> compare(const State& stored) const;

  private:
    __extension__ using Int128 = __int128;
    struct alignas(64) Balance {  // a cache line
        Int128 pending = 0;
        Int128 available = 0;
        Int128 reserved = 0;
        Int128 paid = 0;
    };
    struct Held {
        int64_t maturity_us;
        int64_t amount;
        Index balance;
        bool operator>(const Held& other) const { return maturity_us > other.maturity_us; }
    };
    // Which balance is whose: a table with a slot in each cell or none, the next free one taken where another is.
    struct Slot {
        Sequence user;
        uint32_t currency;
        uint32_t number;  // of the balance, from 1; 0: empty
    };

    // What a program has, in the order of first postings.
    struct OfProgram {
        std::vector<Index> balances;
        std::vector<ClosedBook> books;  // the users' sums are left out
        int64_t closed_day = -1;        // UTC day of its last closing, since 1970
    };
    OfProgram& of_program(std::string_view name);
    static ClosedBook& book_of(OfProgram& program, Currency currency);

    Index balance_in(size_t slot) const { return slots_[slot].number - 1; }  // kNoIndex: none
    size_t first_slot(Sequence user, uint32_t currency) const;
    // The slot of a user and currency, or the empty one where it would be.
    size_t find_slot(Sequence user, uint32_t currency) const;
    Index balance_for(Sequence user, uint32_t currency);
    void grow();
    void mature(const Held& held);

    FlatArray<Slot> slots_;  // a power of two, at most half of them taken
    FlatArray<Balance> balances_;
    FlatArray<Slot> owners_;  // of each balance
    std::map<std::string, OfProgram, std::less<>> programs_;
    std::string last_program_;  // events of one program come in runs
    OfProgram* last_of_program_ = nullptr;
    std::map<std::string, LastClosing, std::less<>> last_closings_;
    // What is held matures nearly in the order in which it comes; what does not, refunds say, stands in the heap.
    std::deque<Held> held_;
    std::priority_queue<Held, std::vector<Held>, std::greater<>> held_out_of_order_;  // the next to mature first
    int64_t clock_us_ = 0;
};

}  // namespace upline
