// SPDX-License-Identifier: Apache-2.0
#include "tools/transparency/checkpoints.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "ledger/store/ledger_reader.h"

namespace upline {
namespace {

constexpr size_t kMaxKeyBytes = 64 << 10;

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        if (end > 0 && text[0] != '#') lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

}  // namespace

std::string origin_of(std::string_view name, uint32_t partition) {
    return fmt::format("{}/{}", name, partition);
}

Result<std::vector<note::SigningKey>> read_signing_keys(const std::string& file) {
    UPLINE_TRY_ASSIGN(const std::string text, read_file(file, kMaxKeyBytes));
    std::vector<note::SigningKey> keys;
    for (const std::string_view line : lines_of(text)) {
        const auto key = note::parse_signing_key(line);
        if (!key.ok()) return Error{key.error().code, fmt::format("{}: {}", file, key.error().message)};
        keys.push_back(*key);
    }
    if (keys.empty())
        return Error{ErrorCode::kInvalid, fmt::format("{}: holds no key; `upline key new` makes one", file)};
    return keys;
}

Result<note::SigningKey> key_of_partition(std::span<const note::SigningKey> keys, uint32_t partition) {
    for (const note::SigningKey& key : keys)
        if (key.name.ends_with(fmt::format("/{}", partition))) return key;
    return Error{
        ErrorCode::kInvalid,
        fmt::format("the key file has no key for partition {}; `upline key new --partitions` makes one for each",
                    partition)};
}

Result<std::vector<note::VerifierKey>> read_verifier_keys(std::span<const std::string> lines_or_files) {
    std::vector<note::VerifierKey> keys;
    for (const std::string& given : lines_or_files) {
        auto key = note::parse_verifier_key(given);
        if (key.ok()) {
            keys.push_back(*key);
            continue;
        }
        const auto text = read_file(given, kMaxKeyBytes);
        if (!text.ok())
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is neither a verifier line ({}) nor a file of them",
                                                          given, key.error().message)};
        for (const std::string_view line : lines_of(*text)) {
            key = note::parse_verifier_key(line);
            if (!key.ok()) return Error{key.error().code, fmt::format("{}: {}", given, key.error().message)};
            keys.push_back(*key);
        }
    }
    return keys;
}

Checkpoints::Checkpoints(const std::filesystem::path& data, uint32_t partition, FileSystem& files)
    : folder_(data / "checkpoints" / fmt::format("{:05}", partition)), partition_(partition), files_(files) {}

Result<std::vector<uint64_t>> Checkpoints::sizes() const {
    std::vector<uint64_t> sizes;
    const auto names = list_folder(folder_, files_);
    if (!names.ok() && names.error().code == ErrorCode::kNotFound) return sizes;
    if (!names.ok()) return names.error();
    for (const std::string& name : *names)
        if (const auto size = parse_whole_number(name)) sizes.push_back(*size);
    std::ranges::sort(sizes);
    return sizes;
}

Result<SignedCheckpoint> Checkpoints::read(uint64_t size) const {
    const std::filesystem::path path = folder_ / std::to_string(size);
    UPLINE_TRY_ASSIGN(const std::string bytes, read_file(path, note::kMaxNoteBytes, files_));
    Result<SignedCheckpoint> read = parse_checkpoint(bytes);
    if (!read.ok())
        return Error{ErrorCode::kCorrupt, fmt::format("checkpoint {}: {}", path.native(), read.error().message)};
    if (read->checkpoint.size != size)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("checkpoint {}: it says size {}", path.native(), read->checkpoint.size)};
    return read;
}

Result<SignedCheckpoint> Checkpoints::latest() const {
    UPLINE_TRY_ASSIGN(const std::vector<uint64_t> sizes, this->sizes());
    if (sizes.empty())
        return Error{ErrorCode::kNotFound, fmt::format("no checkpoint of partition {} was signed yet: `upline "
                                                       "checkpoint` signs one",
                                                       partition_)};
    return read(sizes.back());
}

// Held while a checkpoint is added: two signers take turns. Folders are synced each time, not only when they are made:
// an earlier try may have failed between the two.
Result<Fd> Checkpoints::lock() const {
    UPLINE_TRY(make_folders(folder_, files_));
    UPLINE_TRY(sync_folder(folder_.parent_path(), files_));
    UPLINE_TRY(sync_folder(folder_.parent_path().parent_path(), files_));
    return lock_file(folder_ / "LOCK", true, files_);
}

Status Checkpoints::write(const SignedCheckpoint& checkpoint) const {
    return write_file(folder_ / std::to_string(checkpoint.checkpoint.size), note::to_string(checkpoint.note), 0644,
                      files_);
}

