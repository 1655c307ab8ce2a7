// SPDX-License-Identifier: Apache-2.0
// A ledger's tree as static files: C2SP tlog-tiles.
#pragma once

#include <cstdint>
#include <filesystem>

#include "ledger/proof/checkpoint.h"
#include "events/base/progress.h"
#include "ledger/store/store.h"

namespace upline {

// Writes what the folder lacks of the tree that the checkpoint signs, then the checkpoint; says how many files that
// were. kConflict if another log, or more of this one, is published there; kCorrupt if the tree is not the one that was
// signed or published.
Result<uint64_t> publish_tiles(Store& store, const std::filesystem::path& folder, const SignedCheckpoint& checkpoint,
                               bool hashes_only, const Progress& progress);

}  // namespace upline
