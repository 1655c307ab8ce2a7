// SPDX-License-Identifier: Apache-2.0
// One sale: what was bought, whom it pays, and what is left of it. Amounts in minor units, times in microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ledger/store/entry_pages.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct SaleAnswer {
    std::string program;
    Uuid id;
    Sequence entry = 0;
    LogLocation place;
    int64_t occurred_us = 0;
    std::string buyer;
    int64_t amount = 0;
    int64_t tax = 0;
    Currency currency;
    Source source{};
    Stream stream{};
    int64_t maturity_us = 0;
    bool mature = false;  // at the ledger's clock
    int64_t left = 0;     // after refunds
    struct Line {
        AccountKind account{};
        Role role{};
        std::string user;  // empty: a program's account
        int64_t amount = 0;
    };
    std::vector<Line> postings;
};
// REQUIRES: a TransactionRecorded below the reader's position.
Result<SaleAnswer> query_sale(LedgerReader& ledger, const Entry& entry);

}  // namespace upline
