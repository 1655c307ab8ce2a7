// SPDX-License-Identifier: Apache-2.0
// A checkpoint: the size and root of a log's tree, as the text of a signed note (C2SP tlog-checkpoint).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "ledger/proof/note.h"
#include "ledger/proof/sha256.h"

namespace upline {

struct Checkpoint {
    std::string origin;  // NAME/PARTITION
    uint64_t size = 0;
    Hash root{};
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

std::string checkpoint_text(const Checkpoint& checkpoint);
// Extension lines, which other logs may have, are passed over. kInvalid says what was expected.
Result<Checkpoint> parse_checkpoint_text(std::string_view text);

struct SignedCheckpoint {
    Checkpoint checkpoint;
    note::Note note;
};
// Form only: who signed it is for note::verify to say.
Result<SignedCheckpoint> parse_checkpoint(std::string_view bytes);

// A whole number without leading zeros, as sizes and indexes are written.
std::optional<uint64_t> parse_whole_number(std::string_view text);

}  // namespace upline
