// SPDX-License-Identifier: Apache-2.0
// Inclusion and consistency proofs of RFC 6962 section 2.1: made from tiles, checked with nothing but hashes. Making
// follows the RFC's recursive definition, checking the loops of RFC 9162 sections 2.1.3.2 and 2.1.4.2.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "ledger/proof/merkle.h"

namespace upline::merkle {

class Prover {
  public:
    // Gives a tile of the tree, or of a larger one. An error of it is the error of what asked for it.
    using ReadTile = std::function<Result<Tile>(unsigned level, uint64_t index)>;
    Prover(uint64_t size, ReadTile read) : size_(size), read_(std::move(read)) {}

    Result<Hash> root();
    // From the leaf's sibling up. REQUIRES: index < size.
    Result<std::vector<Hash>> inclusion(uint64_t index);
    // Empty from 0 and from the size itself. REQUIRES: old_size <= size.
    Result<std::vector<Hash>> consistency(uint64_t old_size);

  private:
    Result<Hash> hash_of(uint64_t begin, uint64_t end);
    Result<Hash> subtree(unsigned height, uint64_t index);
    Result<const Tile*> tile(unsigned level, uint64_t index);

    uint64_t size_;
    ReadTile read_;
    std::map<std::pair<unsigned, uint64_t>, Tile> tiles_;
};

// Whether `leaf` (a leaf hash) is at `index` of the tree of that size and root.
bool verify_inclusion(const Hash& leaf, uint64_t index, uint64_t size, std::span<const Hash> proof, const Hash& root);

// Whether the tree of `size` begins with the tree of `old_size`. From the empty tree, whose root is that of no leaves,
// every tree begins.
bool verify_consistency(uint64_t old_size, const Hash& old_root, uint64_t size, const Hash& root,
                        std::span<const Hash> proof);

// The inclusion proof in a tree that is all in memory. REQUIRES: index < leaf_hashes.size().
std::vector<Hash> path_of(std::vector<Hash> leaf_hashes, uint64_t index);

}  // namespace upline::merkle
