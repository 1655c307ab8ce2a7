// SPDX-License-Identifier: Apache-2.0
// The auditor's own Merkle tree: the hashes and the root by RFC 6962 section 2.1, and the tiles of C2SP tlog-tiles
// (height 8). It shares SHA-256 with the ledger's tree and nothing else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "ledger/proof/sha256.h"

namespace upline {

inline constexpr uint64_t kAuditTileWidth = 256;
inline constexpr unsigned kAuditTileLevels = 8;  // 256^8 leaves are all that 64 bits can count

// hashes[i] = SHA-256(0x00 || entries[i]). REQUIRES: as many hashes as entries, none of them where an entry lies.
void hash_leaves(Messages entries, std::span<Hash> hashes);

// MTH of RFC 6962 over hashes of perfect subtrees of one size (leaves, for example); the last one may be of a smaller
// tree. MTH of no hashes is SHA-256 of nothing.
Hash tree_hash(std::span<const Hash> hashes);

// Tile (level, index): the hashes of the perfect subtrees of 256^level leaves from number 256 * index on.
struct AuditTile {
    unsigned level = 0;
    uint64_t index = 0;
    std::vector<Hash> hashes;  // 1 to 256
};

// Takes leaf hashes in order. Not thread-safe.
class AuditTree {
  public:
    void append(const Hash& leaf);
    // The 256 leaves of a whole tile, whose root was computed elsewhere. REQUIRES: size() is a multiple of 256, root ==
    // tree_hash(leaves).
    void append_tile(std::span<const Hash> leaves, const Hash& root);

    uint64_t size() const { return size_; }
    Hash root() const;

    // The tiles that have become full since the last call, in the order in which they did.
    std::vector<AuditTile> take_full_tiles();
    // The tiles that are not full, lowest level first.
    std::vector<AuditTile> partial_tiles() const;

  private:
    void append_hash(unsigned level, const Hash& hash);

    uint64_t size_ = 0;
    std::array<std::vector<Hash>, kAuditTileLevels> partial_;  // [level]: the tile that is being filled
    std::array<uint64_t, kAuditTileLevels> index_{};           // [level]: its index
    std::vector<AuditTile> full_;
};

}  // namespace upline
