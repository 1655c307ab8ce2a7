// SPDX-License-Identifier: Apache-2.0
// The ledger that is audited, and what it says of itself.
#pragma once

#include <memory>

#include "ledger/core/state.h"
#include "ledger/store/store.h"

namespace upline {

struct AuditedLedger {
    Store& store;
    Position head;
    ShardInfo info;
    std::unique_ptr<State> state;  // as stored; nullptr if it cannot be read

    // Of how many entries the stored state is; UINT64_MAX if there is none.
    uint64_t state_size() const { return state ? state->size() : UINT64_MAX; }
};

}  // namespace upline
