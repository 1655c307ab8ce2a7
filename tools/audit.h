// SPDX-License-Identifier: Apache-2.0
// The auditor: checks a shard's ledger against itself and, given the event log, against the log. It believes nothing
// that is stored: it hashes every entry again, builds the tree again, executes the facts again, works out each amount
// from the plan by its own few lines, adds balances up from postings by its own books, and folds the read models anew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/event_log.h"
#include "tools/reading.h"

namespace upline {

struct Finding {
    std::optional<Sequence> entry;  // the first wrong one, if it is an entry that is wrong
    std::string what;
};

struct AuditReport {
    uint32_t partition = 0;
    uint64_t size = 0;
    Hash root{};                    // of the entries as they are
    std::vector<Finding> findings;  // those of entries first, in their order; not all of a long list
    std::vector<std::string> not_checked;
    std::vector<std::string> read_models;  // those that were there and checked
};

// An error is something that kept it from checking; what is wrong with the ledger is a finding.
Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress);

}  // namespace upline
