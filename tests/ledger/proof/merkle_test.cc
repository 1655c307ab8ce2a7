// SPDX-License-Identifier: Apache-2.0
// The tree against its definition: MTH of RFC 6962 section 2.1, written down here as the RFC has it, by recursion.
#include "ledger/proof/merkle.h"
#include "events/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "tests/ledger/proof/known_answers.h"

namespace upline::merkle {
namespace {

// MTH(D[n]) over leaf hashes: split at the largest power of two smaller than n.
Hash defined_root(std::span<const Hash> leaves) {
    if (leaves.empty()) return sha256(std::span<const std::byte>{});
    if (leaves.size() == 1) return leaves[0];
    size_t k = 1;
    while (k * 2 < leaves.size()) k *= 2;
    std::vector<std::byte> node{std::byte{1}};
    for (const Hash& half : {defined_root(leaves.first(k)), defined_root(leaves.subspan(k))})
        node.insert(node.end(), half.begin(), half.end());
    return sha256(node);
}

// The leaf hashes of "0", "1", "2" ...
std::vector<Hash> numbered_leaves(size_t count) {
    std::vector<Hash> leaves;
    for (size_t i = 0; i < count; ++i) {
        const std::string entry = std::to_string(i);
        leaves.push_back(leaf_hash(std::as_bytes(std::span(entry))));
    }
    return leaves;
}

// The hashes of a tile, from its definition: roots of perfect subtrees of 256^level leaves.
std::vector<Hash> defined_tile(std::span<const Hash> leaves, unsigned level, uint64_t index) {
    size_t span = 1;
    for (unsigned i = 0; i < level; ++i) span *= kTileWidth;
    std::vector<Hash> hashes;
    for (uint64_t n = index * kTileWidth; n < (index + 1) * kTileWidth && (n + 1) * span <= leaves.size(); ++n)
        hashes.push_back(defined_root(leaves.subspan(n * span, span)));
    return hashes;
}

// What a store of tiles holds: the last one taken for each place.
using Stored = std::map<std::pair<unsigned, uint64_t>, std::vector<Hash>>;
void store(Tree& tree, Stored& stored) {
    for (Tile& tile : tree.take_changed_tiles()) stored[{tile.level, tile.index}] = std::move(tile.hashes);
}

std::vector<Tile> right_edge(uint64_t size, const Stored& stored) {
    std::vector<Tile> edge;
    for (unsigned level = 0; level < kTileLevels; ++level) {
        const uint64_t hashes = size >> (8 * level);
        if (hashes % kTileWidth == 0) continue;
        std::vector<Hash> tile = stored.at({level, hashes / kTileWidth});
        tile.resize(hashes % kTileWidth);
        edge.push_back({level, hashes / kTileWidth, std::move(tile)});
    }
    return edge;
}

TEST(Merkle, GivesTheRootsOfTheCertificateTransparencyVectors) {
    Tree tree;
    EXPECT_EQ(to_hex(tree.root()), kKnownRoots[0]);
    for (size_t i = 0; i < std::size(kKnownLeaves); ++i) {
        tree.append(leaf_hash(*from_hex(kKnownLeaves[i])));
        EXPECT_EQ(to_hex(tree.root()), kKnownRoots[i + 1]) << "of " << i + 1 << " leaves";
    }
}

TEST(Merkle, RootIsThatOfTheDefinitionAtEverySize) {
    const std::vector<Hash> leaves = numbered_leaves(1100);
    Tree tree;
    for (size_t size = 0; size <= leaves.size(); ++size) {
        ASSERT_EQ(tree.size(), size);
        ASSERT_EQ(tree.root(), defined_root(std::span(leaves).first(size))) << "of " << size << " leaves";
        if (size < leaves.size()) tree.append(leaves[size]);
    }
}

TEST(Merkle, ARestoredTreeIsTheTree) {
    const std::vector<Hash> leaves = numbered_leaves(1100);
    Tree tree;
    Stored stored;
    for (size_t size = 0; size <= leaves.size(); ++size) {
        std::optional<Tree> restored = Tree::restore(size, right_edge(size, stored));
        ASSERT_TRUE(restored) << "at size " << size;
        ASSERT_EQ(restored->root(), tree.root()) << "at size " << size;
        ASSERT_TRUE(restored->take_changed_tiles().empty()) << "what was stored need not be stored again";
        // It also goes on as the tree does, over the next tile's edge.
        Stored rest = stored;
        const size_t more = std::min<size_t>(leaves.size() - size, 260);
        for (size_t i = 0; i < more; ++i) restored->append(leaves[size + i]);
        store(*restored, rest);
        if (size % 37 == 0) {
            ASSERT_EQ(restored->root(), defined_root(std::span(leaves).first(size + more)));
            for (const auto& [place, hashes] : rest)
                ASSERT_EQ(hashes, defined_tile(std::span(leaves).first(size + more), place.first, place.second));
        }
        if (size < leaves.size()) tree.append(leaves[size]);
        store(tree, stored);
    }
}

TEST(Merkle, RestoreRefusesAnEdgeThatIsNotOfThatSize) {
    const std::vector<Hash> leaves = numbered_leaves(1000);
    Tree tree;
    Stored stored;
    for (const Hash& leaf : leaves) tree.append(leaf);
    store(tree, stored);
    const std::vector<Tile> edge = right_edge(1000, stored);
    ASSERT_EQ(edge.size(), 2U);
    ASSERT_TRUE(Tree::restore(1000, edge));
    EXPECT_FALSE(Tree::restore(999, edge));
    EXPECT_FALSE(Tree::restore(1001, edge));
    EXPECT_FALSE(Tree::restore(1000, {}));
    EXPECT_FALSE(Tree::restore(1000, std::span(edge).first(1)));
    EXPECT_FALSE(Tree::restore(1000, std::span(edge).last(1)));
    std::vector<Tile> wrong = edge;
    wrong.push_back(edge[0]);
    EXPECT_FALSE(Tree::restore(1000, wrong)) << "a tile too many";
    wrong = {edge[1], edge[0]};
    EXPECT_FALSE(Tree::restore(1000, wrong)) << "the wrong order";
    wrong = edge;
    wrong[0].index ^= 1;
    EXPECT_FALSE(Tree::restore(1000, wrong)) << "another tile";
    wrong = edge;
    wrong[0].hashes.pop_back();
    EXPECT_FALSE(Tree::restore(1000, wrong)) << "a hash too few";
}

TEST(Merkle, TilesTakenAfterAnyBatchesAreThoseOfTheTree) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::vector<Hash> leaves = numbered_leaves(70'000);
    for (const size_t total : {size_t{1}, size_t{255}, size_t{256}, size_t{257}, size_t{70'000}}) {
        Tree tree;
        Stored stored;
        for (size_t done = 0; done < total;) {
            const size_t batch = std::min<size_t>(total - done, 1 + random() % (random() % 4 == 0 ? 9000 : 400));
            for (size_t i = 0; i < batch; ++i) tree.append(leaves[done++]);
            store(tree, stored);
            ASSERT_TRUE(tree.take_changed_tiles().empty()) << "nothing has changed since";
        }
        const std::span<const Hash> all = std::span(leaves).first(total);
        size_t tiles = 0;
        for (unsigned level = 0; level < kTileLevels; ++level) {
            for (uint64_t index = 0; tile_width(total, level, index) != 0; ++index) {
                const auto found = stored.find({level, index});
                ASSERT_NE(found, stored.end()) << "tile " << level << "/" << index << " of " << total;
                ASSERT_EQ(found->second.size(), tile_width(total, level, index));
                ASSERT_EQ(found->second, defined_tile(all, level, index));
                ++tiles;
            }
        }
        EXPECT_EQ(stored.size(), tiles) << "no tile is stored that the tree does not have";
    }
}

// One tree grows by one leaf, the other by batches; after each batch both must be the same in all that is seen of them.
TEST(Merkle, LeavesInBatchesMakeTheTreeThatTheyMakeOneByOne) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const std::vector<Hash> leaves = numbered_leaves(140'000);
    for (const size_t largest : {size_t{3}, size_t{40}, size_t{600}, size_t{9000}, size_t{70'000}}) {
        Tree one_by_one;
        Tree batches;
        Stored stored_one_by_one;
        Stored stored_batches;
        for (size_t done = 0; done < std::min(leaves.size(), 300 * largest);) {
            const size_t count = std::min<size_t>(leaves.size() - done, random() % (largest + 1));
            for (size_t i = 0; i < count; ++i) one_by_one.append(leaves[done + i]);
            batches.append(std::span(leaves).subspan(done, count));
            done += count;
            ASSERT_EQ(batches.size(), done);
            ASSERT_EQ(batches.root(), one_by_one.root()) << "at size " << done;
            const auto edge = batches.right_edge();
            const auto right = one_by_one.right_edge();
            ASSERT_EQ(edge.size(), right.size());
            for (size_t i = 0; i < edge.size(); ++i) {
                ASSERT_EQ(edge[i].level, right[i].level);
                ASSERT_EQ(edge[i].index, right[i].index);
                ASSERT_EQ(edge[i].hashes, right[i].hashes);
            }
            if (random() % 2 == 0) continue;
            store(one_by_one, stored_one_by_one);
            store(batches, stored_batches);
            ASSERT_EQ(stored_batches, stored_one_by_one) << "at size " << done;
        }
        store(batches, stored_batches);
        ASSERT_EQ(batches.root(), defined_root(std::span(leaves).first(batches.size())));
        for (const auto& [place, hashes] : stored_batches)
            ASSERT_EQ(hashes, defined_tile(std::span(leaves).first(batches.size()), place.first, place.second));
    }
}

TEST(Merkle, HashesOfManyAreThoseOfEach) {
    const std::vector<Hash> children = numbered_leaves(2 * 1500);
    std::vector<Hash> nodes(children.size() / 2);
    node_hashes(children, nodes);
    for (size_t i = 0; i < nodes.size(); ++i) ASSERT_EQ(nodes[i], node_hash(children[2 * i], children[2 * i + 1]));
    std::vector<std::byte> bytes;
    std::vector<uint32_t> ends;
    for (size_t i = 0; i < children.size(); ++i) {
        bytes.insert(bytes.end(), children[i].begin(), children[i].begin() + i % 33);
        ends.push_back(static_cast<uint32_t>(bytes.size()));
    }
    const std::vector<Hash> hashes = leaf_hashes(bytes, ends);
    ASSERT_EQ(hashes.size(), ends.size());
    for (size_t i = 0; i < ends.size(); ++i) ASSERT_EQ(hashes[i], leaf_hash(std::span(children[i]).first(i % 33)));
}

TEST(Merkle, TileWidthsAreThoseOfTheTilesSpecification) {
    EXPECT_EQ(tile_width(0, 0, 0), 0U);
    EXPECT_EQ(tile_width(255, 0, 0), 255U);
    EXPECT_EQ(tile_width(255, 1, 0), 0U) << "an empty tile does not exist";
    EXPECT_EQ(tile_width(256, 0, 0), 256U);
    EXPECT_EQ(tile_width(256, 0, 1), 0U);
    EXPECT_EQ(tile_width(256, 1, 0), 1U);

    EXPECT_EQ(tile_width(70'000, 0, 272), 256U) << "273 full tiles of leaves";
    EXPECT_EQ(tile_width(70'000, 0, 273), 112U);
    EXPECT_EQ(tile_width(70'000, 0, 274), 0U);
    EXPECT_EQ(tile_width(70'000, 1, 0), 256U);
    EXPECT_EQ(tile_width(70'000, 1, 1), 17U);
    EXPECT_EQ(tile_width(70'000, 2, 0), 1U);
    EXPECT_EQ(tile_width(70'000, 3, 0), 0U);

    EXPECT_EQ(tile_width(UINT64_MAX, 7, 0), 255U);
    EXPECT_EQ(tile_width(UINT64_MAX, 0, UINT64_MAX / 256), 255U);
    EXPECT_EQ(tile_width(1000, 0, uint64_t{1} << 56), 0U) << "an index whose first leaf 64 bits do not number";
    EXPECT_EQ(tile_width(UINT64_MAX, 0, UINT64_MAX), 0U);
}

TEST(Merkle, ATreeOfAsManyLeavesAs64BitsNumberIsRestored) {
    std::vector<Tile> edge;
    for (unsigned level = 0; level < kTileLevels; ++level)
        edge.push_back({level, level == 7 ? 0 : UINT64_MAX >> (8 * (level + 1)), std::vector<Hash>(255)});
    std::optional<Tree> tree = Tree::restore(UINT64_MAX, edge);
    ASSERT_TRUE(tree);
    const std::vector<Tile> given = tree->right_edge();
    ASSERT_EQ(given.size(), edge.size());
    for (size_t i = 0; i < given.size(); ++i) EXPECT_EQ(given[i].index, edge[i].index) << "level " << i;
    edge[0].index -= 1;
    EXPECT_FALSE(Tree::restore(UINT64_MAX, edge));
}

TEST(Merkle, AnyLeafAndAnyOrderMattersToTheRoot) {
    const std::vector<Hash> leaves = numbered_leaves(300);
    const Hash root = defined_root(leaves);
    for (const size_t i : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{298}}) {
        Tree changed;
        Tree swapped;
        for (size_t k = 0; k < leaves.size(); ++k) {
            Hash leaf = leaves[k];
            if (k == i) leaf[31] ^= std::byte{1};
            changed.append(leaf);
            swapped.append(leaves[k == i ? i + 1 : k == i + 1 ? i : k]);
        }
        EXPECT_NE(changed.root(), root);
        EXPECT_NE(swapped.root(), root);
    }
    EXPECT_NE(leaf_hash({}), sha256(std::span<const std::byte>{})) << "leaves and nodes are kept apart";
    EXPECT_NE(node_hash(leaves[0], leaves[1]), node_hash(leaves[1], leaves[0]));
}

}  // namespace
}  // namespace upline::merkle
