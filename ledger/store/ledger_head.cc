// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/ledger_head.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <type_traits>

#include "events/base/bytes.h"
#include "ledger/store/store.h"

namespace upline {
namespace {

struct StoredHead {
    uint64_t size;
    Hash root;
    int64_t clock_us;
    Offset last_offset;
    int64_t last_append_time_ms;
    std::array<std::byte, 32> last_value_sha256;
    uint64_t bulk_size;
};
static_assert(std::has_unique_object_representations_v<StoredHead>);

Result<Head> parse_head(std::string_view bytes) {
    const size_t size = std::min(bytes.size(), sizeof(StoredHead));
    if (size != sizeof(StoredHead))
        return Error{ErrorCode::kCorrupt, fmt::format("position: {} bytes, expected {}", size, sizeof(StoredHead))};
    StoredHead stored;
    std::memcpy(&stored, bytes.data(), sizeof stored);
    bytes.remove_prefix(sizeof stored);
    Head head{{stored.size, stored.root, stored.clock_us,
               LogPosition{stored.last_offset, stored.last_append_time_ms, stored.last_value_sha256}},
              stored.bulk_size,
              {}};
    const Error misshapen{ErrorCode::kCorrupt, "position: the right edge of its tree is misshapen"};
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = stored.size >> (merkle::kTileHeight * level);
        const size_t tile_size = hashes % merkle::kTileWidth * sizeof(Hash);
        if (bytes.empty() || tile_size == 0) continue;
        if (static_cast<unsigned>(bytes.front()) != level || bytes.size() < 1 + tile_size) return misshapen;
        head.right_edge.push_back({level, hashes / merkle::kTileWidth, *tile_hashes(bytes.substr(1, tile_size))});
        bytes.remove_prefix(1 + tile_size);
    }
    if (!bytes.empty()) return misshapen;
    return head;
}

Result<std::optional<Head>> read_head_in(const Store& store, std::string_view family) {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, store.get(family, "position"));
    if (!value) return std::optional<Head>();
    UPLINE_TRY_ASSIGN(Head head, parse_head(*value));
    return std::optional(std::move(head));
}

}  // namespace

std::string head_bytes(const LedgerHead& position, uint64_t bulk_size) {
    const LogPosition& last = *position.last_record;
    const StoredHead stored{position.size,       position.root,     position.clock_us, last.offset,
                            last.append_time_ms, last.value_sha256, bulk_size};
    return {reinterpret_cast<const char*>(&stored), sizeof stored};
}

Result<std::optional<Head>> read_written_head(const Store& store) {
    return read_head_in(store, "default");
}

Result<std::optional<Head>> read_bulk_head(const Store& store) {
    UPLINE_TRY_ASSIGN(std::optional<Head> head, read_head_in(store, "bulk_head"));
    if (head && head->bulk_size != head->position.size)
        return Error{ErrorCode::kCorrupt, "position after the last ingest: it is of another one"};
    return head;
}

Result<Head> read_head(const Store& store) {
    // In this order: what was ingested between the two is then the newer one.
    UPLINE_TRY_ASSIGN(std::optional<Head> written, read_written_head(store));
    UPLINE_TRY_ASSIGN(std::optional<Head> bulk, read_bulk_head(store));
    const uint64_t ingested = bulk ? bulk->position.size : 0;
    if (written && written->position.size == ingested && bulk &&
        head_bytes(written->position, ingested) != head_bytes(bulk->position, ingested))
        return Error{ErrorCode::kCorrupt, "the position that was written is not that of the last ingest"};
    if (bulk && (!written || written->position.size <= ingested)) return std::move(*bulk);
    if (!written) return Head{{0, merkle::empty_root(), 0, std::nullopt}, 0, {}};
    if (written->bulk_size != ingested)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("{}: the position follows {} ingested entries, there are {}; make the ledger anew "
                                 "with `upline replay`",
                                 store.dir().native(), written->bulk_size, ingested)};
    return std::move(*written);
}

std::string tile_key(unsigned level, uint64_t index) {
    return std::string(1, static_cast<char>(level)) + be_bytes(index);
}

std::string_view tile_bytes(const merkle::Tile& tile) {
    return {reinterpret_cast<const char*>(tile.hashes.data()), tile.hashes.size() * sizeof(Hash)};
}

std::optional<std::vector<Hash>> tile_hashes(std::string_view bytes) {
    if (bytes.empty() || bytes.size() % sizeof(Hash) != 0 || bytes.size() > merkle::kTileWidth * sizeof(Hash))
        return std::nullopt;
    std::vector<Hash> hashes(bytes.size() / sizeof(Hash));
    std::memcpy(hashes.data(), bytes.data(), bytes.size());
    return hashes;
}

}  // namespace upline
