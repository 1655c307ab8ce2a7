// SPDX-License-Identifier: Apache-2.0
// One payout: who asked for how much, and every answer of the bank or provider. Amounts in minor units, times in
// microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/core/state.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct PayoutAnswer {
    std::string program;
    Uuid id;
    Sequence entry = 0;
    int64_t occurred_us = 0;
    Uuid user;
    int64_t amount = 0;
    Currency currency;
    std::string method;
    PayoutStatus status{};
    struct ProviderResult {
        Sequence entry = 0;
        Uuid id;
        int64_t occurred_us = 0;
        bool settled = false;  // else failed
        std::string note;      // the provider's reference, or the reason
    };
    std::vector<ProviderResult> results;  // in order; the last one is the status
};
// REQUIRES: a PayoutRequested below the reader's position.
Result<PayoutAnswer> query_payout(LedgerReader& ledger, const Entry& entry);

}  // namespace upline
