// SPDX-License-Identifier: Apache-2.0
// How far a ledger is behind its log.
#pragma once

#include <cstdint>

#include "events/base/result.h"
#include "events/log/event_log.h"
#include "ledger/store/ledger_head.h"

namespace upline {

struct Lag {
    uint64_t records = 0;
    int64_t oldest_append_time_ms = 0;  // of the first that was not applied; REQUIRES: records > 0
};

// kConflict if the log's record at the ledger's position is another; kUnavailable if the log does not say where it
// ends.
Result<Lag> lag_of(EventLog& log, uint32_t partition, const LedgerHead& position);

}  // namespace upline
