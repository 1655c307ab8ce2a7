// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace upline {

ProgramIndex State::find_program(std::string_view name) const {
    const auto found = program_index_.find(name);
    return found == program_index_.end() ? ProgramIndex() : found->second;
}

AccountIndex State::find_account(UserIndex user, Currency currency) const {
    AccountIndex account = users_.hot(user).first_account;
    while (account != kNoIndex && accounts_.hot(account).currency != currency) account = accounts_.hot(account).next;
    return account;
}

BookIndex State::find_book(ProgramIndex program, Currency currency) const {
    BookIndex book = programs_[program].first_book;
    while (book != kNoIndex && books_[book].currency != currency) book = books_[book].next;
    return book;
}

std::span<const AccountIndex> State::accounts_of(ProgramIndex program) const {
    if (program.value >= program_accounts_.size()) return {};
    return program_accounts_[program.value];
}

std::vector<BookIndex> State::books_of(ProgramIndex program) const {
    std::vector<BookIndex> books;
    for (BookIndex book = programs_[program].first_book; book != kNoIndex; book = books_[book].next)
        books.push_back(book);
    std::ranges::reverse(books);
    return books;
}

void State::add_to_program(ProgramIndex program, AccountIndex account) {
    if (program.value >= program_accounts_.size()) program_accounts_.resize(program.value + size_t{1});
    program_accounts_[program.value].push_back(account);
}

Result<EntityRef> State::find(std::string_view program, const Uuid& id, EntrySource& entries) const {
    return find(find_program(program), id, IdTable::fingerprint(IdTable::program_hash(program), id),
                [&entries](Sequence sequence) { return entries.entry(sequence); });
}

Sequence State::sequence_of(EntityRef thing) const {
    switch (thing.kind()) {
        case EntityKind::kUser: return users_.hot(thing.number()).sequence;
        case EntityKind::kWebsite: return websites_[thing.number()].sequence;
        case EntityKind::kPayout: return payouts_[thing.number()].sequence;
        case EntityKind::kOther: return thing.number();
        case EntityKind::kNone: break;
    }
    UPLINE_CHECK(false, "a thing of a known kind");
}

namespace {

// The record of entry `sequence` in an array whose records are in log order.
template <class T>
IndexOf<T> index_by_sequence(const DirtyTrackedArray<T>& records, Sequence sequence) {
    const T* end = records.data() + records.size();
    const T* found = std::lower_bound(records.data(), end, sequence,
                                      [](const T& record, Sequence wanted) { return record.sequence < wanted; });
    if (found == end || found->sequence != sequence) return kNoIndex;
    return IndexOf<T>(static_cast<uint64_t>(found - records.data()));
}

}  // namespace

PayoutIndex State::payout_by_sequence(Sequence sequence) const {
    return index_by_sequence(payouts_, sequence);
}

const Plan* State::find_plan(uint64_t number, const Rules& rules) const {
    if (number == 0) return &rules.default_plan;
    const PlanIndex index = index_by_sequence(plans_, number - 1);
    return index != kNoIndex ? &plans_[index].plan : nullptr;
}

Result<SaleTerms> State::terms_of(const Entry& sale, int64_t left) const {
    UPLINE_TRY_ASSIGN(const Rules* rules, rules_of(sale, versions_));
    const SaleTerms terms{.rules = rules, .plan = find_plan(sale.plan, *rules), .sale = sale_of(sale)};
    if (!terms.plan || !is_possible(terms.sale, left)) return impossible_sale(sale, left);
    return terms;
}

