// SPDX-License-Identifier: Apache-2.0
// Proof files and consistency proofs: what parses prints the same, and no proof shows of a known tree what is not so.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ledger/core/closing.h"
#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/proof/proof_text.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

namespace {

// The tree that the seeds have proofs of: leaf i is the one byte i.
constexpr size_t kLeaves = 7;
Hash leaf(size_t i) {
    const std::array byte{static_cast<std::byte>(i)};
    return merkle::leaf_hash(byte);
}
Hash root_of_first(size_t count) {
    std::vector<Hash> leaves;
    for (size_t i = 0; i < count; ++i) leaves.push_back(leaf(i));
    return merkle::root_of(leaves);
}

std::string printed(const ProofFile& file) {
    std::string text = file.balance ? to_string(*file.balance) : "";
    for (const TlogProof& proof : file.entries) text += to_string(proof);
    return text;
}

void check_proof_file(std::string_view bytes) {
    const auto file = parse_proof_file(bytes);
    if (!file.ok()) return;
    const std::string text = printed(*file);
    // An `extra` line may be there and empty, which is not printed.
    UPLINE_CHECK(text == bytes || bytes.find("extra \n") != std::string_view::npos, "a proof file has one form");
    const auto again = parse_proof_file(text);
    UPLINE_CHECK(again.ok() && printed(*again) == text, "a proof file says what it was made of");

    const Hash root = root_of_first(kLeaves);
    for (const TlogProof& proof : file->entries) {
        UPLINE_CHECK(proof.hashes.size() <= kMaxProofHashes, "no proof is as long");
        if (merkle::verify_inclusion(merkle::leaf_hash(proof.extra), proof.index, kLeaves, proof.hashes, root))
            UPLINE_CHECK(proof.index < kLeaves && merkle::leaf_hash(proof.extra) == leaf(proof.index),
                         "no proof of an entry that is not there");
    }
    if (file->balance) {
        (void)parse_balance_leaf(file->balance->leaf);
        const bool shown = merkle::verify_inclusion(merkle::leaf_hash(file->balance->leaf), file->balance->index,
                                                    kLeaves, file->balance->hashes, root);
        UPLINE_CHECK(!shown || file->balance->leaf.size() == 1, "no proof of a balance that is not there");
    }
}

void check_consistency_proof(std::string_view bytes) {
    const auto proof = parse_consistency_proof(bytes);
    if (!proof.ok()) return;
    UPLINE_CHECK(is_consistency_proof(bytes) && to_string(*proof) == bytes, "a consistency proof has one form");
    const auto parsed = parse_checkpoint(proof->checkpoint);
    if (!parsed.ok()) return;
    const Checkpoint& shown = parsed->checkpoint;
    if (merkle::verify_consistency(shown.size, shown.root, kLeaves, root_of_first(kLeaves), proof->hashes))
        UPLINE_CHECK(shown.size <= kLeaves && shown.root == root_of_first(shown.size), "no proof of another past");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes = fuzz::text_of(data, size);
    check_proof_file(bytes);
    check_consistency_proof(bytes);
    return 0;
}
