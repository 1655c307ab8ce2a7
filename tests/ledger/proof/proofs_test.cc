// SPDX-License-Identifier: Apache-2.0
// Proofs: those made are the published ones of other implementations, every one is taken, and nothing else is.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/proof/base64.h"
#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/proof/proof_text.h"
#include "tests/ledger/proof/known_answers.h"

namespace upline::merkle {
namespace {

Hash leaf_of(std::string_view text) {
    return leaf_hash(std::as_bytes(std::span(text)));
}

class Forest {
  public:
    // Trees of the first leaves, read from the tiles of the largest.
    explicit Forest(const std::vector<Hash>& leaves) : leaves_(leaves) {
        roots_.push_back(tree_.root());
        for (const Hash& leaf : leaves) {
            tree_.append(leaf);
            roots_.push_back(tree_.root());
        }
        for (Tile& tile : tree_.take_changed_tiles()) tiles_[{tile.level, tile.index}] = std::move(tile);
    }
    Prover prover(uint64_t size) const {
        return {size, [this](unsigned level, uint64_t index) -> Result<Tile> {
                    const auto found = tiles_.find({level, index});
                    if (found == tiles_.end()) return Error{ErrorCode::kNotFound, "no such tile"};
                    return found->second;
                }};
    }
    const Hash& leaf(uint64_t i) const { return leaves_[i]; }
    const Hash& root(uint64_t size) const { return roots_[size]; }
    uint64_t size() const { return leaves_.size(); }