void State::apply(const Entry& entry, const ResolvedRefs& resolved) {
    UPLINE_CHECK(entry.sequence == size_, "entries in order");
    ++size_;
    if (!entry.accepted()) return;
    clock_us_ = entry.clock_us;
    const ProgramIndex program = resolved.program != kNoIndex ? resolved.program : program_for(entry.program);

    EntityRef made(EntityKind::kOther, entry.sequence);
    switch (static_cast<EventType>(entry.type)) {
        case EventType::kUserSignedUp:
            made = EntityRef(EntityKind::kUser, users_
                                                    .append({.id = entry.id,
                                                             .sequence = entry.sequence,
                                                             .program = program,
                                                             .referrer = UserIndex(resolved.refs[0])})
                                                    .value);
            user_rank_.add(entry.sequence);
            break;
        case EventType::kWebsiteCreated:
            made = EntityRef(EntityKind::kWebsite, websites_
                                                       .append({.id = entry.id,
                                                                .sequence = entry.sequence,
                                                                .program = program,
                                                                .owner = UserIndex(resolved.refs[0])})
                                                       .value);
            website_rank_.add(entry.sequence);
            break;
        case EventType::kWebsiteStatusChanged:
            websites_.change(WebsiteIndex(resolved.refs[0])).status =
                static_cast<uint32_t>(std::get<WebsiteStatusChanged>(entry.payload).status);
            break;
        case EventType::kTransactionRecorded: holds_.add(entry); break;
        case EventType::kTransactionRefunded: refund(entry); break;
        case EventType::kPlanPublished: {
            const Rules* rules = find_rules(versions_, entry.rules_version);
            UPLINE_CHECK(rules, "an entry of known rules");
            const std::optional<Plan> plan = rules->plan_of(std::get<PlanPublished>(entry.payload));
            UPLINE_CHECK(plan.has_value(), "a plan that was accepted");
            programs_.change(program).plan = plans_.append({.plan = *plan, .sequence = entry.sequence});
            break;
        }
        case EventType::kPayoutRequested: {
            const auto& request = std::get<PayoutRequested>(entry.payload);
            made = EntityRef(EntityKind::kPayout, payouts_
                                                      .append({.id = entry.id,
                                                               .sequence = entry.sequence,
                                                               .amount = request.amount.value,
                                                               .user = UserIndex(resolved.refs[0]),
                                                               .currency = request.currency})
                                                      .value);
            break;
        }
        case EventType::kPayoutSettled:
            payouts_.change(PayoutIndex(resolved.refs[0])).status = PayoutStatus::kSettled;
            break;
        case EventType::kPayoutFailed:
            payouts_.change(PayoutIndex(resolved.refs[0])).status = PayoutStatus::kFailed;
            break;
        case EventType::kUserSuspended: users_.change_cold(UserIndex(resolved.refs[0])).suspended = 1; break;
        case EventType::kUserReinstated: users_.change_cold(UserIndex(resolved.refs[0])).suspended = 0; break;
        case EventType::kBooksClosed: programs_.change(program).closed_day = closing_day(entry.clock_us); break;
        case EventType::kRulesActivated: rules_version_ = std::get<RulesActivated>(entry.payload).version; break;
        default: break;  // says nothing but its postings
    }
    ids_.insert(resolved.fingerprint, made);
    if (made.kind() == EntityKind::kOther) new_ids_.push_back({resolved.fingerprint, made.word()});
    if (entry.posting_count > 0) post(entry, program, resolved);
}

// A refund of a sale whose commissions are still held lessens what will mature.
void State::refund(const Entry& entry) {
    const Sequence sale = entry.refs[0];
    const int64_t left = entry.remaining_before - std::get<TransactionRefunded>(entry.payload).amount.value;
    const auto [at, is_first] = refunded_index_.try_emplace(sale, refunded_sales_.size());
    if (is_first)
        refunded_sales_.append(
            {.sale = sale, .left = entry.remaining_before, .held_remaining = entry.remaining_before});
    RefundedSale& refunded = refunded_sales_.change(at->second);
    refunded.left = left;
    if (!entry.mature_at_once()) refunded.held_remaining = left;
}

