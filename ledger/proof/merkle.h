// SPDX-License-Identifier: Apache-2.0
// The Merkle tree of RFC 6962 section 2.1 (RFC 9162 section 2.1) over the entries of a shard, kept as tiles in the
// sense of C2SP tlog-tiles: tile (L, N) holds up to 256 hashes, those of the perfect subtrees of 256^L leaves number
// 256 N, 256 N + 1 ... A leaf is hashed once and each inner node once, when its right half is complete.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ledger/proof/sha256.h"

namespace upline::merkle {

inline constexpr unsigned kTileHeight = 8;
inline constexpr uint64_t kTileWidth = 256;
inline constexpr unsigned kTileLevels = 8;  // 256^8 leaves are all that 64 bits number

Hash leaf_hash(std::span<const std::byte> entry);     // MTH of one entry: SHA-256(0x00 || entry)
Hash node_hash(const Hash& left, const Hash& right);  // SHA-256(0x01 || left || right)
// The same of many at once, which is faster. REQUIRES: as many hashes as entries; twice as many children as nodes, and
// neither lie where the others do.
void leaf_hashes(Messages entries, std::span<Hash> hashes);
void node_hashes(std::span<const Hash> children, std::span<Hash> nodes);
// Of entries that lie one after another, the i-th up to ends[i].
std::vector<Hash> leaf_hashes(std::span<const std::byte> entries, std::span<const uint32_t> ends);

// MTH of a list, given the leaf hashes.
Hash root_of(std::vector<Hash> leaf_hashes);
// One step of it: the nodes above these. A last one without a neighbour goes up as it is.
void go_up(std::vector<Hash>& nodes);
Hash empty_root();  // MTH of no entries: SHA-256 of nothing

// How many hashes tile (level, index) holds in a tree of `size` leaves: 0 when it does not exist, 256 when full.
uint64_t tile_width(uint64_t size, unsigned level, uint64_t index);

struct Tile {
    unsigned level;
    uint64_t index;
    std::vector<Hash> hashes;  // 1 to 256
};

// The right edge of a tree: enough to append leaves and to say the root. Not thread-safe.
class Tree {
  public:
    Tree() = default;

    // The tree of `size` leaves whose last, partial tiles are `right_edge`: for each level with
    // tile_width(size, level, last) between 1 and 255 that tile, in the order of levels. nullopt if widths do not fit.
    static std::optional<Tree> restore(uint64_t size, std::span<const Tile> right_edge);

    uint64_t size() const { return size_; }
    Hash root() const;

    // Leaves in order: the tree is the same however many come at once. REQUIRES: at most 2^64 - 1 leaves together
    void append(std::span<const Hash> leaves);
    void append(const Hash& leaf) { append({&leaf, 1}); }

    // Tiles filled since the last call, then the partial ones that have changed since: what must be stored so that
    // the stored tiles are those of the tree of size() leaves.
    std::vector<Tile> take_changed_tiles();

    // The partial tiles, lowest level first: what restore() wants.
    std::vector<Tile> right_edge() const;

  private:
    void add_to_tiles(unsigned level, uint64_t first, std::span<const Hash> hashes);

    uint64_t size_ = 0;
    std::array<Hash, 64> subtrees_{};  // [k]: root of the perfect subtree of 2^k leaves, if bit k of size_ is set
    std::array<std::vector<Hash>, kTileLevels> partial_;
    std::array<bool, kTileLevels> partial_changed_{};
    std::vector<Tile> full_;
};

}  // namespace upline::merkle
