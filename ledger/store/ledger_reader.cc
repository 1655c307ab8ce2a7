// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/ledger_reader.h"

#include <cstring>
#include <utility>

#include "events/base/bytes.h"
#include "ledger/core/closing.h"
#include "ledger/store/merged_iterator.h"
#include "ledger/store/rocks.h"

namespace upline {

Result<LogLocation> read_location(const Store& store, Sequence sequence) {
    const Error missing{ErrorCode::kCorrupt, fmt::format("the log offset of entry {} is missing", sequence)};
    MergedIterator it(store, {}, "offsets");
    it.SeekForPrev(slice(be_bytes(sequence)));
    UPLINE_TRY_ROCKS(it.status(), "read of offsets");
    if (!it.Valid() || it.key().size() != 8) return missing;
    std::string_view page = view(it.value());
    LogLocation place;
    for (uint64_t i = load_be<uint64_t>(it.key().data()); i <= sequence; ++i)
        if (!take_place(page, place)) return missing;
    return place;
}

std::vector<LogLocation> read_locations(const Store& store, Sequence first, size_t count) {
    std::vector<LogLocation> places;
    places.reserve(count);
    MergedIterator it(store, {}, "offsets");
    it.SeekForPrev(slice(be_bytes(first)));
    while (places.size() < count && it.Valid() && it.key().size() == 8) {
        const std::string bytes = it.value().ToString();
        const uint64_t begin = load_be<uint64_t>(it.key().data());
        it.Next();
        // Up to the next page, wherever that begins.
        const uint64_t end = it.Valid() && it.key().size() == 8 ? load_be<uint64_t>(it.key().data()) : UINT64_MAX;
        std::string_view rest = bytes;
        LogLocation place;
        for (uint64_t i = begin; i < end && places.size() < count; ++i) {
            if (!take_place(rest, place)) return places;
            if (i >= first) places.push_back(place);
        }
    }
    return places;
}

// A tile that was partial when it was written one way may be wider written the other: the widest is the newest.
Result<std::optional<merkle::Tile>> read_tile(const Store& store, unsigned level, uint64_t index) {
    std::optional<merkle::Tile> widest;
    const auto take = [&](std::vector<Hash> hashes) {
        if (!widest || hashes.size() > widest->hashes.size()) widest = merkle::Tile{level, index, std::move(hashes)};
    };
    // In this order: a tile that an ingest replaces between two looks is in a later one.
    for (const char* name : {"tiles", "bulk_head", "bulk_tiles"}) {
        if (widest && widest->hashes.size() == merkle::kTileWidth) break;
        if (name == std::string_view("bulk_head")) {
            UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, read_bulk_head(store));
            if (bulk)
                for (const merkle::Tile& tile : bulk->right_edge)
                    if (tile.level == level && tile.index == index) take(tile.hashes);
            continue;
        }
        UPLINE_TRY_ASSIGN(const std::optional<std::string> value, store.get(name, tile_key(level, index)));
        if (!value) continue;
        std::optional<std::vector<Hash>> hashes = tile_hashes(*value);
        if (!hashes) return Error{ErrorCode::kCorrupt, fmt::format("tile {}/{} is misshapen", level, index)};
        take(std::move(*hashes));
    }
    return widest;
}

Result<merkle::Tree> load_tree(const Store& store, uint64_t size) {
    std::vector<merkle::Tile> edge;
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = size >> (merkle::kTileHeight * level);
        if (hashes % merkle::kTileWidth == 0) continue;
        UPLINE_TRY_ASSIGN(std::optional<merkle::Tile> tile, read_tile(store, level, hashes / merkle::kTileWidth));
        if (tile) edge.push_back(std::move(*tile));
    }
    std::optional<merkle::Tree> tree = merkle::Tree::restore(size, edge);
    if (!tree)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("the tiles at the right edge of the tree of {} entries are missing "
                                 "or misshapen",
                                 size)};
    return std::move(*tree);
}

std::string closing_key(ProgramIndex program, uint32_t chunk) {
    return be_bytes(uint64_t{program.value} << 32 | chunk);
}

Result<KeptClosing> read_kept_closing(const Store& store, ProgramIndex program) {
    const Error none{ErrorCode::kNotFound, "no leaves of a closing are kept"};
    KeptClosing kept;
    const std::unique_ptr<rocksdb::Iterator> it(store.db().NewIterator({}, store.family("closings")));
    uint32_t chunk = 0;
    for (it->Seek(slice(closing_key(program, 0))); it->Valid(); it->Next(), ++chunk) {
        if (view(it->key()) != closing_key(program, chunk)) break;
        const std::string_view value = view(it->value());
        if (value.size() < 8 || (value.size() - 8) % kBalanceLeafBytes != 0)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("closing of program {}: its leaves are misshapen", program.value)};
        Sequence sequence = 0;
        std::memcpy(&sequence, value.data(), sizeof sequence);
        if (chunk == 0)
            kept.sequence = sequence;
        else if (sequence != kept.sequence)
            return none;
        const auto leaves = std::as_bytes(std::span(value.substr(8)));
        kept.leaves.insert(kept.leaves.end(), leaves.begin(), leaves.end());
    }
    UPLINE_TRY_ROCKS(it->status(), "read of a closing's leaves");
    if (chunk == 0) return none;
    return kept;
}

}  // namespace upline
