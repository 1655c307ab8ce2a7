// SPDX-License-Identifier: Apache-2.0
#include "tools/recomputation.h"

#include <fmt/format.h>

#include <algorithm>

namespace upline {
namespace {

__extension__ using Int128 = __int128;

constexpr int64_t kWhole = 10'000;
constexpr int64_t kDayUs = 86'400'000'000;
constexpr int64_t kLargest = 1'000'000'000'000'000;

int64_t part(int64_t of, int64_t numerator, int64_t denominator) {
    return static_cast<int64_t>(static_cast<Int128>(of) * numerator / denominator);
}

bool is_sold(const TransactionRecorded& sale) {
    return sale.amount.value > 0 && sale.amount.value <= kLargest && sale.tax.value >= 0 &&
           sale.tax.value <= sale.amount.value;
}

std::string maturity_text(int64_t maturity_us) {
    return maturity_us == kNoMaturity ? "none" : fmt::format("{}", maturity_us);
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

uint64_t Recomputation::current_plan(std::string_view program) const {
    const auto found = current_plans_.find(program);
    return found == current_plans_.end() ? 0 : found->second;
}

Recomputation::Parts Recomputation::parts(const TransactionRecorded& sale, const std::vector<Share>& shares,
                                          int64_t left) {
    Parts parts;
    parts.tax = part(left, sale.tax.value, sale.amount.value);
    int64_t base = left - parts.tax;
    parts.house = base;
    for (const Share& share : shares) {
        const int64_t amount = part(base, share.rate, kWhole);
        parts.shares.push_back(amount);
        parts.house -= amount;
        if (share.role == Role::kCreator) base -= amount;  // the first of them: all others are of what is then left
    }
    return parts;
}

Recomputation::Expected Recomputation::expect_sale(const Entry& entry, const TransactionRecorded& sale) {
    Expected expected;
    expected.plan = current_plan(entry.program);
    const OwnPlan& plan = plans_.at(expected.plan);
    const User* buyer = user(entry.refs[0]);
    const Sequence site = entry.refs[1];
    const Sequence creator = entry.refs[2];
    if (!buyer || (site != kNoSequence && !website(site)) || (creator != kNoSequence && !user(creator)) ||
        !is_sold(sale)) {
        expected.impossible = "it names what no earlier entry made, or an amount no sale may have";
        return expected;
    }
    expected.maturity_us = entry.clock_us + plan.hold_days * kDayUs;
    std::vector<Share> shares;
    if (creator != kNoSequence) shares.push_back({Role::kCreator, creator, plan.creator_share});
    if (site != kNoSequence && website(site)->status == WebsiteStatus::kPublished &&
        website(site)->owner != entry.refs[0])
        shares.push_back({Role::kWebsite, website(site)->owner, plan.bonus});
    Sequence upline = buyer->referrer;
    for (unsigned level = 1; level <= plan.rates.size() && upline != kNoSequence; ++level) {
        shares.push_back({level_role(level), upline, plan.rates[level - 1]});
        const User* member = user(upline);
        if (!member) {
            expected.impossible = fmt::format("no earlier entry made the user of entry {}", upline);
            return expected;
        }
        upline = member->referrer;
    }
    const Parts whole = parts(sale, shares, sale.amount.value);
    expected.add(AccountKind::kSales, Role::kNone, kNoSequence, -sale.amount.value);
    expected.add(AccountKind::kTax, Role::kNone, kNoSequence, whole.tax);
    for (size_t i = 0; i < shares.size(); ++i)
        expected.add(AccountKind::kEarned, shares[i].role, shares[i].user, whole.shares[i]);
    expected.add(AccountKind::kHouse, Role::kNone, kNoSequence, whole.house);
    return expected;
}

// From the sale's own entry, which was checked when its turn came: who was posted to is entitled, under its plan.
Result<Recomputation::Expected> Recomputation::expect_refund(const Entry& entry, const TransactionRefunded& refund) {
    Expected expected;
    const Result<const Entry*> found = earlier_.sale(entry.refs[0]);
    if (!found.ok()) {
        if (found.error().code == ErrorCode::kUnavailable) return found.error();
        expected.impossible = fmt::format("it refunds entry {}, which is no sale", entry.refs[0]);
        return expected;
    }
    const Entry& sale_entry = **found;
    const auto& sale = std::get<TransactionRecorded>(sale_entry.payload);
    const auto refunded = refunded_.find(entry.refs[0]);
    const int64_t left = sale.amount.value - (refunded == refunded_.end() ? 0 : refunded->second);
    const int64_t amount = refund.amount.value;
    const auto plan = plans_.find(sale_entry.plan);
    if (sale_entry.program != entry.program || sale.currency != refund.currency || amount <= 0 || amount > left ||
        plan == plans_.end()) {
        expected.impossible = fmt::format("it takes {} {} back of the sale of entry {}, of which {} {} are left",
                                          amount, refund.currency.text(), entry.refs[0], left, sale.currency.text());
        return expected;
    }
    std::vector<Share> shares;
    if (sale_entry.refs[2] != kNoSequence)
        shares.push_back({Role::kCreator, sale_entry.refs[2], plan->second.creator_share});
    for (const Posting& posting : sale_entry.posted()) {
        if (is_user_account(posting.account) && !user(posting.user)) {
            expected.impossible = fmt::format("its sale posts to entry {}, which made no user", posting.user);
            return expected;
        }
        if (posting.role == Role::kWebsite) shares.push_back({Role::kWebsite, posting.user, plan->second.bonus});
        const size_t level = static_cast<size_t>(posting.role);
        if (is_level(posting.role) && level <= plan->second.rates.size())
            shares.push_back({posting.role, posting.user, plan->second.rates[level - 1]});
    }
    const Parts before = parts(sale, shares, left);
    const Parts after = parts(sale, shares, left - amount);
    expected.plan = sale_entry.plan;
    expected.left_before = left;
    expected.maturity_us = sale_entry.maturity_us;
    expected.add(AccountKind::kSales, Role::kNone, kNoSequence, amount);
    expected.add(AccountKind::kTax, Role::kNone, kNoSequence, after.tax - before.tax);
    for (size_t i = 0; i < shares.size(); ++i)
        expected.add(AccountKind::kEarned, shares[i].role, shares[i].user, after.shares[i] - before.shares[i]);
    expected.add(AccountKind::kHouse, Role::kNone, kNoSequence, after.house - before.house);
    return expected;
}

Recomputation::Expected Recomputation::expect_request(const Entry& entry, const PayoutRequested& request) {
    Expected expected;
    expected.plan = current_plan(entry.program);
    if (request.amount.value <= 0 || request.amount.value > kLargest)
        expected.impossible = fmt::format("it requests {}, an amount no payout may have", request.amount.value);
    expected.add(AccountKind::kEarned, Role::kNone, entry.refs[0], -request.amount.value);
    expected.add(AccountKind::kReserved, Role::kNone, entry.refs[0], request.amount.value);
    return expected;
}

Recomputation::Expected Recomputation::expect_result(const Entry& entry, PayoutStatus result) {
    Expected expected;
    const Payout* paid_out = payout(entry.refs[0]);
    if (!paid_out) {
        expected.impossible = fmt::format("entry {} requested no payout", entry.refs[0]);
        return expected;
    }
    if (paid_out->status == result) {
        expected.impossible = fmt::format("the payout of entry {} is {} already", entry.refs[0],
                                          result == PayoutStatus::kSettled ? "settled" : "failed");
        return expected;
    }
    const auto account_in = [](PayoutStatus status) {
        return status == PayoutStatus::kRequested ? AccountKind::kReserved
               : status == PayoutStatus::kSettled ? AccountKind::kPaid
                                                  : AccountKind::kEarned;
    };
    expected.add(account_in(paid_out->status), Role::kNone, paid_out->user, -paid_out->amount);
    expected.add(account_in(result), Role::kNone, paid_out->user, paid_out->amount);
    return expected;
}

Result<std::optional<std::string>> Recomputation::check(const Entry& entry) {
    using Wrong = std::optional<std::string>;
    Expected expected;
    if (const auto* sale = std::get_if<TransactionRecorded>(&entry.payload)) expected = expect_sale(entry, *sale);
    if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload)) {
        UPLINE_TRY_ASSIGN(expected, expect_refund(entry, *refund));
    }
    if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) expected = expect_request(entry, *request);
    if (std::holds_alternative<PayoutSettled>(entry.payload)) expected = expect_result(entry, PayoutStatus::kSettled);
    if (std::holds_alternative<PayoutFailed>(entry.payload)) expected = expect_result(entry, PayoutStatus::kFailed);
    if (const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload)) {
        expected.add(AccountKind::kEarned, Role::kAdjustment, entry.refs[0], adjustment->amount.value);
        expected.add(AccountKind::kHouse, Role::kNone, kNoSequence, -adjustment->amount.value);
    }
    if (!expected.impossible.empty()) return Wrong(expected.impossible);
    if (entry.plan != expected.plan)
        return Wrong(fmt::format("it names plan {}, it falls under plan {}", entry.plan, expected.plan));
    if (entry.left_before != expected.left_before)
        return Wrong(
            fmt::format("it says that {} was left of its sale, {} was", entry.left_before, expected.left_before));
    if (entry.maturity_us != expected.maturity_us)
        return Wrong(fmt::format("maturity is {}, its {} gives {}", maturity_text(entry.maturity_us),
                                 std::holds_alternative<TransactionRefunded>(entry.payload) ? "sale" : "clock and hold",
                                 maturity_text(expected.maturity_us)));
    const auto same = [](const Posting& a, const Posting& b) {
        return a.account == b.account && a.role == b.role && a.user == b.user && a.amount == b.amount;
    };
    if (std::ranges::equal(expected.postings, entry.posted(), same)) return Wrong();
    Entry right;
    right.posting_count = static_cast<uint8_t>(std::min(expected.postings.size(), kMaxPostings));
    std::copy_n(expected.postings.begin(), right.posting_count, right.postings.begin());
    return Wrong(
        fmt::format("its postings are {}; its facts and the plan give {}", postings_text(entry), postings_text(right)));
}

