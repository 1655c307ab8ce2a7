// SPDX-License-Identifier: Apache-2.0
// What `upline show` says of events that were refused.
#pragma once

#include <vector>

#include "tools/queries/outcomes.h"
#include "tools/reports/commands.h"

namespace upline {

// An entry's event with its outcome, what that means, and what the sender can do.
void print_outcome(const RefusedEvent& event, uint32_t partition, bool json);

// `upline show event`: of an id the entry that accepted it, then those that refused it (duplicates are not listed); of
// PARTITION@OFFSET that record's. kNotFound if there is none.
Status show_event(std::vector<ReadShard>& shards, const ShowArgs& args);

}  // namespace upline
