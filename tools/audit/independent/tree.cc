// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/independent/tree.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "events/base/check.h"

namespace upline {
namespace {

constexpr std::byte kLeafPrefix{0x00};
constexpr std::byte kNodePrefix{0x01};

// The nodes above hashes that are 2^k in number, k > 0: SHA-256(0x01 || left || right) of each two neighbours.
std::vector<Hash> nodes_above(std::span<const Hash> hashes) {
    std::vector<Hash> nodes(hashes.size() / 2);
    std::array<std::span<const std::byte>, 1024> pairs;
    for (size_t first = 0; first < nodes.size(); first += pairs.size()) {
        const size_t count = std::min(pairs.size(), nodes.size() - first);
        for (size_t i = 0; i < count; ++i) pairs[i] = std::as_bytes(hashes.subspan(2 * (first + i), 2));
        sha256_many(std::span(pairs).first(count), std::span(nodes).subspan(first, count), kNodePrefix);
    }
    return nodes;
}

// Halving 2^k hashes again and again makes every node one over two neighbours. So the nodes of one height are hashed
// together, which is faster.
Hash perfect_tree_hash(std::span<const Hash> hashes) {
    if (hashes.size() == 1) return hashes.front();
    return perfect_tree_hash(nodes_above(hashes));
}

}  // namespace

void hash_leaves(Messages entries, std::span<Hash> hashes) {
    sha256_many(entries, hashes, kLeafPrefix);
}

// The left part of n hashes is the largest power of two below n.
Hash tree_hash(std::span<const Hash> hashes) {
    if (hashes.empty()) return sha256(std::span<const std::byte>{});
    if (std::has_single_bit(hashes.size())) return perfect_tree_hash(hashes);
    const size_t left = std::bit_floor(hashes.size() - 1);
    return sha256({&kNodePrefix, 1}, tree_hash(hashes.first(left)), tree_hash(hashes.subspan(left)));
}

void AuditTree::append(const Hash& leaf) {
    append_hash(0, leaf);
    ++size_;
}

void AuditTree::append_tile(std::span<const Hash> leaves, const Hash& root) {
    UPLINE_CHECK(partial_[0].empty() && leaves.size() == kAuditTileWidth, "the leaves of a whole tile");
    full_.push_back({0, index_[0]++, {leaves.begin(), leaves.end()}});
    append_hash(1, root);
    size_ += leaves.size();
}

void AuditTree::append_hash(unsigned level, const Hash& hash) {
    partial_[level].push_back(hash);
    if (partial_[level].size() < kAuditTileWidth) return;
    const Hash above = tree_hash(partial_[level]);
    full_.push_back({level, index_[level]++, std::exchange(partial_[level], {})});
    if (level + 1 < kAuditTileLevels) append_hash(level + 1, above);
}

// The hashes of a level are perfect subtrees of one size. What the levels below hold is a smaller tree after them.
Hash AuditTree::root() const {
    std::vector<Hash> below;
    for (const std::vector<Hash>& level : partial_) {
        std::vector<Hash> hashes = level;
        hashes.insert(hashes.end(), below.begin(), below.end());
        if (!hashes.empty()) below = {tree_hash(hashes)};
    }
    return tree_hash(below);
}

std::vector<AuditTile> AuditTree::take_full_tiles() {
    return std::exchange(full_, {});
}

std::vector<AuditTile> AuditTree::partial_tiles() const {
    std::vector<AuditTile> tiles;
    for (unsigned level = 0; level < kAuditTileLevels; ++level)
        if (!partial_[level].empty()) tiles.push_back({level, index_[level], partial_[level]});
    return tiles;
}

}  // namespace upline
