// SPDX-License-Identifier: Apache-2.0
#include "ledger/state.h"

#include <fmt/format.h>

#include <cstring>

namespace upline {

Index State::find_program(std::string_view name) const {
    const auto found = program_index_.find(name);
    return found == program_index_.end() ? kNoIndex : found->second;
}

Index State::find_account(Index user, Currency currency) const {
    Index account = users_[user].first_account;
    while (account != kNoIndex && accounts_[account].currency != currency) account = accounts_[account].next;
    return account;
}

Index State::find_book(Index program, Currency currency) const {
    Index book = programs_[program].first_book;
    while (book != kNoIndex && books_[book].currency != currency) book = books_[book].next;
    return book;
}

Index State::find_user(Index program, const Uuid& id, uint64_t fingerprint) const {
    const Thing thing = find(program, id, fingerprint, [](Sequence) { return false; });
    return thing.kind() == ThingKind::kUser ? static_cast<Index>(thing.number()) : kNoIndex;
}

Index State::find_website(Index program, const Uuid& id, uint64_t fingerprint) const {
    const Thing thing = find(program, id, fingerprint, [](Sequence) { return false; });
    return thing.kind() == ThingKind::kWebsite ? static_cast<Index>(thing.number()) : kNoIndex;
}

void State::apply(const Entry& entry, const Resolved& resolved) {
    UPLINE_CHECK(entry.sequence == size_, "entries in order");
    ++size_;
    if (!entry.accepted()) return;
    clock_us_ = entry.clock_us;
    const Index program = resolved.program != kNoIndex ? resolved.program : program_for(entry.program);

    Thing made(ThingKind::kOther, entry.sequence);
    switch (static_cast<EventType>(entry.type)) {
        case EventType::kUserSignedUp:
            made = Thing(
                ThingKind::kUser,
                users_.append(
                    {.id = entry.id, .sequence = entry.sequence, .program = program, .referrer = resolved.refs[0]}));
            user_rank_.add(entry.sequence);
            break;
        case EventType::kWebsiteCreated:
            made =
                Thing(ThingKind::kWebsite,
                      websites_.append(
                          {.id = entry.id, .sequence = entry.sequence, .program = program, .owner = resolved.refs[0]}));
            website_rank_.add(entry.sequence);
            break;
        case EventType::kWebsiteStatusChanged:
            websites_.change(resolved.refs[0]).status =
                static_cast<uint32_t>(std::get<WebsiteStatusChanged>(entry.payload).status);
            break;
        default: break;  // says nothing but its postings
    }
    ids_.insert(resolved.fingerprint, made);
    new_ids_.push_back({resolved.fingerprint, made.word()});

    if (entry.posting_count == 0) return;
    Book& book = books_.change(book_for(program, entry.currency));
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& posting = entry.postings[i];
        switch (posting.account) {
            case AccountKind::kSales: book.sales += posting.amount; break;
            case AccountKind::kTax: book.tax += posting.amount; break;
            case AccountKind::kHouse: book.house += posting.amount; break;
            case AccountKind::kEarned: {
                Account& account = accounts_.change(account_for(resolved.users[i], entry.currency));
                (entry.maturity_us == kNoMaturity ? account.available : account.pending) += posting.amount;
                break;
            }
            case AccountKind::kReserved:
                accounts_.change(account_for(resolved.users[i], entry.currency)).reserved += posting.amount;
                break;
            case AccountKind::kPaid:
                accounts_.change(account_for(resolved.users[i], entry.currency)).paid += posting.amount;
                break;
        }
    }
}

Result<Resolved> State::resolve(const Entry& entry) const {
    const auto missing = [&entry](const char* what, Sequence sequence) {
        return Error{ErrorCode::kCorrupt,
                     fmt::format("entry {}: {} of entry {} is not there", entry.sequence, what, sequence)};
    };
    Resolved resolved;
    resolved.program = find_program(entry.program);
    resolved.fingerprint = IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id);
    size_t next = 0;
    std::optional<Error> error;
    for_each_ref(entry.payload, [&]<class Ref>(const Ref&) {
        const size_t i = next++;
        if (entry.refs[i] == kNoSequence) return;
        std::optional<Index> index;
        if constexpr (std::is_same_v<Ref, UserRef>) index = user_rank_.rank(entry.refs[i]);
        if constexpr (std::is_same_v<Ref, WebsiteRef>) index = website_rank_.rank(entry.refs[i]);
        if (!index && !error) error = missing("the user or website", entry.refs[i]);
        resolved.refs[i] = index.value_or(kNoIndex);
    });
    if (error) return *error;
    for (size_t i = 0; i < entry.posting_count; ++i) {
        if (!is_user_account(entry.postings[i].account)) continue;
        const auto user = user_rank_.rank(entry.postings[i].user);
        if (!user) return missing("the user", entry.postings[i].user);
        resolved.users[i] = *user;
    }
    return resolved;
}

