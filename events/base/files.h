// SPDX-License-Identifier: Apache-2.0
// Whole files and folders, through the FileSystem seam. Errors are kUnavailable and name the path, where nothing else
// is said.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/file_system.h"
#include "events/base/result.h"

namespace upline {

// Writes another file, syncs it and renames it: nobody ever sees half a file, and a crash leaves the old or the new
// one.
Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode,
                  FileSystem& files = FileSystem::real());
// The same for a file that does not exist yet. kConflict, and it is left alone, if there is one.
Status write_new_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode,
                      FileSystem& files = FileSystem::real());
// kNotFound if there is none; kInvalid if it is larger than `max` bytes. "-" is standard input.
Result<std::string> read_file(const std::filesystem::path& path, size_t max, FileSystem& files = FileSystem::real());

// Makes the renames and new files of a folder durable.
Status sync_folder(const std::filesystem::path& folder, FileSystem& files = FileSystem::real());
// Makes a folder and those above it that do not exist. Nothing is synced.
Status make_folders(const std::filesystem::path& folder, FileSystem& files = FileSystem::real());
// The names in a folder, sorted. kNotFound if there is none.
Result<std::vector<std::string>> list_folder(const std::filesystem::path& folder,
                                             FileSystem& files = FileSystem::real());
// Removes a folder of plain files with what is in it; that there is none is no error.
Status remove_folder(const std::filesystem::path& folder, FileSystem& files = FileSystem::real());
Result<bool> file_exists(const std::filesystem::path& path, FileSystem& files = FileSystem::real());

// Makes the file if there is none, and locks it until the result is gone. `wait`: until no other process has the lock;
// else kConflict if one has.
Result<Fd> lock_file(const std::filesystem::path& path, bool wait, FileSystem& files = FileSystem::real());

}  // namespace upline