void Recomputation::learn(const Entry& entry) {
    if (std::holds_alternative<UserSignedUp>(entry.payload))
        users_.emplace(entry.sequence, User{entry.id, entry.refs[0]});
    if (std::holds_alternative<WebsiteCreated>(entry.payload))
        websites_.emplace(entry.sequence, Website{entry.id, entry.refs[0], WebsiteStatus::kDraft});
    if (const auto* change = std::get_if<WebsiteStatusChanged>(&entry.payload)) {
        const auto website = websites_.find(entry.refs[0]);
        if (website != websites_.end()) website->second.status = change->status;
    }
    if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload))
        add_to(refunded_[entry.refs[0]], refund->amount.value);
    if (const auto* published = std::get_if<PlanPublished>(&entry.payload)) {
        plans_[entry.sequence + 1] = {.rates = {published->level_rates.begin(), published->level_rates.end()},
                                      .bonus = published->website_bonus,
                                      .creator_share = published->creator_share,
                                      .hold_days = published->hold_days};
        current_plans_.insert_or_assign(std::string(entry.program), entry.sequence + 1);
    }
    if (const auto* request = std::get_if<PayoutRequested>(&entry.payload))
        payouts_.emplace(entry.sequence, Payout{entry.id, entry.refs[0], request->amount.value, request->currency,
                                                PayoutStatus::kRequested});
    const auto set_status = [&](PayoutStatus status) {
        const auto payout = payouts_.find(entry.refs[0]);
        if (payout != payouts_.end()) payout->second.status = status;
    };
    if (std::holds_alternative<PayoutSettled>(entry.payload)) set_status(PayoutStatus::kSettled);
    if (std::holds_alternative<PayoutFailed>(entry.payload)) set_status(PayoutStatus::kFailed);
}