void State::post(const Entry& entry, ProgramIndex program, const ResolvedRefs& resolved) {
    Book& book = books_.change(book_for(program, entry.currency));
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& posting = entry.postings[i];
        switch (posting.account) {
            case AccountKind::kSales: wrapping_add(book.sales, posting.amount); break;
            case AccountKind::kTax: wrapping_add(book.tax, posting.amount); break;
            case AccountKind::kHouse: wrapping_add(book.house, posting.amount); break;
            case AccountKind::kEarned: {
                const AccountIndex account = account_of(resolved, i, entry.currency);
                if (entry.mature_at_once())
                    add_to_account(account, &Account::Cold::available, posting.amount);
                else
                    wrapping_add(accounts_.change_hot(account).pending, posting.amount);
                break;
            }
            case AccountKind::kReserved:
                add_to_account(account_of(resolved, i, entry.currency), &Account::Cold::reserved, posting.amount);
                break;
            case AccountKind::kPaid:
                add_to_account(account_of(resolved, i, entry.currency), &Account::Cold::paid, posting.amount);
                break;
        }
    }
}

void State::prefetch(std::span<const Entry> entries) const {
    const auto for_each_user = [&](auto&& f) {
        for (const Entry& entry : entries)
            for (const Posting& posting : entry.posted())
                if (is_user_account(posting.account)) f(posting.user);
    };
    for (const Entry& entry : entries)
        if (entry.accepted()) ids_.fetch(IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id));
    for_each_user([&](Sequence user) { user_rank_.fetch(user); });
    for_each_user([&](Sequence user) {
        if (const UserIndex index = user_by_sequence(user); index != kNoIndex) users_.prefetch_hot(index);
    });
    for_each_user([&](Sequence user) {
        const UserIndex index = user_by_sequence(user);
        if (index != kNoIndex && users_.hot(index).first_account != kNoIndex)
            accounts_.prefetch_hot(users_.hot(index).first_account);
    });
}

Result<ResolvedRefs> State::resolve(const Entry& entry) const {
    const auto missing = [&entry](const char* what, Sequence sequence) {
        return Error{ErrorCode::kCorrupt,
                     fmt::format("entry {}: {} of entry {} is not there", entry.sequence, what, sequence)};
    };
    ResolvedRefs resolved;
    resolved.program = find_program(entry.program);
    resolved.fingerprint = IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id);
    size_t next = 0;
    std::optional<Error> error;
    for_each_ref(entry.payload, [&]<class Ref>(const Ref&) {
        const size_t i = next++;
        if (entry.refs[i] == kNoSequence) return;
        RefIndex& index = resolved.refs[i];
        if constexpr (std::is_same_v<Ref, UserRef>) index = RefIndex(user_by_sequence(entry.refs[i]));
        if constexpr (std::is_same_v<Ref, WebsiteRef>) index = RefIndex(website_by_sequence(entry.refs[i]));
        if constexpr (std::is_same_v<Ref, PayoutRef>) index = RefIndex(payout_by_sequence(entry.refs[i]));
        if constexpr (std::is_same_v<Ref, TransactionRef>) {
            if (entry.refs[i] < entry.sequence) return;  // a sale has no index
        }
        if (index == kNoIndex && !error) error = missing("the user, website, sale or payout", entry.refs[i]);
    });
    if (error) return *error;
    for (size_t i = 0; i < entry.posting_count; ++i) {
        if (!is_user_account(entry.postings[i].account)) continue;
        const UserIndex user = user_by_sequence(entry.postings[i].user);
        if (user == kNoIndex) return missing("the user", entry.postings[i].user);
        resolved.users[i] = user;
        resolved.accounts[i] = kNoIndex;
    }
    return resolved;
}

