// SPDX-License-Identifier: Apache-2.0
// Checkpoints that a ledger must be an extension of: those that lie with its data, and those an auditor has kept.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/proof/checkpoint.h"
#include "tools/audit/findings.h"
#include "tools/audit/independent/tree.h"

namespace upline {

struct HeldCheckpoint {
    std::string name;  // for people: where it comes from
    Checkpoint checkpoint;
    bool is_old = false;  // given by the auditor (--since), not found with the ledger
    bool is_own = false;  // no checkpoint: what the ledger says of itself at an earlier size
};
struct HeldCheckpoints {
    std::vector<HeldCheckpoint> checkpoints;
    std::vector<Finding> findings;         // of reading them
    std::vector<std::string> not_checked;  // signatures without a key
    std::vector<std::string> signers;      // whose signatures were checked
};

// What is wrong with a checkpoint's signatures, or nothing: one of the keys that are of its origin must have signed it,
// and no signature that claims to be of one of the keys, a witness's among them, may be wrong. Adds the signers whose
// signatures are right.
std::optional<std::string> check_signatures(const SignedCheckpoint& checkpoint,
                                            std::span<const note::VerifierKey> vkeys,
                                            std::vector<std::string>& signers);

// Those that lie with a ledger's data, and those of `since` that are of its origin. With `vkeys`, each must be signed
// by one of them that is of its origin; a wrong signature of any of them is a finding.
Result<HeldCheckpoints> read_checkpoints(const std::string& data, uint32_t partition,
                                         std::span<const note::VerifierKey> vkeys,
                                         std::span<const HeldCheckpoint> since);

// The roots that the auditor's tree has at the sizes of checkpoints. Not thread-safe.
class CheckpointRoots {
  public:
    explicit CheckpointRoots(std::vector<HeldCheckpoint> checkpoints);

    // Takes the tree's root if it has the size of a checkpoint. REQUIRES: called at each of those sizes.
    void note(const AuditTree& tree);
    // Whether a checkpoint, whose root is not noted yet, is of fewer entries than `size`.
    bool has_one_below(uint64_t size) const;

    // The checkpoints that the tree extends; the others are findings. REQUIRES: the tree of all entries, noted.
    std::vector<const HeldCheckpoint*> extended(uint64_t size, Findings& findings) const;

  private:
    std::vector<HeldCheckpoint> checkpoints_;  // by size
    std::vector<Hash> roots_;                  // of the tree at those sizes, as far as it has come
};

}  // namespace upline