  private:
    std::vector<Hash> leaves_;
    Tree tree_;
    std::map<std::pair<unsigned, uint64_t>, Tile> tiles_;
    std::vector<Hash> roots_;
};

Forest numbered(uint64_t size) {
    std::vector<Hash> leaves;
    for (uint64_t i = 0; i < size; ++i) leaves.push_back(leaf_of(std::to_string(i)));
    return Forest(leaves);
}

std::vector<Hash> take(Result<std::vector<Hash>> proof) {
    EXPECT_TRUE(proof.ok());
    return proof.ok() ? *proof : std::vector<Hash>{};
}

std::vector<std::string> hex(const std::vector<Hash>& hashes) {
    std::vector<std::string> text;
    text.reserve(hashes.size());
    for (const Hash& hash : hashes) text.push_back(to_hex(hash));
    return text;
}

TEST(GoldenProofs, AreThoseOfTheKnownAnswersOfRfc6962) {
    std::vector<Hash> leaves;
    for (const std::string_view leaf : kKnownLeaves) leaves.push_back(leaf_hash(*from_hex(leaf)));
    const Forest forest(leaves);
    for (size_t i = 0; i < std::size(kKnownRoots); ++i) {
        EXPECT_EQ(to_hex(forest.root(i)), kKnownRoots[i]);
        const auto root = forest.prover(i).root();
        ASSERT_TRUE(root.ok());
        EXPECT_EQ(to_hex(*root), kKnownRoots[i]);
    }
    const std::string one = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const std::string two_to_three = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const std::string four_to_seven = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const std::string four = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const std::string six_to_seven = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
    using Texts = std::vector<std::string>;
    EXPECT_EQ(hex(take(forest.prover(1).inclusion(0))), Texts{});
    EXPECT_EQ(hex(take(forest.prover(8).inclusion(0))), (Texts{one, two_to_three, four_to_seven}));
    EXPECT_EQ(hex(take(forest.prover(8).inclusion(5))), (Texts{four, six_to_seven, std::string(kKnownRoots[4])}));
    EXPECT_EQ(hex(take(forest.prover(3).inclusion(2))), (Texts{std::string(kKnownRoots[2])}));
    EXPECT_EQ(hex(take(forest.prover(5).inclusion(1))), (Texts{std::string(kKnownRoots[1]), two_to_three, four}));
    EXPECT_EQ(hex(take(forest.prover(8).consistency(1))), (Texts{one, two_to_three, four_to_seven}));
    EXPECT_EQ(hex(take(forest.prover(8).consistency(6))),
              (Texts{"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", six_to_seven,
                     std::string(kKnownRoots[4])}));
    EXPECT_EQ(hex(take(forest.prover(5).consistency(2))), (Texts{two_to_three, four}));
}

TEST(Proofs, OfEveryEntryInEveryTreeAreTakenAndNothingElseIs) {
    const Forest forest = numbered(70);
    for (uint64_t size = 1; size <= forest.size(); ++size) {
        Prover prover = forest.prover(size);
        for (uint64_t i = 0; i < size; ++i) {
            std::vector<Hash> proof = take(prover.inclusion(i));
            ASSERT_TRUE(verify_inclusion(forest.leaf(i), i, size, proof, forest.root(size))) << i << " of " << size;
            for (uint64_t other = 0; other < size + 2; ++other)
                ASSERT_EQ(verify_inclusion(forest.leaf(i), other, size, proof, forest.root(size)), other == i);
            for (uint64_t other = 0; other < forest.size(); ++other)
                ASSERT_EQ(verify_inclusion(forest.leaf(other), i, size, proof, forest.root(size)), other == i);
            for (Hash& hash : proof) {
                hash[31] ^= std::byte{1};
                ASSERT_FALSE(verify_inclusion(forest.leaf(i), i, size, proof, forest.root(size)));
                hash[31] ^= std::byte{1};
            }
            proof.push_back(forest.leaf(i));
            ASSERT_FALSE(verify_inclusion(forest.leaf(i), i, size, proof, forest.root(size)));
            proof.pop_back();
            if (proof.empty()) continue;
            proof.pop_back();
            ASSERT_FALSE(verify_inclusion(forest.leaf(i), i, size, proof, forest.root(size)));
        }
    }
}

TEST(Proofs, OfEveryEarlierTreeAreTakenAndNothingElseIs) {
    const Forest forest = numbered(70);
    for (uint64_t size = 0; size <= forest.size(); ++size) {
        for (uint64_t old = 0; old <= size; ++old) {
            std::vector<Hash> proof = take(forest.prover(size).consistency(old));
            ASSERT_TRUE(verify_consistency(old, forest.root(old), size, forest.root(size), proof))
                << old << ' ' << size;
            Hash forked = forest.root(old);
            forked[0] ^= std::byte{1};
            ASSERT_FALSE(verify_consistency(old, forked, size, forest.root(size), proof));
            Hash changed = forest.root(size);
            changed[0] ^= std::byte{1};
            ASSERT_EQ(verify_consistency(old, forest.root(old), size, changed, proof), old == 0 && size > 0);
            for (Hash& hash : proof) {
                hash[5] ^= std::byte{1};
                ASSERT_FALSE(verify_consistency(old, forest.root(old), size, forest.root(size), proof));
                hash[5] ^= std::byte{1};
            }
            proof.push_back(forest.root(size));
            ASSERT_FALSE(verify_consistency(old, forest.root(old), size, forest.root(size), proof));
        }
        ASSERT_FALSE(verify_consistency(size + 1, forest.root(size), size, forest.root(size), {}));
    }
}

TEST(Proofs, CrossTheBordersOfTiles) {
    const Forest forest = numbered(66'000);
    const uint64_t sizes[] = {255, 256, 257, 511, 512, 513, 65'535, 65'536, 65'537, 65'793, 66'000};
    for (const uint64_t size : sizes) {
        Prover prover = forest.prover(size);
        const auto root = prover.root();
        ASSERT_TRUE(root.ok());
        ASSERT_EQ(*root, forest.root(size));
        for (const uint64_t i : {uint64_t{0}, uint64_t{254}, size / 2, size - 1})
            ASSERT_TRUE(verify_inclusion(forest.leaf(i), i, size, take(prover.inclusion(i)), forest.root(size)));
        for (const uint64_t old : sizes) {
            if (old > size) continue;
            ASSERT_TRUE(
                verify_consistency(old, forest.root(old), size, forest.root(size), take(prover.consistency(old))));
        }
    }
}

TEST(Proofs, InMemoryAreThoseFromTiles) {
    const Forest forest = numbered(300);
    std::vector<Hash> leaves;
    for (uint64_t size = 1; size <= forest.size(); ++size) {
        leaves.push_back(forest.leaf(size - 1));
        for (const uint64_t i : {uint64_t{0}, size / 3, size - 1})
            ASSERT_EQ(path_of(leaves, i), take(forest.prover(size).inclusion(i)));
    }
}

TEST(Proofs, TilesThatAreTooShortAreAnErrorAndNoProof) {
    Prover prover(300, [](unsigned level, uint64_t index) -> Result<Tile> {
        return Tile{level, index, std::vector<Hash>(2)};
    });
    EXPECT_FALSE(prover.root().ok());
    EXPECT_FALSE(prover.inclusion(7).ok());
    EXPECT_FALSE(prover.consistency(256).ok());
}

}  // namespace
}  // namespace upline::merkle

namespace upline {
namespace {

constexpr std::string_view kNote =
    "example.com/0\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n\u2014 a AAAAAAA=\n";

TEST(ProofText, WhatIsWrittenIsRead) {
    TlogProof proof;
    proof.extra = {std::byte{1}, std::byte{2}};
    proof.index = 7;
    proof.hashes = {sha256({}), sha256(std::array{std::byte{1}})};
    proof.checkpoint = kNote;
    auto read = parse_proof_file(to_string(proof));
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_EQ(read->entries.size(), 1U);
    EXPECT_FALSE(read->balance);
    EXPECT_EQ(to_string(read->entries[0]), to_string(proof));

    read = parse_proof_file(to_string(proof) + to_string(proof));
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_EQ(read->entries.size(), 2U);
    EXPECT_EQ(to_string(read->entries[1]), to_string(proof));
    EXPECT_FALSE(parse_proof_file(to_string(proof) + to_string(proof) + to_string(proof)).ok());

    BalanceProof balance{{std::byte{9}}, 12, {sha256({})}};
    read = parse_proof_file(to_string(balance) + to_string(proof));
    ASSERT_TRUE(read.ok()) << read.error().message;
    ASSERT_TRUE(read->balance);
    EXPECT_EQ(to_string(*read->balance), to_string(balance));
    EXPECT_FALSE(parse_proof_file(to_string(balance) + to_string(proof) + to_string(proof)).ok());

    ConsistencyProof consistency{12, proof.hashes, std::string(kNote)};
    const auto again = parse_consistency_proof(to_string(consistency));
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(to_string(*again), to_string(consistency));
}

TEST(ProofText, WhatIsWrongIsToldByLine) {
    const std::string hash = to_base64(sha256({}));
    const std::string note(kNote);
    const std::pair<std::string, std::string> cases[] = {
        {"", "line 1: expected \"c2sp.org/tlog-proof@v1\""},
        {"c2sp.org/tlog-proof@v2\n", "line 1: expected \"c2sp.org/tlog-proof@v1\""},
        {"c2sp.org/tlog-proof@v1\nextra ?\n", "line 2: expected base64 after \"extra\""},
        {"c2sp.org/tlog-proof@v1\nindex 07\n", "line 2: expected \"index\" and a number"},
        {"c2sp.org/tlog-proof@v1\nindex -1\n", "line 2: expected \"index\" and a number"},
        {"c2sp.org/tlog-proof@v1\nindex 18446744073709551616\n", "line 2: expected \"index\" and a number"},
        {"c2sp.org/tlog-proof@v1\nindex 7\n" + hash + "\n", "line 3: expected an empty line after the hashes"},
        {"c2sp.org/tlog-proof@v1\nindex 7\n" + hash.substr(1) + "\n\n" + note,
         "line 3: expected the base64 of a hash, or an empty line"},
        {"c2sp.org/tlog-proof@v1\nindex 7\n\n", "line 3: expected a checkpoint"},
        {"upline.balance-proof@v1\nindex 7\n", "line 1: expected \"leaf\" and base64"},
        {"upline.balance-proof@v1\nleaf AA==\nindex 7\n\n", "line 5: expected \"c2sp.org/tlog-proof@v1\""},
        {std::string(kMaxProofBytes + 1, 'a'), "more than 1048576 bytes: no proof is as long"},
    };
    for (const auto& [text, message] : cases) {
        const auto read = parse_proof_file(text);
        ASSERT_FALSE(read.ok()) << text;
        EXPECT_NE(read.error().message.find(message), std::string::npos) << read.error().message;
    }
    std::string long_one = "c2sp.org/tlog-proof@v1\nindex 7\n";
    for (int i = 0; i < 65; ++i) long_one += hash + "\n";
    EXPECT_FALSE(parse_proof_file(long_one + "\n" + note).ok());
    for (const char* text : {"", "old x\n\n", "old 1\n", "old 1\n\n", "old 1\nAA==\n\nx"})
        EXPECT_FALSE(parse_consistency_proof(text).ok()) << text;
}

TEST(Base64, HasOneTextForEachSequenceOfBytes) {
    std::mt19937_64 random(7);
    for (size_t size = 0; size < 70; ++size) {
        std::vector<std::byte> bytes(size);
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        const auto again = from_base64(to_base64(bytes));
        ASSERT_TRUE(again);
        EXPECT_EQ(*again, bytes);
    }
    for (const char* text : {"A", "AA", "AAA", "AA=A", "AB==", "AAB=", "AA==AA==", " AAA",
                             "AA\n=", "AA=", "====", "A===", "AA-_", "AAAA=", "\xff\xff\xff\xff"})
        EXPECT_FALSE(from_base64(text)) << text;
}

}  // namespace
}  // namespace upline
