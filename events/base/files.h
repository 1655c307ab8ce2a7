// SPDX-License-Identifier: Apache-2.0
// Small files, written whole or not at all.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "events/base/result.h"

namespace upline {

// Beside it, synced and renamed, so that nobody ever sees half a file and a crash leaves the old one or the new one.
Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
// kConflict if there is one already, which is left alone.
Status write_new_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode);
// kNotFound if there is none; kInvalid if it is larger than `most` bytes. "-" is standard input.
Result<std::string> read_file(const std::filesystem::path& path, size_t most);
// Makes the renames within a folder durable.
Status sync_folder(const std::filesystem::path& folder);

}  // namespace upline