Result<SignedCheckpoint> Checkpoints::sign(Store& store, const note::SigningKey& key) {
    if (key.type != note::KeyType::kEd25519)
        return Error{ErrorCode::kInvalid, fmt::format("the key {} is a witness's: a ledger signs with one that `upline "
                                                      "key new` makes without --witness",
                                                      key.name)};
    UPLINE_TRY_ASSIGN(const Fd held, lock());
    UPLINE_TRY(store.sync());
    UPLINE_TRY_ASSIGN(const LedgerHead position, store.position());
    const auto refuse = [&](const std::string& why) {
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: not signed: {}; run `upline verify`", partition_, why)};
    };
    UPLINE_TRY_ASSIGN(const Hash root, prover_of(store, position.size).root());
    if (root != position.root) return refuse("the tree gives another root than the ledger's head says");

    const std::string& origin = key.name;
    SignedCheckpoint now;
    now.checkpoint = {origin, position.size, position.root};
    UPLINE_TRY_ASSIGN(const std::vector<uint64_t> sizes, this->sizes());
    if (!sizes.empty()) {
        UPLINE_TRY_ASSIGN(SignedCheckpoint last, read(sizes.back()));
        if (last.checkpoint.origin != origin)
            return Error{
                ErrorCode::kConflict,
                fmt::format("this ledger's checkpoints are of origin {}, the key is of {}: a new key of the same "
                            "name may follow an old one",
                            last.checkpoint.origin, origin)};
        if (last.checkpoint.size > position.size)
            return refuse(fmt::format("a checkpoint of {} entries was signed, there are {}", last.checkpoint.size,
                                      position.size));
        UPLINE_TRY_ASSIGN(const Hash then, prover_of(store, last.checkpoint.size).root());
        if (then != last.checkpoint.root)
            return refuse(fmt::format("a checkpoint of {} entries was signed with root {}, those entries now have {}",
                                      last.checkpoint.size, to_hex(last.checkpoint.root), to_hex(then)));
        if (last.checkpoint.size == position.size) now = std::move(last);
    }
    if (now.note.text.empty()) now.note.text = checkpoint_text(now.checkpoint);
    if (now.note.text != checkpoint_text(now.checkpoint))
        return refuse("the checkpoint that lies there has lines that this program does not write");
    const note::Signature signature = note::sign(now.note.text, key);
    if (std::ranges::find(now.note.signatures, signature) != now.note.signatures.end()) return now;
    // The log's own signatures come first.
    now.note.signatures.insert(now.note.signatures.begin(), signature);
    UPLINE_TRY(write(now));
    return now;
}

Result<SignedCheckpoint> Checkpoints::add_signature(uint64_t size, const note::Signature& signature) {
    UPLINE_TRY_ASSIGN(const Fd held, lock());
    UPLINE_TRY_ASSIGN(SignedCheckpoint checkpoint, read(size));
    std::erase_if(checkpoint.note.signatures, [&](const note::Signature& earlier) {
        return earlier.name == signature.name && earlier.key_id == signature.key_id;
    });
    if (checkpoint.note.signatures.size() == note::kMaxSignatures)
        return Error{ErrorCode::kInvalid,
                     fmt::format("the checkpoint has {} signatures already", note::kMaxSignatures)};
    checkpoint.note.signatures.push_back(signature);
    UPLINE_TRY(write(checkpoint));
    return checkpoint;
}

Result<SignedCheckpoint> latest_and_catch_up(const Checkpoints& checkpoints, Store& store) {
    UPLINE_TRY_ASSIGN(SignedCheckpoint latest, checkpoints.latest());
    UPLINE_TRY(store.catch_up());
    return latest;
}

Result<SignedCheckpoint> sign_or_latest(Checkpoints& checkpoints, Store& store,
                                        std::span<const note::SigningKey> keys) {
    if (keys.empty()) return latest_and_catch_up(checkpoints, store);
    UPLINE_TRY_ASSIGN(const note::SigningKey key, key_of_partition(keys, checkpoints.partition()));
    return checkpoints.sign(store, key);
}

merkle::Prover prover_of(Store& store, uint64_t size) {
    return {size, [&store](unsigned level, uint64_t index) -> Result<merkle::Tile> {
                UPLINE_TRY_ASSIGN(std::optional<merkle::Tile> tile, read_tile(store, level, index));
                if (!tile)
                    return Error{ErrorCode::kCorrupt,
                                 fmt::format("tile {}/{} is missing; run `upline verify`", level, index)};
                return std::move(*tile);
            }};
}

}  // namespace upline
