// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/tile_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "events/base/bytes.h"
#include "ledger/store/ledger_head.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/raw_iterator.h"
#include "tools/audit/stray_keys.h"

namespace upline {
namespace {

void compare_tile(const AuditTile& right, std::span<const Hash> stored, uint64_t size, Findings& findings) {
    const auto [differs, other] = std::ranges::mismatch(right.hashes, stored);
    const auto at = static_cast<size_t>(differs - right.hashes.begin());
    const std::optional<Sequence> entry =
        right.level == 0 ? std::optional(right.index * kAuditTileWidth + at) : std::nullopt;
    if (differs != right.hashes.end() && other != stored.end())
        findings.add(entry, entry ? fmt::format("its hash is {}, the tree holds {}", to_hex(*differs), to_hex(*other))
                                  : fmt::format("tile {}/{}: hash {} is {}, the entries give {}", right.level,
                                                right.index, at, to_hex(*other), to_hex(*differs)));
    else if (right.hashes.size() != stored.size())
        findings.add(entry, fmt::format("tile {}/{} holds {} hashes, a tree of {} entries has {} there", right.level,
                                        right.index, stored.size(), size, right.hashes.size()));
}

}  // namespace

StoredTiles::StoredTiles(Store& store) : store_(store) {
    const auto head = read_bulk_head(store);
    if (!head.ok() || !*head) return;
    for (const merkle::Tile& tile : (*head)->right_edge) right_edge_.push_back({tile.level, tile.index, tile.hashes});
}

// A tile that was partial when it was written one way may be stored the other way too. The widest counts, and the
// others must be its beginning.
Result<std::optional<AuditTile>> StoredTiles::tile(unsigned level, uint64_t index) {
    const std::string key = static_cast<char>(level) + be_bytes(index);
    UPLINE_TRY_ASSIGN(Level* const of_level, level_of(level));
    while (of_level->row && of_level->row->key < key) {
        if (!stray_) stray_ = stray_key_text("tiles", of_level->row->key);
        UPLINE_TRY(next(level));
    }
    std::optional<AuditTile> widest;
    bool fits = true;
    const auto take = [&](std::string_view value) {
        std::vector<Hash> hashes(value.size() / sizeof(Hash));
        fits = fits && !value.empty() && value.size() % sizeof(Hash) == 0 && hashes.size() <= kAuditTileWidth;
        if (!fits) return;
        std::memcpy(hashes.data(), value.data(), value.size());
        if (!widest) widest = AuditTile{level, index, {}};
        const size_t both = std::min(hashes.size(), widest->hashes.size());
        fits = std::equal(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(both), widest->hashes.begin());
        if (hashes.size() > both) widest->hashes = std::move(hashes);
    };
    while (of_level->row && of_level->row->key == key) {
        take(of_level->row->value);
        UPLINE_TRY(next(level));
    }
    std::erase_if(right_edge_, [&](const AuditTile& tile) {
        if (tile.level != level || tile.index != index) return false;
        take({reinterpret_cast<const char*>(tile.hashes.data()), tile.hashes.size() * sizeof(Hash)});
        return true;
    });
    if (!fits) return Error{ErrorCode::kCorrupt, fmt::format("tile {}/{} is misshapen", level, index)};
    return widest;
}

Result<std::optional<std::string>> StoredTiles::find_stray_key() {
    for (unsigned level = 0; level < levels_.size() && !stray_; ++level) {
        UPLINE_TRY_ASSIGN(const Level* const left, level_of(level));
        if (left->row) stray_ = stray_key_text("tiles", left->row->key);
    }
    if (!stray_ && !right_edge_.empty())
        stray_ = fmt::format("bulk_head: tile {}/{} is none of the tree's", right_edge_.front().level,
                             right_edge_.front().index);
    return stray_;
}

Result<StoredTiles::Level*> StoredTiles::level_of(unsigned level) {
    Level& one = levels_[level];
    if (!one.walk) {
        one.walk = iterate_both(store_, "tiles", level == 0 ? std::string() : std::string(1, static_cast<char>(level)));
        UPLINE_TRY(next(level));
    }
    return &one;
}

Status StoredTiles::next(unsigned level) {
    Level& one = levels_[level];
    UPLINE_TRY_ASSIGN(one.row, one.walk->next());
    const bool of_next_level = one.row && !one.row->key.empty() && level + 1 < levels_.size() &&
                               static_cast<uint8_t>(one.row->key.front()) > level;
    if (of_next_level) one.row.reset();
    return ok_status();
}

Status check_tiles(const std::vector<AuditTile>& tiles, StoredTiles& stored_tiles, uint64_t size, Findings& findings) {
    for (const AuditTile& tile : tiles) {
        const Result<std::optional<AuditTile>> stored = stored_tiles.tile(tile.level, tile.index);
        if (!stored.ok())
            UPLINE_TRY(findings.add_or_fail(std::nullopt, stored.error()));
        else if (!*stored)
            findings.add(std::nullopt, fmt::format("tile {}/{} is missing", tile.level, tile.index));
        else
            compare_tile(tile, (*stored)->hashes, size, findings);
    }
    return ok_status();
}

Status check_last_leaves(AuditTile leaves, Store& store, uint64_t size, Findings& findings) {
    const Result<std::optional<merkle::Tile>> stored = read_tile(store, 0, leaves.index);
    if (!stored.ok()) return findings.add_or_fail(std::nullopt, stored.error());
    if (!*stored) return ok_status();
    const size_t both = std::min(leaves.hashes.size(), (*stored)->hashes.size());
    leaves.hashes.resize(both);
    compare_tile(leaves, std::span((*stored)->hashes).first(both), size, findings);
    return ok_status();
}

}  // namespace upline
