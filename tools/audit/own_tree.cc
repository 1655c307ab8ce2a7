// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/own_tree.h"

#include <bit>
#include <utility>

#include "events/base/check.h"

namespace upline {
namespace {

// Of as many as a power of two: halved again and again every node is over two neighbours, and those of one height are
// hashed together.
Hash perfect_tree_hash(std::span<const Hash> hashes) {
    if (hashes.size() == 1) return hashes.front();
    std::vector<Hash> above(hashes.size() / 2);
    merkle::node_hashes(hashes, above);
    return perfect_tree_hash(above);
}

}  // namespace

// Of n hashes the left half are as many as the largest power of two below n.
Hash tree_hash(std::span<const Hash> hashes) {
    if (std::has_single_bit(hashes.size())) return perfect_tree_hash(hashes);
    const size_t left = std::bit_floor(hashes.size() - 1);
    return merkle::node_hash(tree_hash(hashes.first(left)), tree_hash(hashes.subspan(left)));
}

void OwnTree::append(const Hash& leaf) {
    append_hash(0, leaf);
    ++size_;
}

void OwnTree::append_tile(std::span<const Hash> leaves, const Hash& root) {
    UPLINE_CHECK(partial_[0].empty() && leaves.size() == merkle::kTileWidth, "the leaves of a whole tile");
    full_.push_back({0, index_[0]++, {leaves.begin(), leaves.end()}});
    append_hash(1, root);
    size_ += leaves.size();
}

void OwnTree::append_hash(unsigned level, const Hash& hash) {
    partial_[level].push_back(hash);
    if (partial_[level].size() < merkle::kTileWidth) return;
    const Hash above = tree_hash(partial_[level]);
    full_.push_back({level, index_[level]++, std::exchange(partial_[level], {})});
    if (level + 1 < merkle::kTileLevels) append_hash(level + 1, above);
}

// The hashes of a level are perfect subtrees of one size, and what the levels below hold is a smaller tree behind them.
Hash OwnTree::root() const {
    if (size_ == 0) return merkle::empty_root();
    std::vector<Hash> below;
    for (const std::vector<Hash>& level : partial_) {
        std::vector<Hash> hashes = level;
        hashes.insert(hashes.end(), below.begin(), below.end());
        if (!hashes.empty()) below = {tree_hash(hashes)};
    }
    return below.front();
}

std::vector<merkle::Tile> OwnTree::take_full_tiles() {
    return std::exchange(full_, {});
}

std::vector<merkle::Tile> OwnTree::partial_tiles() const {
    std::vector<merkle::Tile> tiles;
    for (unsigned level = 0; level < merkle::kTileLevels; ++level)
        if (!partial_[level].empty()) tiles.push_back({level, index_[level], partial_[level]});
    return tiles;
}

}  // namespace upline