Status State::fold(const Entry& entry) {
    const auto corrupt = [&entry](const std::string& what) {
        return Error{ErrorCode::kCorrupt, fmt::format("entry {}: {}", entry.sequence, what)};
    };
    if (entry.sequence != size_) return corrupt(fmt::format("stands where entry {} belongs", size_));
    if (entry.rules_version != rules_version_)
        return corrupt(fmt::format("rules version {}, in force is {}", entry.rules_version, rules_version_));
    UPLINE_TRY_ASSIGN(const Rules* rules, rules_of(entry, versions_));
    if (!find_plan(entry.plan, *rules)) return corrupt(fmt::format("entry {} published no plan", entry.plan - 1));
    ResolvedRefs resolved;
    if (entry.accepted()) {
        const auto* published = std::get_if<PlanPublished>(&entry.payload);
        if (published && !rules->plan_of(*published)) return corrupt("publishes rates that no plan can have");
        UPLINE_TRY_ASSIGN(resolved, resolve(entry));
    }
    apply(entry, resolved);
    return ok_status();
}

Result<bool> State::gather(const Entry& entry, std::vector<Matured>& parts) const {
    constexpr size_t kMany = 512;
    const RefundedSale* refunded = find_refunded(entry.sequence);
    Split left;
    if (refunded) {
        UPLINE_TRY_ASSIGN(const SaleTerms terms, terms_of(entry, refunded->held_remaining));
        left = terms.entitled(refunded->held_remaining);
    }
    for (const Posting& posting : entry.posted()) {
        if (posting.account != AccountKind::kEarned) continue;
        const UserIndex user = user_by_sequence(posting.user);
        if (user == kNoIndex)
            return Error{ErrorCode::kCorrupt, fmt::format("entry {}: it posts to entry {}, which made no user",
                                                          entry.sequence, posting.user)};
        parts.push_back({user, entry.currency, refunded ? part_of(left, posting.role) : posting.amount});
        users_.prefetch_hot(user);
    }
    return parts.size() >= kMany;
}

Error State::has_no_account(const Matured& part) const {
    return {ErrorCode::kCorrupt,
            fmt::format("user {} (entry {}) has commissions in {}, and no account", to_string(users_[part.user].id),
                        users_[part.user].sequence, part.currency.text())};
}

Status State::mature(EntrySource& entries, int64_t at_us, uint64_t most) {
    return for_each_matured(holds_, entries, at_us, most, [this](AccountIndex index, int64_t amount) {
        wrapping_add(accounts_.change_hot(index).pending, -amount);
        add_to_account(index, &Account::Cold::available, amount);
    });
}

ProgramIndex State::program_for(std::string_view name) {
    const ProgramIndex known = find_program(name);
    if (known != kNoIndex) return known;
    Program program;
    std::memcpy(program.name_bytes.data(), name.data(), name.size());
    program.name_size = static_cast<uint32_t>(name.size());
    const ProgramIndex index = programs_.append(program);
    program_index_.emplace(name, index);
    return index;
}

AccountIndex State::account_of(const ResolvedRefs& resolved, size_t posting, Currency currency) {
    const AccountIndex known = resolved.accounts[posting];
    return known != kNoIndex ? known : account_for(resolved.users[posting], currency);
}

void State::add_to_account(AccountIndex account, int64_t Account::Cold::*balance, int64_t amount) {
    Account::Cold& cold = accounts_.change_cold(account);
    wrapping_add(cold.*balance, amount);
    accounts_.mutate_untracked(account).headroom_flag = uint8_t{cold.has_headroom()};
}

AccountIndex State::account_for(UserIndex user, Currency currency) {
    const AccountIndex known = find_account(user, currency);
    if (known != kNoIndex) return known;
    const AccountIndex index =
        accounts_.append({.user = user, .next = users_.hot(user).first_account, .currency = currency});
    users_.mutate_untracked(user).first_account = index;
    add_to_program(users_.cold(user).program, index);
    return index;
}

BookIndex State::book_for(ProgramIndex program, Currency currency) {
    const BookIndex known = find_book(program, currency);
    if (known != kNoIndex) return known;
    const BookIndex index =
        books_.append({.program = program, .next = programs_[program].first_book, .currency = currency});
    programs_.change(program).first_book = index;
    return index;
}

}  // namespace upline
