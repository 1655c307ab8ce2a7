// SPDX-License-Identifier: Apache-2.0
// What an accepted entry must post, computed in a few lines from the entry, its plan and the entries it names. It
// shares no code of money with the ledger that is audited.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "ledger/containers/huge_array.h"
#include "ledger/containers/sequence_rank.h"
#include "ledger/core/entry.h"
#include "tools/audit/independent/audit_rules.h"

namespace upline {

std::string postings_text(const Entry& entry);

// Whether it is an accepted sale of an amount and a tax that a sale may have.
bool is_sale(const Entry& entry);

// Knows people, sites, plans, refunds and payouts from the entries so far. Not thread-safe.
class ExpectedPostings {
  public:
    struct User {
        Uuid id;
        Sequence referrer = kNoSequence;
        uint32_t referrer_index = UINT32_MAX;  // in users_; UINT32_MAX: none, or the referrer is nobody
    };
    struct Website {
        Uuid id;
        Sequence owner = kNoSequence;
        WebsiteStatus status{};
    };
    enum class PayoutStatus : uint8_t { kRequested, kSettled, kFailed };
    struct Payout {
        Uuid id;
        Sequence user = kNoSequence;
        int64_t amount = 0;
        PayoutStatus status{};
    };

    // Versions 1, 2 ... in order; they must outlive it.
    explicit ExpectedPostings(std::span<const AuditRules> versions = audit_rules()) : versions_(versions) {}

    // What is wrong with the rules version, plan, maturity or postings of an accepted entry, or nothing. `sale`: the
    // entry that a refund names, nullptr if it cannot be read; not used for other types.
    std::optional<std::string> check(const Entry& entry, const Entry* sale);
    // Takes in an accepted entry. REQUIRES: check() found nothing wrong with it, or no entry follows.
    void learn(const Entry& entry);
    // Asks for the memory that checking these entries will touch. Only a hint.
    void prefetch(std::span<const Entry> entries) const;

    const User* user(Sequence sequence) const {
        const std::optional<uint32_t> index = user_rank_.rank(sequence);
        return index ? &users_[*index] : nullptr;
    }
    const Website* website(Sequence sequence) const {
        const std::optional<uint32_t> index = website_rank_.rank(sequence);
        return index ? &websites_[*index] : nullptr;
    }
    const Payout* payout(Sequence sequence) const {
        const auto found = payouts_.find(sequence);
        return found == payouts_.end() ? nullptr : &found->second;
    }

  private:
    struct Expect;  // visitors of a payload, with a case for each type
    struct Learn;

    // What an entry must say besides its facts.
    struct Expected {
        uint64_t plan = 0;
        int64_t remaining_before = 0;
        int64_t maturity_us = kNoMaturity;
        std::vector<Posting> postings;
        std::string impossible;  // why there is nothing that it could rightly say

        void clear() {
            plan = 0;
            remaining_before = 0;
            maturity_us = kNoMaturity;
            postings.clear();
            impossible.clear();
        }
        void add(AccountKind account, Role role, Sequence user, int64_t amount) {
            if (amount != 0) postings.push_back({account, role, user, amount});
        }
    };

    // nullptr: unknown.
    const AuditRules* rules_of(uint16_t version) const {
        return version >= 1 && version <= versions_.size() ? &versions_[version - 1U] : nullptr;
    }
    // A plan as entries name it (Entry::plan); nullptr: unknown.
    const AuditPlan* plan_of(uint64_t number, const AuditRules& rules) const;
    uint64_t current_plan(std::string_view program) const;

    // Each fills expected_.
    void expect_sale(const Entry& entry, const TransactionRecorded& sale, const AuditRules& rules);
    void expect_refund(const Entry& entry, const TransactionRefunded& refund, const Entry* sale);
    void expect_request(const Entry& entry, const PayoutRequested& request, const AuditRules& rules);
    void expect_result(const Entry& entry, PayoutStatus result);
    std::optional<std::string> compare(const Entry& entry) const;

    std::span<const AuditRules> versions_;
    FlatArray<User> users_;
    SequenceRank user_rank_;
    FlatArray<Website> websites_;
    SequenceRank website_rank_;
    std::unordered_map<Sequence, Payout> payouts_;
    std::unordered_map<Sequence, int64_t> refunded_;  // of a sale, so far
    std::map<uint64_t, AuditPlan> plans_;             // published ones
    std::map<std::string, uint64_t, std::less<>> current_plans_;
    // Of the entry that is being checked; kept for their memory.
    Expected expected_;
    std::vector<AuditShare> shares_;
    AuditSplit before_;
    AuditSplit after_;
};

}  // namespace upline
