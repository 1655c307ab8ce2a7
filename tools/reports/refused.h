// SPDX-License-Identifier: Apache-2.0
// What `upline show` says of events that were refused.
#pragma once

#include <vector>

#include "tools/queries/ledger_queries.h"
#include "tools/reports/commands.h"

namespace upline {

// `upline show event`: of an id the entry that accepted it, then those that refused it (duplicates are not listed); of
// PARTITION@OFFSET that record's. kNotFound if there is none.
Status show_event(std::vector<ReadShard>& shards, const ShowArgs& args);

}  // namespace upline
