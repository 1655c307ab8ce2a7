// SPDX-License-Identifier: Apache-2.0
// The revenue read model: what came in and where it went, by program, UTC day (of occurred_at), currency, stream and
// source. It adds up to the ledger: over all rows of a program and currency, gross - refunded is what its sales account
// says (with the other sign), tax its tax account, unfilled + rounding + margin - adjustments its house account.
//
// Key:  u8 1, program (40 bits: the sequence of the first entry it has here), day since 1970-01-01 (24 bits), currency
//       (3 letters), u8 stream, u8 source, big-endian; stream and source 255 for adjustments, which are of no sale
// Counters: those of Revenue below, in their order.
//
// Key:  u8 2, program (40 bits, as above), zeros: the programs that have rows; counter 0 is 1.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ledger/core/sale.h"
#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

std::unique_ptr<Model> revenue_model();

// Amounts in minor units. All but gross are less what refunds took back, on the day of the refund.
struct Revenue {
    int64_t sales = 0;    // how many
    int64_t refunds = 0;  // how many
    int64_t gross = 0;
    int64_t refunded = 0;
    int64_t tax = 0;
    std::array<int64_t, kMaxLevels> levels{};  // [0]: level 1
    int64_t creator = 0;
    int64_t website = 0;
    int64_t unfilled = 0;     // the floors of the levels nobody stands at
    int64_t rounding = 0;     // what flooring each part separately left over
    int64_t margin = 0;       // the rest of the house's part
    int64_t adjustments = 0;  // what the house gave to users by adjustments, less what it took

    int64_t house() const;
    void add(const Revenue& other);
};

struct RevenueRow {
    Sequence program = kNoSequence;  // an entry of it
    int64_t day = 0;                 // since 1970-01-01
    Currency currency{};
    std::optional<Stream> stream;  // none for adjustments
    std::optional<Source> source;
    Revenue revenue;
};

// Calls row(row) for each, by program (in the order of their first entries), day, currency, stream and source, until it
// returns false. kCorrupt for a row that cannot be read.
Status read_revenue(Table& table, const std::function<bool(const RevenueRow&)>& row);

}  // namespace upline
