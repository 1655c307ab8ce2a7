// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/independent/expected_postings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace upline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

std::string maturity_text(int64_t maturity_us) {
    return maturity_us == kNoMaturity ? "none" : fmt::format("{}", maturity_us);
}

bool may_be_sold(const TransactionRecorded& sale) {
    return sale.amount.value > 0 && sale.amount.value <= kAuditAmountCap && sale.tax.value >= 0 &&
           sale.tax.value <= sale.amount.value;
}

}  // namespace

std::string postings_text(const Entry& entry) {
    std::string text;
    for (const Posting& posting : entry.posted())
        text +=
            fmt::format("{}{} {}{}{}", text.empty() ? "" : ", ", account_name(posting.account),
                        posting.role == Role::kNone ? "" : fmt::format("{} ", role_name(posting.role)),
                        posting.user == kNoSequence ? "" : fmt::format("of entry {} ", posting.user), posting.amount);
    return text.empty() ? "none" : text;
}

bool is_sale(const Entry& entry) {
    const auto* sale = std::get_if<TransactionRecorded>(&entry.payload);
    return sale && may_be_sold(*sale);
}

const AuditPlan* ExpectedPostings::plan_of(uint64_t number, const AuditRules& rules) const {
    if (number == 0) return &rules.default_plan;
    const auto found = plans_.find(number);
    return found == plans_.end() ? nullptr : &found->second;
}

uint64_t ExpectedPostings::current_plan(std::string_view program) const {
    const auto found = current_plans_.find(program);
    return found == current_plans_.end() ? 0 : found->second;
}

void ExpectedPostings::expect_sale(const Entry& entry, const TransactionRecorded& sale, const AuditRules& rules) {
    expected_.plan = current_plan(entry.program);
    const AuditPlan& plan = *plan_of(expected_.plan, rules);
    const User* buyer = user(entry.refs[0]);
    const Website* const site = website(entry.refs[1]);
    const Sequence creator = entry.refs[2];
    if (!buyer || (entry.refs[1] != kNoSequence && !site) || (creator != kNoSequence && !user(creator)) ||
        !may_be_sold(sale)) {
        expected_.impossible = "it names what no earlier entry made, or an amount no sale may have";
        return;
    }
    expected_.maturity_us = entry.clock_us + plan.hold_days * kDayUs;
    shares_.clear();
    if (creator != kNoSequence) shares_.push_back({Role::kCreator, creator, plan.creator_share});
    if (site && site->status == WebsiteStatus::kPublished && site->owner != entry.refs[0])
        shares_.push_back({Role::kWebsite, site->owner, plan.website_bonus});
    const User* member = buyer;
    for (unsigned level = 1; level <= plan.level_rates.size() && member->referrer != kNoSequence; ++level) {
        shares_.push_back({level_role(level), member->referrer, plan.level_rates[level - 1]});
        if (member->referrer_index == UINT32_MAX) {
            expected_.impossible = fmt::format("no earlier entry made the user of entry {}", member->referrer);
            return;
        }
        member = &users_[member->referrer_index];
    }
    rules.split_sale(sale, shares_, sale.amount.value, after_);
    expected_.add(AccountKind::kSales, Role::kNone, kNoSequence, -sale.amount.value);
    expected_.add(AccountKind::kTax, Role::kNone, kNoSequence, after_.tax);
    for (size_t i = 0; i < shares_.size(); ++i)
        expected_.add(AccountKind::kEarned, shares_[i].role, shares_[i].user, after_.shares[i]);
    expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, after_.house);
}

