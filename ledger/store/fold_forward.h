// SPDX-License-Identifier: Apache-2.0
// The state of a ledger as of a given entry: what was stored, folded forward through the entries since. For writers
// that open a ledger and for readers. Called by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "events/base/progress.h"
#include "events/base/result.h"
#include "ledger/core/rules.h"
#include "ledger/core/state.h"
#include "ledger/store/store.h"

namespace upline {

// Brings a state forward to the first `size` entries, and what is mature then to available. kInvalid if rules are in
// force that are not among the state's. REQUIRES: state.size() <= size <= the store's.
Status fold_forward(const Store& store, State& state, uint64_t size, const Progress& progress = {});

// The state as of the last entry.
Result<std::unique_ptr<State>> load_current_state(const Store& store, const Progress& progress = {},
                                                  std::span<const Rules> versions = rules_versions());

// The state of the first `size` entries, exactly: what was stored folded forward, or, where that is of more entries,
// folded from the first one on (a second for a million or two). REQUIRES: size <= the store's.
struct PastState {
    std::unique_ptr<State> state;
    uint64_t folded_from = 0;  // the entry that folding began with
};
Result<PastState> load_past_state(const Store& store, uint64_t size, const Progress& progress = {});

// Moves to available what is mature at `at_us`: how a payout requested then finds the balances. The clock stays.
// REQUIRES: at_us not before the state's clock.
Status mature_until(const Store& store, State& state, int64_t at_us);

}  // namespace upline
