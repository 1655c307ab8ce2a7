// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/recomputation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "events/base/bytes.h"
#include "tools/audit/own_tree.h"

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

void Recomputation::split(const TransactionRecorded& sale, const std::vector<Share>& shares, int64_t left,
                          Parts& parts) {
    parts.shares.clear();
    parts.tax = part(left, sale.tax.value, sale.amount.value);
    int64_t base = left - parts.tax;
    parts.house = base;
    for (const Share& share : shares) {
        const int64_t amount = part(base, share.rate, kWhole);
        parts.shares.push_back(amount);
        parts.house -= amount;
        if (share.role == Role::kCreator) base -= amount;  // the first of them: all others are of what is then left
    }
}

void Recomputation::expect_sale(const Entry& entry, const TransactionRecorded& sale) {
    expected_.plan = current_plan(entry.program);
    const OwnPlan& plan = plans_.at(expected_.plan);
    const User* buyer = user(entry.refs[0]);
    const Website* const site = website(entry.refs[1]);
    const Sequence creator = entry.refs[2];
    if (!buyer || (entry.refs[1] != kNoSequence && !site) || (creator != kNoSequence && !user(creator)) ||
        !is_sold(sale)) {
        expected_.impossible = "it names what no earlier entry made, or an amount no sale may have";
        return;
    }
    expected_.maturity_us = entry.clock_us + plan.hold_days * kDayUs;
    shares_.clear();
    if (creator != kNoSequence) shares_.push_back({Role::kCreator, creator, plan.creator_share});
    if (site && site->status == WebsiteStatus::kPublished && site->owner != entry.refs[0])
        shares_.push_back({Role::kWebsite, site->owner, plan.bonus});
    const User* member = buyer;
    for (unsigned level = 1; level <= plan.rates.size() && member->referrer != kNoSequence; ++level) {
        shares_.push_back({level_role(level), member->referrer, plan.rates[level - 1]});
        if (member->referrer_index == kNoIndex) {
            expected_.impossible = fmt::format("no earlier entry made the user of entry {}", member->referrer);
            return;
        }
        member = &users_[member->referrer_index];
    }
    split(sale, shares_, sale.amount.value, after_);
    expected_.add(AccountKind::kSales, Role::kNone, kNoSequence, -sale.amount.value);
    expected_.add(AccountKind::kTax, Role::kNone, kNoSequence, after_.tax);
    for (size_t i = 0; i < shares_.size(); ++i)
        expected_.add(AccountKind::kEarned, shares_[i].role, shares_[i].user, after_.shares[i]);
    expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, after_.house);
}

// From the sale's own entry, which was checked when its turn came: who was posted to is entitled, under its plan.
Status Recomputation::expect_refund(const Entry& entry, const TransactionRefunded& refund) {
    const Result<const Entry*> found = earlier_.sale(entry.refs[0]);
    if (!found.ok()) {
        if (found.error().code == ErrorCode::kUnavailable) return found.error();
        expected_.impossible = fmt::format("it refunds entry {}, which is no sale", entry.refs[0]);
        return ok_status();
    }
    const Entry& sale_entry = **found;
    const auto& sale = std::get<TransactionRecorded>(sale_entry.payload);
    const auto refunded = refunded_.find(entry.refs[0]);
    const int64_t left = sale.amount.value - (refunded == refunded_.end() ? 0 : refunded->second);
    const int64_t amount = refund.amount.value;
    const auto plan = plans_.find(sale_entry.plan);
    if (sale_entry.program != entry.program || sale.currency != refund.currency || amount <= 0 || amount > left ||
        plan == plans_.end()) {
        expected_.impossible = fmt::format("it takes {} {} back of the sale of entry {}, of which {} {} are left",
                                           amount, refund.currency.text(), entry.refs[0], left, sale.currency.text());
        return ok_status();
    }
    shares_.clear();
    if (sale_entry.refs[2] != kNoSequence)
        shares_.push_back({Role::kCreator, sale_entry.refs[2], plan->second.creator_share});
    for (const Posting& posting : sale_entry.posted()) {
        if (is_user_account(posting.account) && !user(posting.user)) {
            expected_.impossible = fmt::format("its sale posts to entry {}, which made no user", posting.user);
            return ok_status();
        }
        if (posting.role == Role::kWebsite) shares_.push_back({Role::kWebsite, posting.user, plan->second.bonus});
        const size_t level = static_cast<size_t>(posting.role);
        if (is_level(posting.role) && level <= plan->second.rates.size())
            shares_.push_back({posting.role, posting.user, plan->second.rates[level - 1]});
    }
    split(sale, shares_, left, before_);
    split(sale, shares_, left - amount, after_);
    expected_.plan = sale_entry.plan;
    expected_.left_before = left;
    expected_.maturity_us = sale_entry.maturity_us;
    expected_.add(AccountKind::kSales, Role::kNone, kNoSequence, amount);
    expected_.add(AccountKind::kTax, Role::kNone, kNoSequence, after_.tax - before_.tax);
    for (size_t i = 0; i < shares_.size(); ++i)
        expected_.add(AccountKind::kEarned, shares_[i].role, shares_[i].user, after_.shares[i] - before_.shares[i]);
    expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, after_.house - before_.house);
    return ok_status();
}

