// SPDX-License-Identifier: Apache-2.0
// Prints the root of trees of 0 to 300 leaves, and all proofs in them, for other implementations to be held against
// (tests/interop). Leaf i is the number i in eight bytes, big-endian. Proofs come from tiles, as those of a ledger do.
#include <fmt/format.h>

#include <vector>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/proof/merkle_proof.h"

namespace upline {
namespace {

std::string hex_list(const std::vector<Hash>& hashes) {
    std::string text;
    for (const Hash& hash : hashes) text += (text.empty() ? "" : ",") + to_hex(hash);
    return text.empty() ? "-" : text;
}

}  // namespace
}  // namespace upline

int main() {
    using namespace upline;
    constexpr uint64_t kMax = 300;
    merkle::Tree tree;
    std::map<std::pair<unsigned, uint64_t>, merkle::Tile> tiles;
    for (uint64_t size = 0; size <= kMax; ++size) {
        for (merkle::Tile& tile : tree.take_changed_tiles()) tiles[{tile.level, tile.index}] = tile;
        fmt::print("root {} {}\n", size, to_hex(tree.root()));
        merkle::Prover prover(size, [&](unsigned level, uint64_t index) -> Result<merkle::Tile> {
            return tiles.at({level, index});
        });
        for (uint64_t i = 0; i < size; ++i) {
            const auto proof = prover.inclusion(i);
            UPLINE_CHECK(proof.ok(), "tiles in memory can be read");
            fmt::print("inclusion {} {} {}\n", i, size, hex_list(*proof));
        }
        for (uint64_t old = 1; old <= size; ++old) {
            const auto proof = prover.consistency(old);
            UPLINE_CHECK(proof.ok(), "tiles in memory can be read");
            fmt::print("consistency {} {} {}\n", old, size, hex_list(*proof));
        }
        std::array<std::byte, 8> leaf;
        for (unsigned i = 0; i < 8; ++i) leaf[i] = static_cast<std::byte>(size >> (56 - 8 * i));
        tree.append(merkle::leaf_hash(leaf));
    }
    return 0;
}