// From the sale's own entry, which was checked when its turn came: those it posts to are entitled, under its plan and
// its version of the rules.
void ExpectedPostings::expect_refund(const Entry& entry, const TransactionRefunded& refund, const Entry* sale_entry) {
    const AuditRules* rules = sale_entry ? rules_of(sale_entry->rules_version) : nullptr;
    if (!rules || !is_sale(*sale_entry)) {
        expected_.impossible = fmt::format("it refunds entry {}, which is no sale", entry.refs[0]);
        return;
    }
    const auto& sale = std::get<TransactionRecorded>(sale_entry->payload);
    const auto refunded = refunded_.find(entry.refs[0]);
    const int64_t left = sale.amount.value - (refunded == refunded_.end() ? 0 : refunded->second);
    const int64_t amount = refund.amount.value;
    const AuditPlan* plan = plan_of(sale_entry->plan, *rules);
    if (sale_entry->program != entry.program || sale.currency != refund.currency || amount <= 0 || amount > left ||
        !plan) {
        expected_.impossible = fmt::format("it takes {} {} back of the sale of entry {}, of which {} {} are left",
                                           amount, refund.currency.text(), entry.refs[0], left, sale.currency.text());
        return;
    }
    shares_.clear();
    if (sale_entry->refs[2] != kNoSequence)
        shares_.push_back({Role::kCreator, sale_entry->refs[2], plan->creator_share});
    for (const Posting& posting : sale_entry->posted()) {
        if (is_user_account(posting.account) && !user(posting.user)) {
            expected_.impossible = fmt::format("its sale posts to entry {}, which made no user", posting.user);
            return;
        }
        if (posting.role == Role::kWebsite) shares_.push_back({Role::kWebsite, posting.user, plan->website_bonus});
        const size_t level = static_cast<size_t>(posting.role);
        if (is_level(posting.role) && level <= plan->level_rates.size())
            shares_.push_back({posting.role, posting.user, plan->level_rates[level - 1]});
    }
    rules->split_sale(sale, shares_, left, before_);
    rules->split_sale(sale, shares_, left - amount, after_);
    expected_.plan = sale_entry->plan;
    expected_.remaining_before = left;
    expected_.maturity_us = sale_entry->maturity_us;
    expected_.add(AccountKind::kSales, Role::kNone, kNoSequence, amount);
    expected_.add(AccountKind::kTax, Role::kNone, kNoSequence, after_.tax - before_.tax);
    for (size_t i = 0; i < shares_.size(); ++i)
        expected_.add(AccountKind::kEarned, shares_[i].role, shares_[i].user, after_.shares[i] - before_.shares[i]);
    expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, after_.house - before_.house);
}

void ExpectedPostings::expect_request(const Entry& entry, const PayoutRequested& request, const AuditRules& rules) {
    const int64_t amount = request.amount.value;
    expected_.plan = current_plan(entry.program);
    if (amount <= 0 || amount > kAuditAmountCap)
        expected_.impossible = fmt::format("it requests {}, an amount no payout may have", amount);
    else if (rules.is_below_minimum(*plan_of(expected_.plan, rules), amount, request.currency))
        expected_.impossible =
            fmt::format("it requests {} {}, less than its plan's minimum", amount, request.currency.text());
    expected_.add(AccountKind::kEarned, Role::kNone, entry.refs[0], -amount);
    expected_.add(AccountKind::kReserved, Role::kNone, entry.refs[0], amount);
}

void ExpectedPostings::expect_result(const Entry& entry, PayoutStatus result) {
    const Payout* paid_out = payout(entry.refs[0]);
    if (!paid_out) {
        expected_.impossible = fmt::format("entry {} requested no payout", entry.refs[0]);
        return;
    }
    if (paid_out->status == result) {
        expected_.impossible = fmt::format("the payout of entry {} is {} already", entry.refs[0],
                                           result == PayoutStatus::kSettled ? "settled" : "failed");
        return;
    }
    const auto account_in = [](PayoutStatus status) {
        return status == PayoutStatus::kRequested ? AccountKind::kReserved
               : status == PayoutStatus::kSettled ? AccountKind::kPaid
                                                  : AccountKind::kEarned;
    };
    expected_.add(account_in(paid_out->status), Role::kNone, paid_out->user, -paid_out->amount);
    expected_.add(account_in(result), Role::kNone, paid_out->user, paid_out->amount);
}

// No case for the rest: a type without one here does not compile.
struct ExpectedPostings::Expect {
    ExpectedPostings& all;
    const Entry& entry;
    const Entry* sale;
    const AuditRules& rules;

    void operator()(const std::monostate&) { all.expected_.impossible = "it is accepted and says nothing"; }
    void operator()(const UserSignedUp&) {}
    void operator()(const WebsiteCreated&) {}
    void operator()(const WebsiteStatusChanged&) {}
    void operator()(const WebsiteActivity&) {}
    void operator()(const TransactionRecorded& recorded) { all.expect_sale(entry, recorded, rules); }
    void operator()(const TransactionRefunded& refund) { all.expect_refund(entry, refund, sale); }
    void operator()(const PlanPublished&) {}
    void operator()(const PayoutRequested& request) { all.expect_request(entry, request, rules); }
    void operator()(const PayoutSettled&) { all.expect_result(entry, PayoutStatus::kSettled); }
    void operator()(const PayoutFailed&) { all.expect_result(entry, PayoutStatus::kFailed); }
    void operator()(const UserSuspended&) {}
    void operator()(const UserReinstated&) {}
    void operator()(const AdjustmentPosted& adjustment) {
        all.expected_.add(AccountKind::kEarned, Role::kAdjustment, entry.refs[0], adjustment.amount.value);
        all.expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, -adjustment.amount.value);
    }
    void operator()(const BooksClosed&) {}
    void operator()(const RulesActivated&) {}
};

std::optional<std::string> ExpectedPostings::check(const Entry& entry, const Entry* sale) {
    const AuditRules* rules = rules_of(entry.rules_version);
    if (!rules)
        return fmt::format("it is of rules version {}, this auditor knows versions up to {}", entry.rules_version,
                           versions_.size());
    expected_.clear();
    std::visit(Expect{*this, entry, sale, *rules}, entry.payload);
    if (!expected_.impossible.empty()) return expected_.impossible;
    return compare(entry);
}