void Recomputation::expect_request(const Entry& entry, const PayoutRequested& request) {
    expected_.plan = current_plan(entry.program);
    if (request.amount.value <= 0 || request.amount.value > kLargest)
        expected_.impossible = fmt::format("it requests {}, an amount no payout may have", request.amount.value);
    expected_.add(AccountKind::kEarned, Role::kNone, entry.refs[0], -request.amount.value);
    expected_.add(AccountKind::kReserved, Role::kNone, entry.refs[0], request.amount.value);
}

void Recomputation::expect_result(const Entry& entry, PayoutStatus result) {
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

Result<std::optional<std::string>> Recomputation::check(const Entry& entry) {
    using Wrong = std::optional<std::string>;
    expected_.clear();
    if (const auto* sale = std::get_if<TransactionRecorded>(&entry.payload)) expect_sale(entry, *sale);
    if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload))
        UPLINE_TRY(expect_refund(entry, *refund));
    if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) expect_request(entry, *request);
    if (std::holds_alternative<PayoutSettled>(entry.payload)) expect_result(entry, PayoutStatus::kSettled);
    if (std::holds_alternative<PayoutFailed>(entry.payload)) expect_result(entry, PayoutStatus::kFailed);
    if (const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload)) {
        expected_.add(AccountKind::kEarned, Role::kAdjustment, entry.refs[0], adjustment->amount.value);
        expected_.add(AccountKind::kHouse, Role::kNone, kNoSequence, -adjustment->amount.value);
    }
    if (!expected_.impossible.empty()) return Wrong(expected_.impossible);
    if (entry.plan != expected_.plan)
        return Wrong(fmt::format("it names plan {}, it falls under plan {}", entry.plan, expected_.plan));
    if (entry.left_before != expected_.left_before)
        return Wrong(
            fmt::format("it says that {} was left of its sale, {} was", entry.left_before, expected_.left_before));
    if (entry.maturity_us != expected_.maturity_us)
        return Wrong(fmt::format("maturity is {}, its {} gives {}", maturity_text(entry.maturity_us),
                                 std::holds_alternative<TransactionRefunded>(entry.payload) ? "sale" : "clock and hold",
                                 maturity_text(expected_.maturity_us)));
    const auto same = [](const Posting& a, const Posting& b) {
        return a.account == b.account && a.role == b.role && a.user == b.user && a.amount == b.amount;
    };
    if (std::ranges::equal(expected_.postings, entry.posted(), same)) return Wrong();
    Entry right;
    right.posting_count = static_cast<uint8_t>(std::min(expected_.postings.size(), kMaxPostings));
    std::copy_n(expected_.postings.begin(), right.posting_count, right.postings.begin());
    return Wrong(
        fmt::format("its postings are {}; its facts and the plan give {}", postings_text(entry), postings_text(right)));
}

void Recomputation::learn(const Entry& entry) {
    if (std::holds_alternative<UserSignedUp>(entry.payload)) {
        users_.push_back({entry.id, entry.refs[0], user_rank_.rank(entry.refs[0]).value_or(kNoIndex)});
        user_rank_.add(entry.sequence);
    }
    if (std::holds_alternative<WebsiteCreated>(entry.payload)) {
        websites_.push_back({entry.id, entry.refs[0], WebsiteStatus::kDraft});
        website_rank_.add(entry.sequence);
    }
    if (const auto* change = std::get_if<WebsiteStatusChanged>(&entry.payload)) {
        if (const auto index = website_rank_.rank(entry.refs[0])) websites_[*index].status = change->status;
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

// Uplines lie scattered in memory: each level of all the entries' is asked for before the one behind it is looked at.
void Recomputation::fetch_ahead(std::span<const Entry> entries) const {
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
            if (!member || member->referrer_index == kNoIndex) {
                member = nullptr;
                continue;
            }
            member = &users_[member->referrer_index];
            fetch(member);
        }
    }
}

