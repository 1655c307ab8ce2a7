// SPDX-License-Identifier: Apache-2.0
// A ledger's tree as static files: C2SP tlog-tiles.
#pragma once

#include <cstdint>
#include <filesystem>

#include "events/base/file_system.h"
#include "events/base/progress.h"
#include "events/base/result.h"
#include "ledger/proof/checkpoint.h"
#include "ledger/store/store.h"

namespace upline {

// Writes the files of the checkpoint's tree that the folder lacks, then the checkpoint; returns how many files it
// wrote. After an error a second call completes the folder. kConflict if another log, or a larger tree of this one, is
// published there; kCorrupt if the tree is not the one that was signed or published. One caller at a time.
Result<uint64_t> publish_tiles(Store& store, const std::filesystem::path& folder, const SignedCheckpoint& checkpoint,
                               bool hashes_only, const Progress& progress, FileSystem& files = FileSystem::real());

}  // namespace upline
