// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/held_checkpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "events/base/bytes.h"
#include "tools/transparency/checkpoints.h"

namespace upline {

Result<HeldCheckpoints> read_checkpoints(const std::string& data, uint32_t partition,
                                         std::span<const note::VerifierKey> vkeys,
                                         std::span<const HeldCheckpoint> since) {
    HeldCheckpoints held;
    const Checkpoints stored(data, partition);
    UPLINE_TRY_ASSIGN(const std::vector<uint64_t> sizes, stored.sizes());
    std::string origin;
    std::map<std::pair<std::string, uint32_t>, size_t> of_others;  // signatures by keys that were not given
    for (const uint64_t size : sizes) {
        const auto read = stored.read(size);
        if (!read.ok()) {
            if (read.error().code != ErrorCode::kCorrupt) return read.error();
            held.findings.push_back({std::nullopt, read.error().message});
            continue;
        }
        const std::string name = fmt::format("checkpoint {}", size);
        held.checkpoints.push_back({name, read->checkpoint});
        if (origin.empty()) origin = read->checkpoint.origin;
        if (read->checkpoint.origin != origin)
            held.findings.push_back({std::nullopt, fmt::format("{} is of origin {}, others are of {}", name,
                                                               read->checkpoint.origin, origin)});
        if (const auto wrong = check_signatures(*read, vkeys, held.signers))
            held.findings.push_back({std::nullopt, fmt::format("{}: {}", name, *wrong)});
        for (const note::Signature& signature : read->note.signatures)
            if (!vkeys.empty() && std::ranges::none_of(vkeys, [&](const note::VerifierKey& key) {
                    return key.name == signature.name && key.id == signature.key_id;
                }))
                ++of_others[{signature.name, signature.key_id}];
    }
    for (const auto& [signer, count] : of_others)
        held.not_checked.push_back(
            fmt::format("without its --vkey: {} signatures of {} (key {:08x})", count, signer.first, signer.second));
    if (!sizes.empty() && vkeys.empty())
        held.not_checked.push_back(
            fmt::format("without --vkey: the signatures of {} checkpoints of {}", sizes.size(), origin));
    const std::string suffix = fmt::format("/{}", partition);
    for (const HeldCheckpoint& old : since) {
        if (!old.checkpoint.origin.ends_with(suffix)) continue;
        held.checkpoints.push_back(old);
        if (!origin.empty() && old.checkpoint.origin != origin)
            held.findings.push_back({std::nullopt, fmt::format("{} is of {}, this ledger signs as {}", old.name,
                                                               old.checkpoint.origin, origin)});
    }
    if (sizes.empty() && !vkeys.empty()) held.not_checked.push_back("signatures: no checkpoint lies with this ledger");
    return held;
}

std::optional<std::string> check_signatures(const SignedCheckpoint& checkpoint,
                                            std::span<const note::VerifierKey> vkeys,
                                            std::vector<std::string>& signers) {
    if (vkeys.empty()) return std::nullopt;
    std::vector<note::VerifierKey> of_log;
    std::vector<note::VerifierKey> of_witnesses;
    for (const note::VerifierKey& key : vkeys) {
        if (key.type == note::KeyType::kCosignature) of_witnesses.push_back(key);
        if (key.type == note::KeyType::kEd25519 && key.name == checkpoint.checkpoint.origin) of_log.push_back(key);
    }
    if (of_log.empty()) return fmt::format("no --vkey is of its origin, {}", checkpoint.checkpoint.origin);
    const auto add = [&signers](const std::vector<note::Verified>& verified) {
        for (const note::Verified& one : verified) {
            const std::string name = fmt::format("{} (key {:08x})", one.key->name, one.key->id);
            if (std::ranges::find(signers, name) == signers.end()) signers.push_back(name);
        }
    };
    const auto signed_by = note::verify(checkpoint.note, of_log);
    if (!signed_by.ok()) return signed_by.error().message + " (--vkey may be given for each key the log has had)";
    add(*signed_by);
    const auto cosigned_by = note::verify(checkpoint.note, of_witnesses);
    const bool any_of_witnesses = std::ranges::any_of(checkpoint.note.signatures, [&](const note::Signature& line) {
        return std::ranges::any_of(
            of_witnesses, [&](const note::VerifierKey& key) { return key.name == line.name && key.id == line.key_id; });
    });
    if (any_of_witnesses && !cosigned_by.ok()) return cosigned_by.error().message;
    if (cosigned_by.ok()) add(*cosigned_by);
    return std::nullopt;
}

CheckpointRoots::CheckpointRoots(std::vector<HeldCheckpoint> checkpoints) : checkpoints_(std::move(checkpoints)) {
    std::ranges::sort(checkpoints_, {}, [](const HeldCheckpoint& held) { return held.checkpoint.size; });
}

void CheckpointRoots::note(const AuditTree& tree) {
    while (roots_.size() < checkpoints_.size() && checkpoints_[roots_.size()].checkpoint.size <= tree.size())
        roots_.push_back(tree.root());
}

bool CheckpointRoots::has_one_below(uint64_t size) const {
    return roots_.size() < checkpoints_.size() && checkpoints_[roots_.size()].checkpoint.size < size;
}

std::vector<const HeldCheckpoint*> CheckpointRoots::extended(uint64_t size, Findings& findings) const {
    std::vector<const HeldCheckpoint*> extended;
    for (size_t i = 0; i < checkpoints_.size(); ++i) {
        const auto& [name, checkpoint, is_old, is_own] = checkpoints_[i];
        if (i >= roots_.size())
            findings.add(std::nullopt, fmt::format("{} is of {} entries, the ledger has {}: entries were taken away",
                                                   name, checkpoint.size, size));
        else if (roots_[i] != checkpoint.root)
            findings.add(std::nullopt,
                         fmt::format("{} says that {} entries have root {}, they have {}: the past was changed", name,
                                     checkpoint.size, to_hex(checkpoint.root), to_hex(roots_[i])));
        else
            extended.push_back(&checkpoints_[i]);
    }
    return extended;
}

}  // namespace upline
