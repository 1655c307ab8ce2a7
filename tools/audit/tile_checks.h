// SPDX-License-Identifier: Apache-2.0
// The stored tiles against those of the auditor's tree.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/store/raw_iterator.h"
#include "ledger/store/store.h"
#include "tools/audit/findings.h"
#include "tools/audit/independent/tree.h"

namespace upline {

// The stored tiles. Not thread-safe.
class StoredTiles {
  public:
    explicit StoredTiles(Store& store);

    // nullopt if it is missing, kCorrupt if it is misshapen. REQUIRES: a higher index than before at that level.
    Result<std::optional<AuditTile>> tile(unsigned level, uint64_t index);
    // The first key that was passed over or is left, and is therefore no tile of the tree; or nothing.
    Result<std::optional<std::string>> find_stray_key();

  private:
    // The keys of a level. Those before the first level's belong to the first, those after the last's to the last.
    struct Level {
        std::unique_ptr<RawIterator> walk;
        std::optional<RawIterator::Row> row;
    };
    Result<Level*> level_of(unsigned level);
    Status next(unsigned level);

    Store& store_;
    std::array<Level, kAuditTileLevels> levels_;
    std::vector<AuditTile> right_edge_;  // of the last ingest, those not asked for yet
    std::optional<std::string> stray_;
};

// Our tiles, of a tree of `size` entries, against the stored ones. An error is one of reading.
Status check_tiles(const std::vector<AuditTile>& tiles, StoredTiles& stored, uint64_t size, Findings& findings);

// The leaves of a tile, as far as both know them: where entries are no longer checked after a wrong one, an entry whose
// hash is another may still lie before it.
Status check_last_leaves(AuditTile leaves, Store& store, uint64_t size, Findings& findings);

}  // namespace upline
