// SPDX-License-Identifier: Apache-2.0
// The ledger that is audited, and what it says of itself.
#pragma once

#include <memory>
#include <span>

#include "ledger/core/rules.h"
#include "ledger/core/state.h"
#include "ledger/store/store.h"
#include "tools/audit/independent/audit_rules.h"

namespace upline {

// The rules by version: those that entries are executed by again, and those the auditor judges amounts by. Tests give
// others.
struct AuditVersions {
    std::span<const Rules> executed = rules_versions();
    std::span<const AuditRules> judged = audit_rules();
};

struct AuditedLedger {
    Store& store;
    LedgerHead head;
    ShardInfo info;
    AuditVersions versions;
    std::unique_ptr<State> state;  // as stored; nullptr if it cannot be read

    // Of how many entries the stored state is; UINT64_MAX if there is none.
    uint64_t state_size() const { return state ? state->size() : UINT64_MAX; }
};

}  // namespace upline
