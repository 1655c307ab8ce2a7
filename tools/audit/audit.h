// SPDX-License-Identifier: Apache-2.0
// The auditor: checks a shard's ledger against itself and, given the event log, against the log. It believes nothing
// that is stored: it hashes every entry and builds the tree again, executes the facts again, computes each amount from
// the plan by a few lines of its own (tools/audit/independent), sums balances from postings, and folds the read models
// again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "events/log/event_log.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/findings.h"
#include "tools/audit/held_checkpoints.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct AuditReport {
    uint32_t partition = 0;
    uint64_t size = 0;
    Hash root{};                    // of the entries as they are
    OutcomeCounts outcomes{};       // of them; zero unless all entries are right
    std::vector<Finding> findings;  // those of entries first, in their order; not all of a long list
    std::vector<std::string> not_checked;
    std::vector<std::string> read_models;  // those that were there and checked
    size_t checkpoints = 0;                // that the ledger extends
    std::vector<std::string> signers;      // of them
    bool extends_old = false;              // also one that the auditor gave
};

// An error is something that kept it from checking; what is wrong with the ledger is a finding. `log`: nullptr without
// the log. Nobody else may use the shard's store meanwhile; it starts threads of its own.
Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints checkpoints = {},
                          const AuditVersions& versions = {});

}  // namespace upline