Status State::fold(const Entry& entry) {
    if (entry.sequence != size_)
        return Error{ErrorCode::kCorrupt, fmt::format("entry {} stands where entry {} belongs", entry.sequence, size_)};
    Resolved resolved;
    if (entry.accepted()) {
        UPLINE_TRY_ASSIGN(resolved, resolve(entry));
    }
    apply(entry, resolved);
    return ok_status();
}

Status State::mature(const Entry& entry) {
    UPLINE_CHECK(entry.sequence == matured_to_ && matured_to_ < size_, "entries in order");
    if (entry.accepted() && entry.maturity_us != kNoMaturity) {
        for (const Posting& posting : entry.posted()) {
            if (posting.account != AccountKind::kEarned) continue;
            const auto user = user_rank_.rank(posting.user);
            const Index index = user ? find_account(*user, entry.currency) : kNoIndex;
            if (index == kNoIndex)
                return Error{ErrorCode::kCorrupt,
                             fmt::format("entry {}: no account of the user of entry {}", entry.sequence, posting.user)};
            Account& account = accounts_.change(index);
            account.pending -= posting.amount;
            account.available += posting.amount;
        }
    }
    ++matured_to_;
    return ok_status();
}

std::vector<IdTable::Slot> State::take_new_ids() {
    return std::exchange(new_ids_, {});
}

Status State::restore(uint64_t size, int64_t clock_us, Sequence matured_to) {
    size_ = size;
    clock_us_ = clock_us;
    matured_to_ = matured_to;
    const auto wrong = [](const char* what, size_t index) {
        return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} {} does not fit the others", what, index)};
    };
    for (size_t i = 0; i < programs_.size(); ++i) {
        const Program& program = programs_[i];
        if (program.name_size > kMaxProgramBytes ||
            (program.first_book != kNoIndex && program.first_book >= books_.size()) ||
            !program_index_.emplace(program.name(), static_cast<Index>(i)).second)
            return wrong("program", i);
    }
    Sequence least = 0;
    for (size_t i = 0; i < users_.size(); ++i) {
        const User& user = users_[i];
        if (user.sequence < least || user.sequence >= size || user.program >= programs_.size() ||
            (user.referrer != kNoIndex && user.referrer >= i) ||
            (user.first_account != kNoIndex && user.first_account >= accounts_.size()))
            return wrong("user", i);
        least = user.sequence + 1;
        user_rank_.add(user.sequence);
    }
    least = 0;
    for (size_t i = 0; i < websites_.size(); ++i) {
        const Website& website = websites_[i];
        if (website.sequence < least || website.sequence >= size || website.program >= programs_.size() ||
            website.owner >= users_.size() || website.status > static_cast<uint32_t>(WebsiteStatus::kSuspended))
            return wrong("website", i);
        least = website.sequence + 1;
        website_rank_.add(website.sequence);
    }
    // A chain goes to older accounts only, so it ends.
    for (size_t i = 0; i < accounts_.size(); ++i)
        if (accounts_[i].user >= users_.size() || !parse_currency(accounts_[i].currency.text()) ||
            (accounts_[i].next != kNoIndex && accounts_[i].next >= i))
            return wrong("account", i);
    for (size_t i = 0; i < books_.size(); ++i)
        if (books_[i].program >= programs_.size() || !parse_currency(books_[i].currency.text()) ||
            (books_[i].next != kNoIndex && books_[i].next >= i))
            return wrong("book", i);
    return ok_status();
}

Index State::program_for(std::string_view name) {
    const Index known = find_program(name);
    if (known != kNoIndex) return known;
    Program program;
    std::memcpy(program.name_bytes.data(), name.data(), name.size());
    program.name_size = static_cast<uint32_t>(name.size());
    const Index index = programs_.append(program);
    program_index_.emplace(name, index);
    return index;
}

Index State::account_for(Index user, Currency currency) {
    const Index known = find_account(user, currency);
    if (known != kNoIndex) return known;
    const Index index = accounts_.append({.user = user, .next = users_[user].first_account, .currency = currency});
    users_.change(user).first_account = index;
    return index;
}

Index State::book_for(Index program, Currency currency) {
    const Index known = find_book(program, currency);
    if (known != kNoIndex) return known;
    const Index index =
        books_.append({.program = program, .next = programs_[program].first_book, .currency = currency});
    programs_.change(program).first_book = index;
    return index;
}

}  // namespace upline
