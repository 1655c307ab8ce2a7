// SPDX-License-Identifier: Apache-2.0
// What the ledger says of its end, now and after its last ingest, against the entries; and what lies behind it.
#pragma once

#include "events/log/event_log.h"
#include "ledger/core/entry_source.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/entry_checks.h"
#include "tools/audit/findings.h"

namespace upline {

// REQUIRES: `checks` has seen all entries, `entries` was read in order from the first to the last.
void check_head(const AuditedLedger& ledger, const EntryChecks& checks, EntrySource& entries, Findings& findings);

// All but the root, which is checked like a checkpoint's. REQUIRES: a head of some entries, and no more than there are.
Status check_ingest_head(Store& store, const LedgerHead& head, Findings& findings);

// A ledger that has not come to the log's end is right, but not all there is.
Status check_log_end(LogReader& log, uint64_t size, Findings& findings);

}  // namespace upline
