// SPDX-License-Identifier: Apache-2.0
// Tiles of hashes, as the database holds them and other logs publish them: wrong ones lead to an error or to hashes
// that prove nothing, whatever the tree's size is said to be.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "ledger/proof/merkle.h"
#include "ledger/proof/merkle_proof.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;
using merkle::Tile;

namespace {

using Tiles = std::map<std::pair<unsigned, uint64_t>, Tile>;

merkle::Prover prover_of(uint64_t size, const Tiles& tiles) {
    return {size, [&tiles](unsigned level, uint64_t index) -> Result<Tile> {
                const auto tile = tiles.find({level, index});
                if (tile == tiles.end()) return Error{ErrorCode::kNotFound, "no such tile"};
                return tile->second;
            }};
}

// A tree of any size by its right edge alone, a few of whose tiles are not as they should be.
void check_edge(fuzz::Input& in) {
    const auto size = in.take<uint64_t>();
    std::vector<Tile> edge;
    Tiles tiles;
    bool wrong = false;
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = size >> (merkle::kTileHeight * level);
        const uint64_t index = hashes / merkle::kTileWidth;
        const uint64_t width = hashes % merkle::kTileWidth;
        UPLINE_CHECK(merkle::tile_width(size, level, index) == width, "the last tile has what is left");
        const auto any = in.take<uint64_t>();
        UPLINE_CHECK((merkle::tile_width(size, level, any) == 0) == (any > index || (any == index && width == 0)),
                     "a tile is there exactly up to the last");
        if (width == 0) continue;
        // A few are of another width, level or index.
        const auto change = in.take<uint8_t>();
        Tile tile{level, index, std::vector<Hash>(width)};
        if (change == 1) tile.hashes.resize(in.take<uint8_t>());
        if (change == 2) tile.level = in.take<uint8_t>();
        if (change == 3) tile.index = in.take<uint64_t>();
        for (Hash& hash : tile.hashes) hash[0] = in.take<std::byte>();
        wrong = wrong || tile.hashes.size() != width || tile.level != level || tile.index != index;
        tiles[{level, index}] = tile;
        edge.push_back(std::move(tile));
    }
    auto tree = merkle::Tree::restore(size, edge);
    UPLINE_CHECK(tree.has_value() != wrong, "a right edge is taken exactly if all its tiles are as they should be");
    const auto root = prover_of(size, tiles).root();
    if (tree) {
        UPLINE_CHECK(tree->size() == size && root.ok() && *root == tree->root(), "two ways to one root");
        const std::vector<Tile> again = tree->right_edge();
        UPLINE_CHECK(std::ranges::equal(again, edge,
                                        [](const Tile& a, const Tile& b) {
                                            return a.level == b.level && a.index == b.index && a.hashes == b.hashes;
                                        }),
                     "a tree gives back the right edge it was made of");
        if (size < UINT64_MAX) tree->append(Hash{});
    }
    if (size == 0) return;
    // Of tiles of which most are missing: an error, or a proof that is checked and found wanting.
    const uint64_t index = in.take<uint64_t>() % size;
    auto prover = prover_of(size, tiles);
    if (const auto path = prover.inclusion(index); path.ok() && root.ok())
        (void)merkle::verify_inclusion(Hash{}, index, size, *path, *root);
    if (const auto proof = prover.consistency(index); proof.ok() && root.ok())
        (void)merkle::verify_consistency(index, Hash{}, size, *root, *proof);
}

Hash leaf_number(uint64_t number) {
    return merkle::leaf_hash(std::as_bytes(std::span(&number, 1)));
}

// A true tree in one of whose tiles a bit is changed: what is then proven is true, or is not believed.
void check_changed_tile(fuzz::Input& in) {
    const uint64_t size = 1 + in.take<uint16_t>() % 300;
    merkle::Tree tree;
    merkle::Tree old_tree;
    const uint64_t index = in.take<uint16_t>() % size;
    for (uint64_t i = 0; i < size; ++i) {
        if (i == index) old_tree = tree;
        tree.append(leaf_number(i));
    }
    Tiles tiles;
    for (const Tile& tile : tree.take_changed_tiles()) tiles[{tile.level, tile.index}] = tile;
    const auto path = prover_of(size, tiles).inclusion(index);
    const auto proof = prover_of(size, tiles).consistency(index);
    UPLINE_CHECK(path.ok() && merkle::verify_inclusion(leaf_number(index), index, size, *path, tree.root()),
                 "a true proof is believed");
    UPLINE_CHECK(proof.ok() && merkle::verify_consistency(index, old_tree.root(), size, tree.root(), *proof),
                 "a true proof is believed");

    const auto number = static_cast<ptrdiff_t>(in.take<uint8_t>() % tiles.size());
    std::vector<Hash>& hashes = std::next(tiles.begin(), number)->second.hashes;
    Hash& changed = hashes[in.take<uint16_t>() % hashes.size()];
    changed[in.take<uint8_t>() % changed.size()] ^= std::byte{1};
    const auto changed_path = prover_of(size, tiles).inclusion(index);
    const auto changed_proof = prover_of(size, tiles).consistency(index);
    UPLINE_CHECK(changed_path.ok() && changed_proof.ok(), "the tiles are all there");
    UPLINE_CHECK(merkle::verify_inclusion(leaf_number(index), index, size, *changed_path, tree.root()) ==
                     (*changed_path == *path),
                 "a changed proof is not believed");
    UPLINE_CHECK(merkle::verify_consistency(index, old_tree.root(), size, tree.root(), *changed_proof) ==
                     (*changed_proof == *proof),
                 "a changed proof is not believed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    fuzz::Input in(data, size);
    if (in.take<uint8_t>() % 4 == 0)
        check_changed_tile(in);
    else
        check_edge(in);
    return 0;
}