size_t OwnBooks::first_slot(Sequence user, uint32_t currency) const {
    const uint64_t mixed = (user + (uint64_t{currency} << 40)) * 0x9e3779b97f4a7c15U;
    return (mixed ^ mixed >> 32) & (slots_.size() - 1);
}

size_t OwnBooks::find_slot(Sequence user, uint32_t currency) const {
    size_t at = first_slot(user, currency);
    while (slots_[at].number != 0 && (slots_[at].user != user || slots_[at].currency != currency))
        at = (at + 1) & (slots_.size() - 1);
    return at;
}

Index OwnBooks::balance_for(Sequence user, uint32_t currency) {
    size_t at = find_slot(user, currency);
    if (slots_[at].number != 0) return balance_in(at);
    if (2 * (balances_.size() + 1) > slots_.size()) {
        grow();
        at = find_slot(user, currency);
    }
    balances_.push_back({});
    slots_[at] = {user, currency, static_cast<uint32_t>(balances_.size())};
    owners_.push_back(slots_[at]);
    return balance_in(at);
}

void OwnBooks::grow() {
    FlatArray<Slot> before;
    before.grow(2 * slots_.size());
    std::swap(slots_, before);
    for (const Slot& slot : before)
        if (slot.number != 0) slots_[find_slot(slot.user, slot.currency)] = slot;
}

void OwnBooks::mature(const Held& held) {
    balances_[held.balance].pending -= held.amount;
    balances_[held.balance].available += held.amount;
}

// Balances lie scattered: the slots of all the entries' are asked for before any is looked at, then what they lead to.
void OwnBooks::fetch_ahead(std::span<const Entry> entries) const {
    for (const Entry& entry : entries) {
        if (!entry.program.empty()) fetch(entry.program.data());
        for (const Posting& posting : entry.posted())
            if (is_user_account(posting.account)) fetch(&slots_[first_slot(posting.user, entry.currency.packed())]);
    }
    for (const Entry& entry : entries)
        for (const Posting& posting : entry.posted()) {
            if (!is_user_account(posting.account)) continue;
            const Index balance = balance_in(find_slot(posting.user, entry.currency.packed()));
            if (balance != kNoIndex) fetch(&balances_[balance]);
        }
}

void OwnBooks::post(const Entry& entry) {
    clock_us_ = std::max(clock_us_, entry.clock_us);
    const uint32_t currency = entry.currency.packed();
    std::array<Index, kMaxPostings> touched;
    OfProgram* program = entry.posting_count == 0 ? nullptr : &of_program(entry.program);
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& posting = entry.postings[i];
        if (!is_user_account(posting.account)) {
            ClosedBook& book = book_of(*program, entry.currency);
            add_to(posting.account == AccountKind::kSales ? book.sales
                   : posting.account == AccountKind::kTax ? book.tax
                                                          : book.house,
                   posting.amount);
            continue;
        }
        const size_t known = balances_.size();
        touched[i] = balance_for(posting.user, currency);
        if (touched[i] == known) {
            program->balances.push_back(touched[i]);
            book_of(*program, entry.currency);
        }
    }
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& posting = entry.postings[i];
        if (!is_user_account(posting.account)) continue;
        Balance& balance = balances_[touched[i]];
        if (posting.account == AccountKind::kReserved) balance.reserved += posting.amount;
        if (posting.account == AccountKind::kPaid) balance.paid += posting.amount;
        if (posting.account != AccountKind::kEarned) continue;
        if (entry.maturity_us <= clock_us_) {
            balance.available += posting.amount;
            continue;
        }
        balance.pending += posting.amount;
        const Held held{entry.maturity_us, posting.amount, touched[i]};
        if (held_.empty() || held_.back().maturity_us <= held.maturity_us)
            held_.push_back(held);
        else
            held_out_of_order_.push(held);
    }
    constexpr size_t kAhead = 8;
    for (; !held_.empty() && held_.front().maturity_us <= clock_us_; held_.pop_front()) {
        if (held_.size() > kAhead) fetch(&balances_[held_[kAhead].balance]);
        mature(held_.front());
    }
    for (; !held_out_of_order_.empty() && held_out_of_order_.top().maturity_us <= clock_us_; held_out_of_order_.pop())
        mature(held_out_of_order_.top());
}

