// SPDX-License-Identifier: Apache-2.0
// What moved a user's balances within a period, from an opening balance to a closing one. Amounts in minor units, times
// in microseconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/queries/balances.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct Movement {
    Sequence entry = 0;
    int64_t at_us = 0;        // ledger time
    int64_t occurred_us = 0;  // when it happened outside; for maturity the same as at_us
    std::string what;         // "sale", "refund", "matured" ...
    std::string role;         // "level_1" ..., or nothing
    std::string reference;    // the id of the sale or payout it is of, or nothing
    std::string note;         // the provider's reference, a reason
    Balances change;
    Balances after;
};

struct Statement {
    Balances opening;
    std::vector<Movement> movements;
    Balances closing;
};

struct StatementQuery {
    Sequence user = 0;          // of the signup
    int64_t from_us = 0;        // ledger time, included
    int64_t to_us = INT64_MAX;  // not included; INT64_MAX: the ledger's clock
    std::optional<Currency> only;
};
// By currency. Reads every entry since the signup, and holds what they come to against the ledger's own balances:
// kCorrupt if they differ.
Result<std::map<Currency, Statement>> query_statement(LedgerReader& ledger, const StatementQuery& query,
                                                      const Progress& progress);

}  // namespace upline
