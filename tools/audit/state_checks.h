// SPDX-License-Identifier: Apache-2.0
// The stored state against the auditor's books and against the state that executing the entries has made.
#pragma once

#include <optional>
#include <string>

#include "events/base/result.h"
#include "ledger/core/state.h"
#include "ledger/store/store.h"
#include "tools/audit/findings.h"
#include "tools/audit/independent/books.h"

namespace upline {

// The first balance of the stored ones, in their order, that is not the sum of its postings; or nothing. REQUIRES:
// books of as many entries.
std::optional<std::string> compare_balances(const AuditBooks& books, const State& stored);

// REQUIRES: `right` is of as many entries, and all that is mature at its clock was moved.
void check_state(const State& stored, const State& right, Findings& findings);
// The ids of users, websites and payouts, which are stored only to be looked up. REQUIRES: as check_state. An error if
// they cannot be read.
Status check_entity_ids(const Store& store, const StoredKind& stored, const State& right, Findings& findings);

}  // namespace upline
