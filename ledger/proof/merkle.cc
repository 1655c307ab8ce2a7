// SPDX-License-Identifier: Apache-2.0
#include "ledger/proof/merkle.h"

#include <algorithm>
#include <utility>

#include "events/base/check.h"

namespace upline::merkle {
namespace {

constexpr std::array<std::byte, 1> kLeafPrefix{std::byte{0x00}};
constexpr std::array<std::byte, 1> kNodePrefix{std::byte{0x01}};

// The index of the partial tile of a level; in two shifts, for the highest level shifts all 64 bits out.
uint64_t last_tile(uint64_t size, unsigned level) {
    return (size >> (kTileHeight * level)) / kTileWidth;
}

// hashes[i] of message_at(i).
template <class MessageAt>
void hash_each(std::byte prefix, std::span<Hash> hashes, const MessageAt& message_at) {
    std::array<std::span<const std::byte>, 1024> messages;
    for (size_t first = 0; first < hashes.size(); first += messages.size()) {
        const size_t count = std::min(messages.size(), hashes.size() - first);
        for (size_t i = 0; i < count; ++i) messages[i] = message_at(first + i);
        sha256_many(std::span(messages).first(count), hashes.subspan(first, count), prefix);
    }
}

}  // namespace

Hash leaf_hash(std::span<const std::byte> entry) {
    return sha256(kLeafPrefix, entry);
}
Hash node_hash(const Hash& left, const Hash& right) {
    return sha256(kNodePrefix, left, right);
}
void leaf_hashes(Messages entries, std::span<Hash> hashes) {
    sha256_many(entries, hashes, kLeafPrefix[0]);
}
void node_hashes(std::span<const Hash> children, std::span<Hash> nodes) {
    UPLINE_CHECK(children.size() == 2 * nodes.size(), "two children for each node");
    hash_each(kNodePrefix[0], nodes, [&](size_t i) { return std::as_bytes(children.subspan(2 * i, 2)); });
}
std::vector<Hash> leaf_hashes(std::span<const std::byte> entries, std::span<const uint32_t> ends) {
    std::vector<Hash> hashes(ends.size());
    hash_each(kLeafPrefix[0], hashes, [&](size_t i) {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        return entries.subspan(begin, ends[i] - begin);
    });
    return hashes;
}
Hash empty_root() {
    return sha256(std::span<const std::byte>{});
}

// A last node without a neighbour is thereby where the split at the largest power of two below the size puts it.
void go_up(std::vector<Hash>& nodes) {
    const size_t pairs = nodes.size() / 2;
    std::vector<Hash> above(pairs + nodes.size() % 2);
    node_hashes(std::span(nodes).first(2 * pairs), std::span(above).first(pairs));
    if (nodes.size() % 2 == 1) above.back() = nodes.back();
    nodes = std::move(above);
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

// Level by level. The new nodes of a level, behind the one before them where that is the left half of a pair, are
// hashed to the new ones of the next; what is left over waits for its right half.
void Tree::append(std::span<const Hash> leaves) {
    UPLINE_CHECK(leaves.size() <= UINT64_MAX - size_, "a tree of no more leaves than 64 bits number");
    std::vector<Hash> nodes(leaves.begin(), leaves.end());
    for (unsigned level = 0; !nodes.empty(); ++level) {
        const uint64_t first = size_ >> level;  // the number of the first of them
        if (level % kTileHeight == 0) add_to_tiles(level / kTileHeight, first, nodes);
        if (first % 2 == 1) nodes.insert(nodes.begin(), subtrees_[level]);
        if (nodes.size() % 2 == 1) subtrees_[level] = nodes.back();
        std::vector<Hash> above(nodes.size() / 2);
        node_hashes(std::span(nodes).first(2 * above.size()), above);
        nodes = std::move(above);
    }
    size_ += leaves.size();
}

// The hashes of a tile level that follow those it has, of which `first` is the first one's number.
void Tree::add_to_tiles(unsigned level, uint64_t first, std::span<const Hash> hashes) {
    std::vector<Hash>& tile = partial_[level];
    while (!hashes.empty()) {
        const auto added = hashes.first(std::min(hashes.size(), kTileWidth - tile.size()));
        tile.insert(tile.end(), added.begin(), added.end());
        partial_changed_[level] = tile.size() < kTileWidth;
        if (tile.size() == kTileWidth) full_.push_back({level, first / kTileWidth, std::exchange(tile, {})});
        first += added.size();
        hashes = hashes.subspan(added.size());
    }
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
