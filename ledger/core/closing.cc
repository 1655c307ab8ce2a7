// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/closing.h"

#include <algorithm>
#include <cstring>

#include "events/base/check.h"
#include "ledger/proof/merkle.h"

namespace upline {

std::array<std::byte, kBalanceLeafBytes> balance_leaf(const ClosedBalance& balance) {
    std::array<std::byte, kBalanceLeafBytes> leaf;
    std::byte* at = leaf.data();
    const auto put = [&at](const auto& value) {
        std::memcpy(at, &value, sizeof value);
        at += sizeof value;
    };
    put(balance.user.bytes);
    put(balance.currency.code);
    put(balance.pending);
    put(balance.available);
    put(balance.reserved);
    put(balance.paid);
    UPLINE_CHECK(at == leaf.data() + leaf.size(), "a leaf of 51 bytes");
    return leaf;
}

std::optional<ClosedBalance> parse_balance_leaf(std::span<const std::byte> bytes) {
    if (bytes.size() != kBalanceLeafBytes) return std::nullopt;
    ClosedBalance balance;
    std::array<char, 3> code;
    const std::byte* at = bytes.data();
    const auto take = [&at](auto& value) {
        std::memcpy(&value, at, sizeof value);
        at += sizeof value;
    };
    take(balance.user.bytes);
    take(code);
    take(balance.pending);
    take(balance.available);
    take(balance.reserved);
    take(balance.paid);
    const auto currency = parse_currency({code.data(), code.size()});
    if (!currency || balance.user.is_nil()) return std::nullopt;
    balance.currency = *currency;
    return balance;
}

ClosingSnapshot take_closing(const State& state, ProgramIndex program) {
    ClosingSnapshot snapshot;
    Closing& closing = snapshot.closing;
    for (const BookIndex index : state.books_of(program)) {
        const Book& book = state.books()[index];
        closing.books.push_back({.currency = book.currency, .sales = book.sales, .tax = book.tax, .house = book.house});
    }
    const std::span<const AccountIndex> accounts = state.accounts_of(program);
    closing.balances = accounts.size();
    snapshot.leaves.resize(accounts.size() * kBalanceLeafBytes);
    constexpr size_t kAhead = 16;  // users lie scattered in memory
    std::byte* out = snapshot.leaves.data();
    for (size_t i = 0; i < accounts.size(); ++i) {
        if (i + kAhead < accounts.size()) state.users().prefetch_cold(state.accounts().cold(accounts[i + kAhead]).user);
        const Account account = state.accounts()[accounts[i]];
        const auto leaf = balance_leaf({state.users().cold(account.user).id, account.currency, account.pending,
                                        account.available, account.reserved, account.paid});
        std::memcpy(out, leaf.data(), leaf.size());
        out += leaf.size();
        size_t book = 0;
        while (book < closing.books.size() && closing.books[book].currency != account.currency) ++book;
        UPLINE_CHECK(book < closing.books.size(), "a book for each currency that users have");
        closing.books[book].pending += account.pending;
        closing.books[book].available += account.available;
        closing.books[book].reserved += account.reserved;
        closing.books[book].paid += account.paid;
    }
    return snapshot;
}

std::vector<Hash> balance_hashes(std::span<const std::byte> leaves) {
    std::vector<Hash> hashes(leaves.size() / kBalanceLeafBytes);
    std::array<std::span<const std::byte>, 1024> some;
    for (size_t first = 0; first < hashes.size(); first += some.size()) {
        const size_t count = std::min(some.size(), hashes.size() - first);
        for (size_t i = 0; i < count; ++i) some[i] = leaves.subspan((first + i) * kBalanceLeafBytes, kBalanceLeafBytes);
        merkle::leaf_hashes(std::span(some).first(count), std::span(hashes).subspan(first, count));
    }
    return hashes;
}

Hash closing_root(std::span<const std::byte> leaves) {
    return merkle::root_of(balance_hashes(leaves));
}

}  // namespace upline
