// SPDX-License-Identifier: Apache-2.0
// Two trees written apart, the ledger's and the auditor's, must be one: every size up to three tiles, and around the
// first size whose tree has a full tile on its second level.
#include "tools/audit/independent/tree.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <utility>

#include "ledger/proof/merkle.h"

namespace upline {
namespace {

std::array<std::byte, 8> entry_number(uint64_t number) {
    std::array<std::byte, sizeof number> bytes;
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
}
Hash leaf_number(uint64_t number) {
    return merkle::leaf_hash(entry_number(number));
}

using Tiles = std::map<std::pair<unsigned, uint64_t>, std::vector<Hash>>;

template <class Tile>
void add(const std::vector<Tile>& tiles, Tiles& to) {
    for (const Tile& tile : tiles) to[{tile.level, tile.index}] = tile.hashes;
}

// Both trees, grown leaf by leaf, with the tiles they have given so far.
class Both {
  public:
    void append() {
        const Hash leaf = leaf_number(size_++);
        ledgers_.append(leaf);
        audits_.append(leaf);
    }
    void append_tile() {
        std::vector<Hash> leaves;
        for (uint64_t i = 0; i < merkle::kTileWidth; ++i) {
            leaves.push_back(leaf_number(size_++));
            ledgers_.append(leaves.back());
        }
        audits_.append_tile(leaves, tree_hash(leaves));
    }
    void expect_same() {
        EXPECT_EQ(audits_.size(), size_);
        ASSERT_EQ(audits_.root(), ledgers_.root()) << size_;
        add(ledgers_.take_changed_tiles(), ledgers_tiles_);
        const std::vector<AuditTile> full = audits_.take_full_tiles();
        for (const AuditTile& tile : full) EXPECT_EQ(tile.hashes.size(), merkle::kTileWidth) << size_;
        add(full, audits_full_tiles_);
        Tiles own = audits_full_tiles_;
        for (const AuditTile& tile : audits_.partial_tiles()) {
            EXPECT_EQ(tile.hashes.size(), merkle::tile_width(size_, tile.level, tile.index)) << size_;
            EXPECT_TRUE(own.emplace(std::pair(tile.level, tile.index), tile.hashes).second) << size_;
        }
        ASSERT_EQ(own, ledgers_tiles_) << size_;
    }
    uint64_t size() const { return size_; }

  private:
    uint64_t size_ = 0;
    merkle::Tree ledgers_;
    AuditTree audits_;
    Tiles ledgers_tiles_;
    Tiles audits_full_tiles_;
};

TEST(AuditTree, IsTheLedgersTreeAtEverySmallSize) {
    Both both;
    both.expect_same();
    while (both.size() <= 600) {
        both.append();
        both.expect_same();
    }
}

TEST(AuditTree, IsTheLedgersTreeAroundAFullTileOfTheSecondLevel) {
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

TEST(AuditTree, TakesWholeTilesAtOnce) {
    Both both;
    for (int i = 0; i < 259; ++i) both.append_tile();
    both.expect_same();
    for (int i = 0; i < 300; ++i) both.append();
    both.expect_same();
}

// The recursive definition, written out for what is no power of two.
TEST(AuditTree, HashesAsTheStandardSays) {
    std::vector<Hash> h;
    for (uint64_t i = 0; i < 7; ++i) h.push_back(leaf_number(i));
    const auto node = merkle::node_hash;
    EXPECT_EQ(tree_hash(std::span(h).first(1)), h[0]);
    EXPECT_EQ(tree_hash(std::span(h).first(3)), node(node(h[0], h[1]), h[2]));
    EXPECT_EQ(tree_hash(h), node(node(node(h[0], h[1]), node(h[2], h[3])), node(node(h[4], h[5]), h[6])));
    EXPECT_EQ(AuditTree().root(), merkle::empty_root());

    std::vector<std::array<std::byte, 8>> entries;
    for (uint64_t i = 0; i < 7; ++i) entries.push_back(entry_number(i));
    std::vector<Hash> leaves(entries.size());
    hash_leaves(std::vector<std::span<const std::byte>>(entries.begin(), entries.end()), leaves);
    EXPECT_EQ(leaves, h);
}

}  // namespace
}  // namespace upline
