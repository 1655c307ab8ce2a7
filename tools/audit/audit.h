// SPDX-License-Identifier: Apache-2.0
// The auditor: checks a shard's ledger against itself and, given the event log, against the log. It believes nothing
// that is stored: it hashes every entry again, builds the tree again, executes the facts again, works out each amount
// from the plan by its own few lines, adds balances up from postings by its own books, and folds the read models anew.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "events/log/event_log.h"
#include "ledger/proof/checkpoint.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct Finding {
    std::optional<Sequence> entry;  // the first wrong one, if it is an entry that is wrong
    std::string what;
};

// Checkpoints the ledger must be an extension of.
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
// and no signature that claims to be of one of the keys, a witness's among them, may be wrong. Adds whose were right.
std::optional<std::string> check_signatures(const SignedCheckpoint& checkpoint,
                                            std::span<const note::VerifierKey> vkeys,
                                            std::vector<std::string>& signers);

// Those that lie with a ledger's data, and those of `since` that are of its origin. With `vkeys`, each must be signed
// by one of them that is of its origin; a wrong signature of any of them is a finding.
Result<HeldCheckpoints> read_checkpoints(const std::string& data, uint32_t partition,
                                         std::span<const note::VerifierKey> vkeys,
                                         std::span<const HeldCheckpoint> since);

struct AuditReport {
    uint32_t partition = 0;
    uint64_t size = 0;
    Hash root{};                    // of the entries as they are
    std::vector<Finding> findings;  // those of entries first, in their order; not all of a long list
    std::vector<std::string> not_checked;
    std::vector<std::string> read_models;  // those that were there and checked
    size_t checkpoints = 0;                // that the ledger extends
    std::vector<std::string> signers;      // of them
    bool extends_old = false;              // also one that the auditor gave
};

// An error is something that kept it from checking; what is wrong with the ledger is a finding.
Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints checkpoints = {});

}  // namespace upline
