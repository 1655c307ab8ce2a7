// SPDX-License-Identifier: Apache-2.0
// The checkpoints a ledger has signed: one signed note in a file of its own for each size, kept for ever, in
// DATA/checkpoints/PARTITION/SIZE. Plain files, so that a person, a web server or a backup can take them, and a command
// can sign beside a writer.
//
// What keeps a ledger from signing two pasts: it signs nothing that is not an extension of the last checkpoint there,
// and only what is on the disk.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/store/store.h"

namespace upline {

// The origin of a partition's log, and the name of the key that signs it.
std::string origin_of(std::string_view name, uint32_t partition);

struct KeyNewArgs;
// Writes a pair of files, the private one for its owner's eyes; returns the verifier lines. kConflict if either is
// there.
Result<std::string> write_new_key(const KeyNewArgs& args);

// Private keys as `upline key new` writes them, a line for each partition. kInvalid says what is wrong with the file.
Result<std::vector<note::SigningKey>> read_signing_keys(const std::string& file);
// The one whose name is NAME/PARTITION. kInvalid if none is.
Result<note::SigningKey> key_of_partition(std::span<const note::SigningKey> keys, uint32_t partition);
// Each is a verifier line, or a file of such lines.
Result<std::vector<note::VerifierKey>> read_verifier_keys(std::span<const std::string> lines_or_files);

class Checkpoints {
  public:
    Checkpoints(const std::filesystem::path& data, uint32_t partition);

    // The sizes there are, ascending.
    Result<std::vector<uint64_t>> sizes() const;
    // Form only. kCorrupt if the file is not a checkpoint of that size.
    Result<SignedCheckpoint> read(uint64_t size) const;
    // The largest; kNotFound says how to sign one.
    Result<SignedCheckpoint> latest() const;

    // Signs the ledger as it is now, or adds its signature to the checkpoint of this size. `key` has the log's origin
    // as its name. kCorrupt, and nothing is signed, if the ledger is not an extension of the last checkpoint.
    Result<SignedCheckpoint> sign(Store& store, const note::SigningKey& key);
    // Adds a signature that was verified, in place of an earlier one of the same key.
    Result<SignedCheckpoint> add_signature(uint64_t size, const note::Signature& signature);

    uint32_t partition() const { return partition_; }

  private:
    Status write(const SignedCheckpoint& checkpoint) const;

    std::filesystem::path folder_;
    uint32_t partition_;
};

// The latest checkpoint, and a reader's store that has come to see at least what it covers.
Result<SignedCheckpoint> latest_and_catch_up(const Checkpoints& checkpoints, Store& store);

// Signs with the key of the partition; without keys, the latest that was signed.
Result<SignedCheckpoint> sign_or_latest(Checkpoints& checkpoints, Store& store, std::span<const note::SigningKey> keys);

// Proofs in a ledger's tree of that size. REQUIRES: the store outlives it.
merkle::Prover prover_of(Store& store, uint64_t size);

}  // namespace upline
