// SPDX-License-Identifier: Apache-2.0
// How a sale was split: which rule, rate, base and rounding made each cent, what the house kept and why, and what
// refunds took back. What is worked out here is compared with what the entries posted. Amounts in minor units.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ledger/core/rules.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

// One line of the explanation: somebody's part, or why there is none.
struct ExplainedPart {
    Role role{};
    std::string user;  // id; empty: nobody
    BasisPoints rate;
    int64_t of = 0;  // minor units
    int64_t amount = 0;
    std::string why;  // when it is nothing
};

struct ExplainedRefund {
    Sequence entry = 0;
    int64_t clock_us = 0;
    std::string id;
    std::string_view reason;
    int64_t amount = 0;
    int64_t left = 0;                            // after it
    std::vector<std::pair<Role, int64_t>> back;  // by role; kNone: the house
    int64_t tax = 0;
};

struct Explanation {
    std::string plan_id;  // of the PlanPublished; empty: the default
    Plan plan;
    Sale sale;
    Split split;
    HouseParts house;
    int64_t net = 0;
    int64_t base = 0;
    std::vector<ExplainedPart> parts;
    std::vector<ExplainedRefund> refunds;
    int64_t left = 0;
    bool mature = false;  // at the ledger's clock
};

// REQUIRES: a TransactionRecorded below the reader's position. kCorrupt where an entry posts something else.
Result<Explanation> query_explanation(LedgerReader& ledger, const Entry& sale);

}  // namespace upline
