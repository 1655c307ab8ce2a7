// SPDX-License-Identifier: Apache-2.0
// Two trees written apart, the ledger's and the auditor's, must be one: every size up to three tiles, and around the
// first size whose tree has a full tile on its second level.
#include "tools/audit/own_tree.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <utility>

namespace upline {
namespace {

Hash leaf_number(uint64_t number) {
    std::array<std::byte, sizeof number> bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    return merkle::leaf_hash(bytes);
}

using Tiles = std::map<std::pair<unsigned, uint64_t>, std::vector<Hash>>;

void add(const std::vector<merkle::Tile>& tiles, Tiles& to) {
    for (const merkle::Tile& tile : tiles) to[{tile.level, tile.index}] = tile.hashes;
}

// Both trees, grown leaf by leaf, with the tiles they have given so far.
class Both {
  public:
    void append() {
        const Hash leaf = leaf_number(size_++);
        ledgers_.append(leaf);
        own_.append(leaf);
    }
    void append_tile() {
        std::vector<Hash> leaves;
        for (uint64_t i = 0; i < merkle::kTileWidth; ++i) {
            leaves.push_back(leaf_number(size_++));
            ledgers_.append(leaves.back());
        }
        own_.append_tile(leaves, tree_hash(leaves));
    }
    void expect_same() {
        EXPECT_EQ(own_.size(), size_);
        ASSERT_EQ(own_.root(), ledgers_.root()) << size_;
        add(ledgers_.take_changed_tiles(), ledgers_tiles_);
        const std::vector<merkle::Tile> full = own_.take_full_tiles();
        for (const merkle::Tile& tile : full) EXPECT_EQ(tile.hashes.size(), merkle::kTileWidth) << size_;
        add(full, own_full_tiles_);
        Tiles own = own_full_tiles_;
        for (const merkle::Tile& tile : own_.partial_tiles()) {
            EXPECT_EQ(tile.hashes.size(), merkle::tile_width(size_, tile.level, tile.index)) << size_;
            EXPECT_TRUE(own.emplace(std::pair(tile.level, tile.index), tile.hashes).second) << size_;
        }
        ASSERT_EQ(own, ledgers_tiles_) << size_;
    }
    uint64_t size() const { return size_; }

  private:
    uint64_t size_ = 0;
    merkle::Tree ledgers_;
    OwnTree own_;
    Tiles ledgers_tiles_;
    Tiles own_full_tiles_;
};

TEST(OwnTree, IsTheLedgersTreeAtEverySmallSize) {
    Both both;
    both.expect_same();
    while (both.size() <= 600) {
        both.append();
        both.expect_same();
    }
}

TEST(OwnTree, IsTheLedgersTreeAroundAFullTileOfTheSecondLevel) {
    Both both;
    while (both.size() < 65'535) both.append();
    for (int i = 0; i < 3; ++i) {
        both.expect_same();
        both.append();
    }
    while (both.size() < 65'536 + 3 * 256 + 7) both.append();
    both.expect_same();
    while (both.size() < 2 * 65'536 + 1) both.append();
    both.expect_same();
}

TEST(OwnTree, TakesWholeTilesAtOnce) {
    Both both;
    for (int i = 0; i < 259; ++i) both.append_tile();
    both.expect_same();
    for (int i = 0; i < 300; ++i) both.append();
    both.expect_same();
}

// The recursive definition, written out for what is no power of two.
TEST(OwnTree, HashesAsTheStandardSays) {
    std::vector<Hash> h;
    for (uint64_t i = 0; i < 7; ++i) h.push_back(leaf_number(i));
    const auto node = merkle::node_hash;
    EXPECT_EQ(tree_hash(std::span(h).first(1)), h[0]);
    EXPECT_EQ(tree_hash(std::span(h).first(3)), node(node(h[0], h[1]), h[2]));
    EXPECT_EQ(tree_hash(h), node(node(node(h[0], h[1]), node(h[2], h[3])), node(node(h[4], h[5]), h[6])));
    EXPECT_EQ(OwnTree().root(), merkle::empty_root());
}

}  // namespace
}  // namespace upline
