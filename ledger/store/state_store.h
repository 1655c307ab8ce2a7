// SPDX-License-Identifier: Apache-2.0
// The state in the database: what ledger/store/state_segments.h makes of it, written and read.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "events/base/result.h"
#include "ledger/core/rules.h"
#include "ledger/core/state.h"
#include "ledger/store/state_segments.h"
#include "ledger/store/store.h"

namespace upline {

// Stores what take_changes took of a state. Changes are written in the order they were taken, one at a time; a
// committing thread may write meanwhile. REQUIRES: a state of no more than the stored entries.
Status write_state(const Store& store, const StateChanges& changes);

// The state as last stored; an empty one at size 0 if it never was. kCorrupt if it does not fit together or is ahead of
// the entries.
Result<std::unique_ptr<State>> load_state(const Store& store, std::span<const Rules> versions = rules_versions());

// Says that there are fewer entries than the stored state is of.
Error state_is_ahead(uint64_t stored, uint64_t entries);

// Gives the stored ids of a kind, kIdsKind or kEntityIdsKind, chunk after chunk. kCorrupt if they are not what was
// stored.
Status read_ids(const Store& store, size_t kind, const StoredKind& stored,
                const std::function<void(std::span<const StoredId>)>& give);

}  // namespace upline
