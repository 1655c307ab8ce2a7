// SPDX-License-Identifier: Apache-2.0
// What came in and where it went, by stream, source, program, day or month; compared with the ledger's own accounts.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "projectors/models/revenue.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct RevenueQuery {
    std::vector<std::string> by;  // stream, source, program, day, month
    std::string program;          // empty: all
    std::optional<Currency> currency;
    std::optional<int64_t> from_day;  // since 1970-01-01, included
    std::optional<int64_t> to_day;    // not included

    // Whether it lets everything of a program and currency through, so that the sums are those of the ledger.
    bool is_whole() const { return !from_day && !to_day; }
};

// What a row is of, in the order of `by`, then its currency.
using RevenueGroup = std::pair<std::vector<std::string>, Currency>;
using RevenueReport = std::map<RevenueGroup, Revenue>;

struct RevenueAnswer {
    RevenueReport report;
    // Where the sums are not those of the ledger's accounts, in words; compared is only the whole.
    std::optional<std::string> difference;
};
Result<RevenueAnswer> query_revenue(std::vector<ReadShard>& shards, const RevenueQuery& query,
                                    const Progress& progress);

}  // namespace upline