void OwnBooks::post(const Entry& entry) {
    clock_us_ = std::max(clock_us_, entry.clock_us);
    for (const Posting& posting : entry.posted()) {
        if (!is_user_account(posting.account)) continue;
        const Key key{posting.user, entry.currency.packed()};
        Balance& balance = balances_[key];
        if (posting.account == AccountKind::kReserved) balance.reserved += posting.amount;
        if (posting.account == AccountKind::kPaid) balance.paid += posting.amount;
        if (posting.account != AccountKind::kEarned) continue;
        if (entry.maturity_us <= clock_us_) {
            balance.available += posting.amount;
        } else {
            balance.pending += posting.amount;
            held_.push({entry.maturity_us, key, posting.amount});
        }
    }
    for (; !held_.empty() && held_.top().maturity_us <= clock_us_; held_.pop()) {
        Balance& balance = balances_[held_.top().key];
        balance.pending -= held_.top().amount;
        balance.available += held_.top().amount;
    }
}

std::optional<std::string> OwnBooks::compare(const State& stored) const {
    size_t found = 0;
    for (size_t i = 0; i < stored.accounts().size(); ++i) {
        const Account& account = stored.accounts()[i];
        const ::upline::User& user = stored.users()[account.user];
        const auto own = balances_.find(Key{user.sequence, account.currency.packed()});
        if (own != balances_.end()) ++found;
        const Balance sum = own == balances_.end() ? Balance{} : own->second;
        const auto differs = [&](const char* name, int64_t value, Int128 right) -> std::optional<std::string> {
            if (value == right) return std::nullopt;
            return fmt::format("balance of user {} (entry {}), {}: {} is {}, the sum of its postings {}",
                               to_string(user.id), user.sequence, account.currency.text(), name, value, right);
        };
        for (const auto& wrong :
             {differs("pending", account.pending, sum.pending), differs("available", account.available, sum.available),
              differs("reserved", account.reserved, sum.reserved), differs("paid", account.paid, sum.paid)})
            if (wrong) return wrong;
    }
    if (found != balances_.size())
        return fmt::format("{} balances are stored, the postings make {}", found, balances_.size());
    return std::nullopt;
}

}  // namespace upline
