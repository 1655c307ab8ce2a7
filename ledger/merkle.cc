// SPDX-License-Identifier: Apache-2.0
#include "ledger/merkle.h"

#include <algorithm>

#include "events/check.h"

namespace upline::merkle {
namespace {

constexpr std::array<std::byte, 1> kLeafPrefix{std::byte{0x00}};
constexpr std::array<std::byte, 1> kNodePrefix{std::byte{0x01}};

// The index of the partial tile of a level; in two shifts, for the highest level shifts all 64 bits out.
uint64_t last_tile(uint64_t size, unsigned level) {
    return (size >> (kTileHeight * level)) / kTileWidth;
}

}  // namespace

Hash leaf_hash(std::span<const std::byte> entry) {
    return sha256(kLeafPrefix, entry);
}
Hash node_hash(const Hash& left, const Hash& right) {
    return sha256(kNodePrefix, left, right);
}
Hash empty_root() {
    return sha256(std::span<const std::byte>{});
}

// A last node without a neighbour is thereby where the split at the largest power of two below the size puts it.
void go_up(std::vector<Hash>& nodes) {
    const size_t pairs = nodes.size() / 2;
    for (size_t i = 0; i < pairs; ++i) nodes[i] = node_hash(nodes[2 * i], nodes[2 * i + 1]);
    if (nodes.size() % 2 == 1) nodes[pairs] = nodes.back();
    nodes.resize(pairs + nodes.size() % 2);
}

Hash root_of(std::vector<Hash> nodes) {
    if (nodes.empty()) return empty_root();
    while (nodes.size() > 1) go_up(nodes);
    return nodes[0];
}

uint64_t tile_width(uint64_t size, unsigned level, uint64_t index) {
    UPLINE_CHECK(level < kTileLevels, "a tile level below 8");
    const uint64_t hashes = size >> (kTileHeight * level);
    if (index > hashes / kTileWidth) return 0;
    return std::min(kTileWidth, hashes - index * kTileWidth);
}

std::optional<Tree> Tree::restore(uint64_t size, std::span<const Tile> right_edge) {
    Tree tree;
    tree.size_ = size;
    size_t next = 0;
    for (unsigned level = 0; level < kTileLevels; ++level) {
        const uint64_t hashes = size >> (kTileHeight * level);
        const uint64_t width = hashes % kTileWidth;
        if (width == 0) continue;
        if (next == right_edge.size()) return std::nullopt;
        const Tile& tile = right_edge[next++];
        if (tile.level != level || tile.index != hashes / kTileWidth || tile.hashes.size() != width)
            return std::nullopt;
        tree.partial_[level] = tile.hashes;
        // The width's bits, largest first, are the perfect subtrees within the tile.
        size_t first = 0;
        for (unsigned bit = kTileHeight; bit-- > 0;) {
            if ((width >> bit & 1) == 0) continue;
            std::vector<Hash> nodes(tile.hashes.begin() + static_cast<ptrdiff_t>(first),
                                    tile.hashes.begin() + static_cast<ptrdiff_t>(first + (size_t{1} << bit)));
            first += size_t{1} << bit;
            tree.subtrees_[level * kTileHeight + bit] = root_of(std::move(nodes));
        }
    }
    if (next != right_edge.size()) return std::nullopt;
    return tree;
}

Hash Tree::root() const {
    if (size_ == 0) return empty_root();
    std::optional<Hash> right;
    for (unsigned level = 0; level < 64; ++level) {
        if ((size_ >> level & 1) == 0) continue;
        right = right ? node_hash(subtrees_[level], *right) : subtrees_[level];
    }
    return *right;
}

void Tree::append(const Hash& leaf) {
    UPLINE_CHECK(size_ < UINT64_MAX, "a tree of fewer leaves than 64 bits number");
    Hash node = leaf;
    for (unsigned level = 0;; ++level) {
        if (level % kTileHeight == 0) {
            std::vector<Hash>& tile = partial_[level / kTileHeight];
            tile.push_back(node);
            partial_changed_[level / kTileHeight] = true;
            if (tile.size() == kTileWidth) {
                full_.push_back({level / kTileHeight, size_ >> (level + kTileHeight), std::move(tile)});
                tile.clear();
                tile.reserve(kTileWidth);
                partial_changed_[level / kTileHeight] = false;
            }
        }
        if ((size_ >> level & 1) == 0) {
            subtrees_[level] = node;
            break;
        }
        node = node_hash(subtrees_[level], node);
    }
    ++size_;
}

std::vector<Tile> Tree::take_changed_tiles() {
    std::vector<Tile> tiles = std::move(full_);
    full_.clear();
    for (unsigned level = 0; level < kTileLevels; ++level) {
        if (!partial_changed_[level]) continue;
        partial_changed_[level] = false;
        tiles.push_back({level, last_tile(size_, level), partial_[level]});
    }
    return tiles;
}

std::vector<Tile> Tree::right_edge() const {
    std::vector<Tile> tiles;
    for (unsigned level = 0; level < kTileLevels; ++level)
        if (!partial_[level].empty()) tiles.push_back({level, last_tile(size_, level), partial_[level]});
    return tiles;
}

}  // namespace upline::merkle
