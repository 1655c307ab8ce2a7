// SPDX-License-Identifier: Apache-2.0
// The checkpoints a ledger has signed: a signed note for each size, in a file of its own that is kept for ever,
// DATA/checkpoints/PARTITION/SIZE. They are plain files: a person, a web server or a backup can take them, and a
// command can sign while a writer runs.
//
// A ledger never signs two pasts: it signs only what is on the disk and extends the last checkpoint there.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "events/base/file_system.h"
#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/store/store.h"

namespace upline {

// The origin of a partition's log, and the name of the key that signs it.
std::string origin_of(std::string_view name, uint32_t partition);

struct KeyNewArgs;
// Writes a pair of files, the private one readable by its owner alone; returns the verifier lines. kConflict if either
// file exists.
Result<std::string> write_new_key(const KeyNewArgs& args);

// Private keys as `upline key new` writes them, a line for each partition. kInvalid says what is wrong with the file.
Result<std::vector<note::SigningKey>> read_signing_keys(const std::string& file);
// The key whose name is NAME/PARTITION. kInvalid if there is none.
Result<note::SigningKey> key_of_partition(std::span<const note::SigningKey> keys, uint32_t partition);
// Each is a verifier line, or a file of such lines.
Result<std::vector<note::VerifierKey>> read_verifier_keys(std::span<const std::string> lines_or_files);

// Thread-safe, also against other processes: adding takes the lock of the folder.
class Checkpoints {
  public:
    Checkpoints(const std::filesystem::path& data, uint32_t partition, FileSystem& files = FileSystem::real());

    // All sizes that were signed, ascending.
    Result<std::vector<uint64_t>> sizes() const;
    // Checks the form only. kCorrupt if the file is not a checkpoint of that size.
    Result<SignedCheckpoint> read(uint64_t size) const;
    // The largest; kNotFound says how to sign one.
    Result<SignedCheckpoint> latest() const;

    // Signs the ledger as it is now, or adds its signature to the checkpoint of this size. `key` has the log's origin
    // as its name. kCorrupt, and nothing is signed, if the ledger is not an extension of the last checkpoint.
    Result<SignedCheckpoint> sign(Store& store, const note::SigningKey& key);
    // Adds a verified signature, in place of an earlier one of the same key.
    Result<SignedCheckpoint> add_signature(uint64_t size, const note::Signature& signature);

    uint32_t partition() const { return partition_; }

  private:
    Result<Fd> lock() const;
    Status write(const SignedCheckpoint& checkpoint) const;

    std::filesystem::path folder_;
    uint32_t partition_;
    FileSystem& files_;
};

// The latest checkpoint, after the reader's store has caught up with what it covers.
Result<SignedCheckpoint> latest_and_catch_up(const Checkpoints& checkpoints, Store& store);

// Signs with the key of the partition; without keys, returns the latest checkpoint.
Result<SignedCheckpoint> sign_or_latest(Checkpoints& checkpoints, Store& store, std::span<const note::SigningKey> keys);

// Proofs in a ledger's tree of that size. REQUIRES: the store outlives it.
merkle::Prover prover_of(Store& store, uint64_t size);

}  // namespace upline
