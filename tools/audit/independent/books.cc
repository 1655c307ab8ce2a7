// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/independent/books.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "events/base/bytes.h"
#include "events/base/int128.h"
#include "tools/audit/independent/tree.h"

namespace upline {
namespace {

constexpr int64_t kDayUs = 86'400'000'000;

}  // namespace

size_t AuditBooks::first_slot(Sequence user, uint32_t currency) const {
    const uint64_t mixed = (user + (uint64_t{currency} << 40)) * 0x9e3779b97f4a7c15U;
    return (mixed ^ mixed >> 32) & (slots_.size() - 1);
}

size_t AuditBooks::find_slot(Sequence user, uint32_t currency) const {
    size_t at = first_slot(user, currency);
    while (slots_[at].number != 0 && (slots_[at].user != user || slots_[at].currency != currency))
        at = (at + 1) & (slots_.size() - 1);
    return at;
}

const AuditBalance* AuditBooks::find(Sequence user, Currency currency) const {
    const uint32_t number = slots_[find_slot(user, currency.packed())].number;
    return number == 0 ? nullptr : &balances_[number - 1];
}

uint32_t AuditBooks::balance_for(Sequence user, uint32_t currency) {
    size_t at = find_slot(user, currency);
    if (slots_[at].number != 0) return slots_[at].number - 1;
    if (2 * (balances_.size() + 1) > slots_.size()) {
        grow();
        at = find_slot(user, currency);
    }
    balances_.push_back({});
    slots_[at] = {user, currency, static_cast<uint32_t>(balances_.size())};
    owners_.push_back(slots_[at]);
    return slots_[at].number - 1;
}

void AuditBooks::grow() {
    FlatArray<Slot> before;
    before.grow(2 * slots_.size());
    std::swap(slots_, before);
    for (const Slot& slot : before)
        if (slot.number != 0) slots_[find_slot(slot.user, slot.currency)] = slot;
}

void AuditBooks::mature(const Held& held) {
    balances_[held.balance].pending -= held.amount;
    balances_[held.balance].available += held.amount;
}

// Balances lie scattered in memory. So the slots of all the entries are asked for before any is read, and then the
// balances they lead to.
void AuditBooks::prefetch(std::span<const Entry> entries) const {
    for (const Entry& entry : entries) {
        if (!entry.program.empty()) fetch(entry.program.data());
        for (const Posting& posting : entry.posted())
            if (is_user_account(posting.account)) fetch(&slots_[first_slot(posting.user, entry.currency.packed())]);
    }
    for (const Entry& entry : entries)
        for (const Posting& posting : entry.posted())
            if (is_user_account(posting.account))
                if (const AuditBalance* balance = find(posting.user, entry.currency)) fetch(balance);
}

void AuditBooks::post(const Entry& entry) {
    clock_us_ = std::max(clock_us_, entry.clock_us);
    const uint32_t currency = entry.currency.packed();
    std::array<uint32_t, kMaxPostings> touched;
    OfProgram* program = entry.posting_count == 0 ? nullptr : &of_program(entry.program);
    for (size_t i = 0; i < entry.posting_count; ++i) {
        const Posting& posting = entry.postings[i];
        if (!is_user_account(posting.account)) {
            ClosedBook& book = book_of(*program, entry.currency);
            wrapping_add(posting.account == AccountKind::kSales ? book.sales
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
        AuditBalance& balance = balances_[touched[i]];
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

AuditBooks::OfProgram& AuditBooks::of_program(std::string_view name) {
    if (!last_of_program_ || last_program_ != name) {
        last_program_ = name;
        last_of_program_ = &programs_[last_program_];
    }
    return *last_of_program_;
}

ClosedBook& AuditBooks::book_of(OfProgram& program, Currency currency) {
    for (ClosedBook& book : program.books)
        if (book.currency == currency) return book;
    return program.books.emplace_back(ClosedBook{.currency = currency});
}

// A leaf is, by the format's definition: user id, currency, four amounts of eight bytes, little-endian.
Result<Hash> AuditBooks::close(const OfProgram& program, const ExpectedPostings& users,
                               std::vector<ClosedBook>& books) const {
    using Leaf = std::array<std::byte, 16 + 3 + 32>;
    std::vector<Leaf> leaves;  // not hashed yet; many are hashed together, which is faster
    std::vector<std::span<const std::byte>> spans;
    std::vector<Hash> hashes;
    const auto hash = [&] {
        spans.assign(leaves.begin(), leaves.end());
        hashes.resize(hashes.size() + leaves.size());
        hash_leaves(spans, std::span(hashes).last(leaves.size()));
        leaves.clear();
    };
    for (const uint32_t index : program.balances) {
        const AuditBalance& balance = balances_[index];
        const Slot& owner = owners_[index];
        const ExpectedPostings::User* user = users.user(owner.user);
        if (!user)
            return Error{ErrorCode::kCorrupt, fmt::format("no earlier entry made the user of entry {}", owner.user)};
        std::byte* at = leaves.emplace_back().data();
        for (const uint8_t byte : user->id.bytes) *at++ = static_cast<std::byte>(byte);
        for (const int shift : {16, 8, 0}) *at++ = static_cast<std::byte>(owner.currency >> shift);
        for (const Int128 amount : {balance.pending, balance.available, balance.reserved, balance.paid})
            for (unsigned byte = 0; byte < 8; ++byte) *at++ = static_cast<std::byte>(amount >> (8 * byte));
        if (leaves.size() == 1024) hash();
        for (ClosedBook& book : books) {
            if (book.currency.packed() != owner.currency) continue;
            book.pending += balance.pending;
            book.available += balance.available;
            book.reserved += balance.reserved;
            book.paid += balance.paid;
        }
    }
    hash();
    return tree_hash(hashes);
}

std::optional<std::string> AuditBooks::check_closing(const Entry& entry, const ExpectedPostings& users) {
    OfProgram& program = of_program(entry.program);
    const int64_t day = entry.clock_us / kDayUs;
    if (program.closed_day == day) return fmt::format("program {} closed its books that day already", entry.program);
    program.closed_day = day;
    const Closing& closing = entry.closing;
    if (closing.balances != program.balances.size())
        return fmt::format("it closes {} balances, program {} has {}", closing.balances, entry.program,
                           program.balances.size());
    std::vector<ClosedBook> books = program.books;
    const Result<Hash> root = close(program, users, books);
    if (!root.ok()) return root.error().message;
    for (size_t i = 0; i < std::max(books.size(), closing.books.size()); ++i)
        if (i >= books.size() || i >= closing.books.size() || books[i] != closing.books[i])
            return fmt::format("its sums of {} are not those of all balances of program {}",
                               (i < books.size() ? books[i] : closing.books[i]).currency.text(), entry.program);
    if (*root != closing.root)
        return fmt::format("the root over its balances is {}, the postings give {}", to_hex(closing.root),
                           to_hex(*root));
    last_closings_.insert_or_assign(std::string(entry.program), LastClosing{entry.sequence, *root});
    return std::nullopt;
}

}  // namespace upline
