// SPDX-License-Identifier: Apache-2.0
// The texts that proofs travel in.
//
// That an entry is in the log: C2SP tlog-proof, whose `extra` line holds the entry's bytes, so that the file is all one
// needs. A user's line is two of them, one after another: of the entry, and of the signup that says whose sequence the
// entry credits.
//
// That a log has only grown: there is no C2SP file format for it, so it is the body of tlog-witness's add-checkpoint:
// the old size, the consistency proof, and the newer checkpoint.
//
// A balance at a closing: a tlog-proof cannot say it, for the tree over the balances has no checkpoint of its own; its
// root stands in the entry of the BooksClosed. So these lines, and after the first empty one a tlog-proof of that
// entry:
//
//     upline.balance-proof@v1
//     leaf BASE64            the balance (ledger/core/closing.h)
//     index N                its number among the program's balances
//     BASE64 ...             its inclusion proof, from the sibling up
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "ledger/proof/sha256.h"

namespace upline {

inline constexpr size_t kMaxProofHashes = 64;
inline constexpr size_t kMaxProofBytes = 1 << 20;

struct TlogProof {
    std::vector<std::byte> extra;  // may be empty
    uint64_t index = 0;
    std::vector<Hash> hashes;
    std::string checkpoint;  // a signed note, verbatim
};
std::string to_string(const TlogProof& proof);

struct BalanceProof {
    std::vector<std::byte> leaf;
    uint64_t index = 0;
    std::vector<Hash> hashes;
};
std::string to_string(const BalanceProof& proof);

// What a proof file holds: one proof of an entry, or two of a user's line, or one below a balance.
struct ProofFile {
    std::optional<BalanceProof> balance;
    std::vector<TlogProof> entries;
};
// Form only. kInvalid names the line and what was expected.
Result<ProofFile> parse_proof_file(std::string_view bytes);

// The body of add-checkpoint, and what `upline prove consistency` writes.
struct ConsistencyProof {
    uint64_t old_size = 0;
    std::vector<Hash> hashes;
    std::string checkpoint;
};
std::string to_string(const ConsistencyProof& proof);
Result<ConsistencyProof> parse_consistency_proof(std::string_view bytes);
bool is_consistency_proof(std::string_view bytes);

}  // namespace upline
