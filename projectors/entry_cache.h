// SPDX-License-Identifier: Apache-2.0
// What a read model may ask of entries before the one in hand: a refund names its sale, a sale its plan.
#pragma once

#include <map>
#include <vector>

#include "ledger/core/entitlement.h"
#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"

namespace upline {

// Not thread-safe.
class EarlierEntries {
  public:
    // `entries` must outlive it and be used by nobody else.
    explicit EarlierEntries(EntrySource& entries) : entries_(entries) {}

    // Valid until the next call. kCorrupt if the entry cannot be one.
    Result<const Entry*> entry(Sequence sequence);
    // The same of an accepted sale; kCorrupt if it is none.
    Result<const Entry*> sale(Sequence sequence);
    // A plan as entries name it (Entry::plan). Valid as long as this. kCorrupt if no plan was published there.
    Result<const Plan*> plan(uint64_t number);

  private:
    EntrySource& entries_;
    std::vector<std::byte> bytes_;
    Entry entry_;
    std::map<uint64_t, Plan> plans_;
};

}  // namespace upline
