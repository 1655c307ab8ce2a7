// SPDX-License-Identifier: Apache-2.0
// One user: who stands above and below, what is owed, what was paid. Amounts in minor units, times in microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/core/state.h"
#include "projectors/models/payouts.h"
#include "tools/queries/balances.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct UserPayout {
    Sequence entry = 0;
    Uuid id;
    int64_t amount = 0;
    Currency currency;
    PayoutStatus status{};
};

struct UserAnswer {
    std::string program;
    Uuid id;
    Sequence entry = 0;
    int64_t signed_up_us = 0;
    bool suspended = false;
    std::vector<Uuid> upline;  // from level 1 on
    uint64_t direct_referrals = 0;
    std::vector<Uuid> first_referrals;       // the first 20
    std::vector<CurrencyBalances> balances;  // by currency
    std::vector<Payouts> earnings;           // by currency
    std::vector<UserPayout> payouts;         // the last 20, the newest first
};
// REQUIRES: a UserSignedUp below the reader's position.
Result<UserAnswer> query_user(LedgerReader& ledger, const Entry& signup);

Result<PayoutStatus> payout_status(LedgerReader& ledger, Sequence request);

// The users above one, from level 1 on: at most kMaxLevels.
Result<std::vector<Uuid>> upline_of(LedgerReader& ledger, const Entry& signup);
Result<bool> is_suspended(LedgerReader& ledger, Sequence user);

// The balances of one user, by currency: those of the rows, and those that adjustments have brought back to nothing.
// `payouts` are the rows of that model at any time.
Result<std::vector<CurrencyBalances>> balances_of(LedgerReader& ledger, Table& payouts, Sequence user);

}  // namespace upline
