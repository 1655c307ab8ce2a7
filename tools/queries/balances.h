// SPDX-License-Identifier: Apache-2.0
// Every balance of a shard, now or as of an earlier moment, exactly. Amounts in minor units.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "ledger/core/state.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

// Of one currency: a user's balances, or what changes them.
struct Balances {
    int64_t pending = 0;
    int64_t available = 0;
    int64_t reserved = 0;
    int64_t paid = 0;
    void add(const Balances& other) {
        wrapping_add(pending, other.pending);
        wrapping_add(available, other.available);
        wrapping_add(reserved, other.reserved);
        wrapping_add(paid, other.paid);
    }
    friend bool operator==(const Balances&, const Balances&) = default;
};

struct CurrencyBalances {
    Currency currency;
    Balances balances;
};

// After an entry, or after all that was before a time; neither: now.
struct Moment {
    std::optional<Sequence> entry;
    std::optional<int64_t> time_us;
};

// The state at a moment: of `size` entries, folded from the state of `folded_from`.
struct StateAt {
    std::unique_ptr<State> state;
    uint64_t size = 0;
    uint64_t folded_from = 0;
};
// kNotFound for an entry that is not there yet.
Result<StateAt> state_at(ReadShard& shard, const Moment& moment, const Progress& progress);

struct BalanceRow {
    std::string_view program;
    Uuid user;
    Currency currency;
    Balances balances;
};
// Calls row(balance) for what is not all zero of the wanted users, by program, user and currency: an order that says
// nothing about when or how they came to be. Until it returns false.
void for_each_balance(const State& state, const std::function<bool(std::string_view program, const User&)>& wanted,
                      const std::function<bool(const BalanceRow&)>& row);

}  // namespace upline
