// SPDX-License-Identifier: Apache-2.0
// The auditor's own Merkle tree: the root by RFC 6962's recursive definition and the tiles of C2SP tlog-tiles (height
// 8), from leaf hashes in order. Of ledger/proof/merkle.h it uses the hash functions and the form of a tile, nothing
// else.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "ledger/proof/merkle.h"

namespace upline {

// MTH of RFC 6962 over hashes that are there already, each of a perfect subtree of one size (leaves, say); the last one
// may be of a smaller tree. REQUIRES: at least one.
Hash tree_hash(std::span<const Hash> hashes);

// Not thread-safe.
class OwnTree {
  public:
    void append(const Hash& leaf);
    // The 256 leaves of a whole tile at once, hashed elsewhere. REQUIRES: size() a multiple of 256, root ==
    // tree_hash(leaves).
    void append_tile(std::span<const Hash> leaves, const Hash& root);

    uint64_t size() const { return size_; }
    Hash root() const;

    // The tiles that have become full since the last call, in the order in which they did.
    std::vector<merkle::Tile> take_full_tiles();
    // Those that are not full, lowest level first.
    std::vector<merkle::Tile> partial_tiles() const;

  private:
    void append_hash(unsigned level, const Hash& hash);

    uint64_t size_ = 0;
    // [level]: the tile that is being filled, of hashes of perfect subtrees of 256^level leaves; and its index.
    std::array<std::vector<Hash>, merkle::kTileLevels> partial_;
    std::array<uint64_t, merkle::kTileLevels> index_{};
    std::vector<merkle::Tile> full_;
};

}  // namespace upline