std::optional<std::string> ExpectedPostings::compare(const Entry& entry) const {
    if (entry.plan != expected_.plan)
        return fmt::format("it names plan {}, it falls under plan {}", entry.plan, expected_.plan);
    if (entry.remaining_before != expected_.remaining_before)
        return fmt::format("it says that {} was left of its sale, {} was", entry.remaining_before,
                           expected_.remaining_before);
    if (entry.maturity_us != expected_.maturity_us)
        return fmt::format("maturity is {}, its {} gives {}", maturity_text(entry.maturity_us),
                           std::holds_alternative<TransactionRefunded>(entry.payload) ? "sale" : "clock and hold",
                           maturity_text(expected_.maturity_us));
    const auto same = [](const Posting& a, const Posting& b) {
        return a.account == b.account && a.role == b.role && a.user == b.user && a.amount == b.amount;
    };
    if (std::ranges::equal(expected_.postings, entry.posted(), same)) return std::nullopt;
    Entry right;
    right.posting_count = static_cast<uint8_t>(std::min(expected_.postings.size(), kMaxPostings));
    std::copy_n(expected_.postings.begin(), right.posting_count, right.postings.begin());
    return fmt::format("its postings are {}; its facts and the plan give {}", postings_text(entry),
                       postings_text(right));
}

// No case for the rest here either.
struct ExpectedPostings::Learn {
    ExpectedPostings& all;
    const Entry& entry;

    void operator()(const std::monostate&) {}
    void operator()(const UserSignedUp&) {
        all.users_.push_back({entry.id, entry.refs[0], all.user_rank_.rank(entry.refs[0]).value_or(UINT32_MAX)});
        all.user_rank_.add(entry.sequence);
    }
    void operator()(const WebsiteCreated&) {
        all.websites_.push_back({entry.id, entry.refs[0], WebsiteStatus::kDraft});
        all.website_rank_.add(entry.sequence);
    }
    void operator()(const WebsiteStatusChanged& change) {
        if (const auto index = all.website_rank_.rank(entry.refs[0])) all.websites_[*index].status = change.status;
    }
    void operator()(const WebsiteActivity&) {}
    void operator()(const TransactionRecorded&) {}
    void operator()(const TransactionRefunded& refund) {
        wrapping_add(all.refunded_[entry.refs[0]], refund.amount.value);
    }
    void operator()(const PlanPublished& published) {
        const AuditRules* rules = all.rules_of(entry.rules_version);
        if (!rules) return;
        const uint64_t number = entry.sequence + 1;
        all.plans_.insert_or_assign(number, rules->read_plan(published));
        all.current_plans_.insert_or_assign(std::string(entry.program), number);
    }
    void operator()(const PayoutRequested& request) {
        all.payouts_.emplace(entry.sequence,
                             Payout{entry.id, entry.refs[0], request.amount.value, PayoutStatus::kRequested});
    }
    void operator()(const PayoutSettled&) { set_status(PayoutStatus::kSettled); }
    void operator()(const PayoutFailed&) { set_status(PayoutStatus::kFailed); }
    void operator()(const UserSuspended&) {}
    void operator()(const UserReinstated&) {}
    void operator()(const AdjustmentPosted&) {}
    void operator()(const BooksClosed&) {}
    void operator()(const RulesActivated&) {}

    void set_status(PayoutStatus status) {
        const auto payout = all.payouts_.find(entry.refs[0]);
        if (payout != all.payouts_.end()) payout->second.status = status;
    }
};

void ExpectedPostings::learn(const Entry& entry) {
    std::visit(Learn{*this, entry}, entry.payload);
}

// Uplines lie scattered in memory. So each level of all the entries' uplines is asked for before the next one is read.
void ExpectedPostings::prefetch(std::span<const Entry> entries) const {
    constexpr size_t kLevels = 7;
    std::vector<const User*> members;
    for (const Entry& entry : entries) {
        const bool is_sale = std::holds_alternative<TransactionRecorded>(entry.payload);
        if (!is_sale && !std::holds_alternative<UserSignedUp>(entry.payload)) continue;
        const User* member = user(entry.refs[0]);
        if (!member) continue;
        fetch(member);
        if (!is_sale) continue;
        members.push_back(member);
        if (const Website* site = website(entry.refs[1])) fetch(site);
    }
    for (size_t level = 0; level < kLevels; ++level) {
        for (const User*& member : members) {
            if (!member || member->referrer_index == UINT32_MAX) {
                member = nullptr;
                continue;
            }
            member = &users_[member->referrer_index];
            fetch(member);
        }
    }
}

}  // namespace upline
