// SPDX-License-Identifier: Apache-2.0
// What a read model may ask of entries before the one in hand: a refund names its sale, a sale its plan and rules.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/rules.h"

namespace upline {

// Not thread-safe.
class EntryCache {
  public:
    // `entries` must outlive it and be used by nobody else; `versions` must outlive it.
    explicit EntryCache(EntrySource& entries, std::span<const Rules> versions = rules_versions())
        : entries_(entries), versions_(versions) {}

    // Valid until the next call of this or sale(). kCorrupt if the entry cannot be one.
    Result<const Entry*> entry(Sequence sequence);
    // The same of an accepted sale; kCorrupt if it is none.
    Result<const Entry*> sale(Sequence sequence);
    // What a sale's parts follow from. Valid as long as this. kCorrupt if there can be no such sale of which so much is
    // left, unknown_rules if this release does not know its rules. REQUIRES: an accepted TransactionRecorded.
    Result<SaleTerms> terms_of(const Entry& sale, int64_t left);

  private:
    // A plan as entries name it (Entry::plan), the default one as those rules have it.
    Result<const Plan*> plan(uint64_t number, const Rules& rules);

    EntrySource& entries_;
    std::span<const Rules> versions_;
    std::vector<std::byte> bytes_;
    Entry entry_;
    std::map<uint64_t, Plan> plans_;
};

}  // namespace upline