OwnBooks::OfProgram& OwnBooks::of_program(std::string_view name) {
    if (!last_of_program_ || last_program_ != name) {
        last_program_ = name;
        last_of_program_ = &programs_[last_program_];
    }
    return *last_of_program_;
}

ClosedBook& OwnBooks::book_of(OfProgram& program, Currency currency) {
    for (ClosedBook& book : program.books)
        if (book.currency == currency) return book;
    return program.books.emplace_back(ClosedBook{.currency = currency});
}

// The leaves and the tree by the words of the format: user, currency, four amounts of eight bytes, little-endian.
std::optional<std::string> OwnBooks::check_closing(const Entry& entry, const Recomputation& users) {
    OfProgram& program = of_program(entry.program);
    const int64_t day = entry.clock_us / kDayUs;
    if (program.closed_day == day) return fmt::format("program {} closed its books that day already", entry.program);
    program.closed_day = day;
    if (entry.closing.balances != program.balances.size())
        return fmt::format("it closes {} balances, program {} has {}", entry.closing.balances, entry.program,
                           program.balances.size());
    std::vector<ClosedBook> books = program.books;
    using Leaf = std::array<std::byte, 16 + 3 + 32>;
    std::vector<Leaf> leaves;  // of the next balances: some at a time, for they are hashed together
    std::vector<std::span<const std::byte>> spans;
    std::vector<Hash> hashes;
    const auto hash_leaves = [&] {
        spans.assign(leaves.begin(), leaves.end());
        hashes.resize(hashes.size() + leaves.size());
        merkle::leaf_hashes(spans, std::span(hashes).last(leaves.size()));
        leaves.clear();
    };
    for (const Index index : program.balances) {
        const Balance& balance = balances_[index];
        const Slot& owner = owners_[index];
        const Recomputation::User* user = users.user(owner.user);
        if (!user) return fmt::format("no earlier entry made the user of entry {}", owner.user);
        std::byte* at = leaves.emplace_back().data();
        for (const uint8_t byte : user->id.bytes) *at++ = static_cast<std::byte>(byte);
        for (const int shift : {16, 8, 0}) *at++ = static_cast<std::byte>(owner.currency >> shift);
        for (const Int128 amount : {balance.pending, balance.available, balance.reserved, balance.paid})
            for (unsigned byte = 0; byte < 8; ++byte) *at++ = static_cast<std::byte>(amount >> (8 * byte));
        if (leaves.size() == 1024) hash_leaves();
        for (ClosedBook& book : books) {
            if (book.currency.packed() != owner.currency) continue;
            book.pending += balance.pending;
            book.available += balance.available;
            book.reserved += balance.reserved;
            book.paid += balance.paid;
        }
    }
    hash_leaves();
    for (size_t i = 0; i < std::max(books.size(), entry.closing.books.size()); ++i)
        if (i >= books.size() || i >= entry.closing.books.size() || books[i] != entry.closing.books[i])
            return fmt::format("its sums of {} are not those of all balances of program {}",
                               (i < books.size() ? books[i] : entry.closing.books[i]).currency.text(), entry.program);
    const Hash root = hashes.empty() ? merkle::empty_root() : tree_hash(hashes);
    if (root != entry.closing.root)
        return fmt::format("the root over its balances is {}, the postings give {}", to_hex(entry.closing.root),
                           to_hex(root));
    last_closings_.insert_or_assign(std::string(entry.program), LastClosing{entry.sequence, root});
    return std::nullopt;
}

std::optional<std::string> OwnBooks::compare(const State& stored) const {
    size_t found = 0;
    for (size_t i = 0; i < stored.accounts().size(); ++i) {
        const Account account = stored.accounts()[i];
        const ::upline::User& user = stored.users()[account.user];
        const Index own = balance_in(find_slot(user.sequence, account.currency.packed()));
        if (own != kNoIndex) ++found;
        const Balance sum = own == kNoIndex ? Balance{} : balances_[own];
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
