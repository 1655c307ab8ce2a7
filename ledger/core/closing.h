// SPDX-License-Identifier: Apache-2.0
// Closing the books: what the entry of a BooksClosed commits to, so that one balance can be proven without showing the
// others. All balances of the program, in the order of their first postings, are the leaves of a Merkle tree of their
// own (RFC 6962 section 2.1, hashed as in ledger/proof/merkle.h). A leaf is 51 bytes, a promise for ever:
//
//     16 bytes  user's id
//     3 bytes   currency
//     i64 x 4   pending, available, reserved, paid, little-endian, in minor units, at the entry's clock
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ledger/core/entry.h"
#include "ledger/core/state.h"

namespace upline {

inline constexpr size_t kBalanceLeafBytes = 51;

struct ClosedBalance {
    Uuid user;
    Currency currency;
    int64_t pending = 0;
    int64_t available = 0;
    int64_t reserved = 0;
    int64_t paid = 0;
    friend bool operator==(const ClosedBalance&, const ClosedBalance&) = default;
};

std::array<std::byte, kBalanceLeafBytes> balance_leaf(const ClosedBalance& balance);
// nullopt if the bytes are no leaf.
std::optional<ClosedBalance> parse_balance_leaf(std::span<const std::byte> bytes);

// The leaves of a program's balances, one after another, and what the entry says of its books; the root is left open.
// REQUIRES: what is mature at the state's clock has been moved.
struct ClosingSnapshot {
    Closing closing;
    std::vector<std::byte> leaves;
};
ClosingSnapshot take_closing(const State& state, ProgramIndex program);

// The leaf hashes of leaves that lie one after another, and the root of the tree over them.
std::vector<Hash> balance_hashes(std::span<const std::byte> leaves);
Hash closing_root(std::span<const std::byte> leaves);

}  // namespace upline
