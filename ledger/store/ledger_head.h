// SPDX-License-Identifier: Apache-2.0
// Where a stored ledger ends. The head is stored twice: in `default` after each write through the log, in `bulk_head`
// after each ingest. The newer one counts.
//
//     head   u64 size, 32 bytes root, i64 clock; of the last record i64 offset, i64 append time, 32 bytes SHA-256;
//            u64 size of what bulk_head said when it was written
//     in bulk_head behind it, for each level with a partial tile: u8 level, its hashes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "events/log/event_log.h"
#include "ledger/proof/merkle.h"

namespace upline {

class Store;

// Where the audit log ends, and the record it ends with.
struct LedgerHead {
    uint64_t size = 0;  // entries
    Hash root{};        // of the Merkle tree of that size
    int64_t clock_us = 0;
    std::optional<LogPosition> last_record;  // none at size 0
};

struct Head {
    LedgerHead position;
    uint64_t bulk_size = 0;                // entries up to the last ingest before
    std::vector<merkle::Tile> right_edge;  // partial tiles; of the head in bulk_head only
};

// REQUIRES: a position with a last record.
std::string head_bytes(const LedgerHead& position, uint64_t bulk_size);

// The newer of the two; that of an empty ledger if there is none. kCorrupt if they do not fit together.
Result<Head> read_head(const Store& store);
// Each of the two; nullopt if it was never written.
Result<std::optional<Head>> read_written_head(const Store& store);
Result<std::optional<Head>> read_bulk_head(const Store& store);

// The key of a tile in `tiles` and `bulk_tiles`.
std::string tile_key(unsigned level, uint64_t index);
// The bytes of a stored tile, and the hashes of such bytes; nullopt if they cannot be those of a tile.
std::string_view tile_bytes(const merkle::Tile& tile);
std::optional<std::vector<Hash>> tile_hashes(std::string_view bytes);

}  // namespace upline
