// SPDX-License-Identifier: Apache-2.0
// Takes every entry once through the stages of the pipeline, up to the first wrong one.
#pragma once

#include <atomic>
#include <memory>

#include "events/base/result.h"
#include "events/log/event_log.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/chunk_pipeline.h"
#include "tools/audit/entry_checks.h"
#include "tools/audit/execution.h"
#include "tools/audit/findings.h"
#include "tools/audit/held_checkpoints.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

// Its calls by one thread.
class EntryWalk {
  public:
    // `log`: nullptr without the log. All must outlive it.
    EntryWalk(const AuditedLedger& ledger, LogReader* log, CheckpointRoots& checkpoint_roots);

    // An error is something that kept it from checking.
    Status run(const Progress& progress, Findings& findings);

    // How many entries were found right, and whether those are all.
    uint64_t right() const { return right_; }
    bool is_complete() const { return right_ == ledger_.head.size; }

    // What each stage has come to.
    EntrySource& entries() { return *entries_; }
    EntryChecks& checks() { return checks_; }
    const Execution& execution() const { return execution_; }

  private:
    Result<bool> execute(Chunk& chunk, Findings& findings);
    Status check_stored_state(const std::optional<std::string>& books_wrong, Findings& findings);

    const AuditedLedger& ledger_;
    LogReader* log_;
    std::unique_ptr<EntrySource> entries_;  // reads every page in order, so a page that overlaps another is found
    EntryChecks checks_;                    // used by the check stage alone while the walk goes on
    Execution execution_;                   // by the execute stage alone
    uint64_t right_ = 0;
    // In force after the last executed chunk. The core decodes again what was prepared under others.
    std::atomic<const Rules*> rules_;
};

}  // namespace upline
