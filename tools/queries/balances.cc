// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/balances.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "ledger/store/fold_forward.h"

namespace upline {

Result<StateAt> state_at(ReadShard& shard, const Moment& moment, const Progress& progress) {
    Store& store = *shard.store;
    UPLINE_TRY_ASSIGN(const LedgerHead position, store.position());
    uint64_t size = position.size;
    if (moment.entry) {
        if (*moment.entry >= position.size)
            return Error{ErrorCode::kNotFound, fmt::format("partition {} has {} entries, numbered from 0: there is no "
                                                           "entry {}",
                                                           shard.partition, position.size, *moment.entry)};
        size = *moment.entry + 1;
    } else if (moment.time_us) {
        UPLINE_TRY_ASSIGN(size, size_at(store, *moment.time_us - 1));
    }
    UPLINE_TRY_ASSIGN(PastState past, load_past_state(store, size, progress));
    if (moment.time_us && *moment.time_us - 1 > past.state->clock_us())
        UPLINE_TRY(mature_until(store, *past.state, *moment.time_us - 1));
    return StateAt{std::move(past.state), size, past.folded_from};
}

void for_each_balance(const State& state, const std::function<bool(std::string_view program, const User&)>& wanted,
                      const std::function<bool(const BalanceRow&)>& row) {
    const auto row_of = [&](AccountIndex index) {
        const Account account = state.accounts()[index];
        const User user = state.users()[account.user];
        return BalanceRow{state.programs()[user.program].name(),
                          user.id,
                          account.currency,
                          {account.pending, account.available, account.reserved, account.paid}};
    };
    std::vector<AccountIndex> order;
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const User user = state.users()[state.accounts()[i].user];
        const AccountIndex index(i);
        if (row_of(index).balances != Balances() && wanted(state.programs()[user.program].name(), user))
            order.push_back(index);
    }
    std::ranges::sort(order, {}, [&](AccountIndex index) {
        const BalanceRow balance = row_of(index);
        return std::tuple(balance.program, balance.user, balance.currency);
    });
    for (const AccountIndex index : order)
        if (!row(row_of(index))) break;
}

}  // namespace upline
