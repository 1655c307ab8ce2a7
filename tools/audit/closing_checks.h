// SPDX-License-Identifier: Apache-2.0
// The leaves of each program's last closing, which are kept for proofs, against the closings that were checked.
#pragma once

#include <cstdint>

#include "ledger/core/state.h"
#include "ledger/store/store.h"
#include "tools/audit/findings.h"
#include "tools/audit/independent/books.h"

namespace upline {

// `books` and `state` are as of all `size` entries; `state` knows the programs' names.
Status check_kept_closings(Store& store, const AuditBooks& books, const State& state, uint64_t size,
                           Findings& findings);

}  // namespace upline
