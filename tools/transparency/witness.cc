// SPDX-License-Identifier: Apache-2.0
#include "tools/transparency/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/proof/proof_text.h"

namespace upline {

Result<std::unique_ptr<Witness>> Witness::open(const std::filesystem::path& folder, note::SigningKey key,
                                               std::vector<note::VerifierKey> logs, std::function<uint64_t()> unix_time,
                                               FileSystem& files) {
    if (key.type != note::KeyType::kCosignature)
        return Error{ErrorCode::kInvalid, "a witness signs with a key that `upline key new --witness` makes"};
    for (const note::VerifierKey& log : logs)
        if (log.type != note::KeyType::kEd25519)
            return Error{ErrorCode::kInvalid, fmt::format("{} is the key of a witness, not of a log", log.name)};
    UPLINE_TRY(make_folders(folder, files));
    UPLINE_TRY(sync_folder(folder.parent_path(), files));
    Result<Fd> lock = lock_file(folder / "LOCK", false, files);
    if (!lock.ok() && lock.error().code == ErrorCode::kConflict)
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: another witness uses this folder; two would not know of each other's signatures",
                                 folder.native())};
    if (!lock.ok()) return lock.error();
    return std::unique_ptr<Witness>(
        new Witness(folder, std::move(*lock), std::move(key), std::move(logs), std::move(unix_time), files));
}

// Named by a hash: an origin may hold any character.
std::filesystem::path Witness::file_of(const std::string& origin) const {
    return folder_ / to_hex(sha256(std::as_bytes(std::span(origin))));
}

Witness::Answer Witness::add_checkpoint(std::string_view request) {
    const auto proof = parse_consistency_proof(request);
    if (!proof.ok()) return {400, proof.error().message + "\n"};
    const auto parsed = parse_checkpoint(proof->checkpoint);
    if (!parsed.ok()) return {400, parsed.error().message + "\n"};
    const Checkpoint& checkpoint = parsed->checkpoint;

    std::vector<note::VerifierKey> keys;
    std::ranges::copy_if(logs_, std::back_inserter(keys),
                         [&](const note::VerifierKey& key) { return key.name == checkpoint.origin; });
    if (keys.empty()) return {404, "this witness does not know that log\n"};
    if (const auto verified = note::verify(parsed->note, keys); !verified.ok())
        return {403, verified.error().message + "\n"};
    if (proof->old_size > checkpoint.size) return {400, "the old size is above the checkpoint's\n"};

    const std::lock_guard lock(mutex_);
    Checkpoint last{checkpoint.origin, 0, merkle::empty_root()};
    const std::filesystem::path file = file_of(checkpoint.origin);
    const auto kept = read_file(file, note::kMaxNoteBytes, files_);
    if (kept.ok()) {
        const auto kept_checkpoint = parse_checkpoint(*kept);
        if (!kept_checkpoint.ok() || kept_checkpoint->checkpoint.origin != checkpoint.origin)
            return {500, "what this witness has kept of that log is damaged\n"};
        last = kept_checkpoint->checkpoint;
    } else if (kept.error().code != ErrorCode::kNotFound) {
        return {500, kept.error().message + "\n"};
    }
    if (proof->old_size != last.size) return {409, fmt::format("{}\n", last.size), "text/x.tlog.size"};
    if (checkpoint.size == last.size && checkpoint.root != last.root)
        return {409, "another root of that size was cosigned\n"};
    if (!merkle::verify_consistency(last.size, last.root, checkpoint.size, checkpoint.root, proof->hashes))
        return {422, "the checkpoint is not shown to extend the last one that was cosigned\n"};

    const note::Signature cosignature = note::sign(parsed->note.text, key_, unix_time_());
    note::Note cosigned{parsed->note.text, {cosignature}};
    if (const Status written = write_file(file, note::to_string(cosigned), 0644, files_); !written.ok())
        return {500, written.error().message + "\n"};
    return {200, to_line(cosignature)};
}

}  // namespace upline
