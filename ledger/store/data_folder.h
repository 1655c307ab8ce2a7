// SPDX-License-Identifier: Apache-2.0
// A data folder: one ledger per partition.
//
//     DIR/FORMAT              "upline data folder, format 4"
//     DIR/LOCK                held by the one process that writes; holds its process id
//     DIR/partition-00000/    the RocksDB of partition 0 (ledger/store/store.h)
//     DIR/checkpoints/00000/  its signed checkpoints, a text file for each size (tools/transparency/checkpoints.h)
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "events/base/file_system.h"
#include "events/base/result.h"

namespace upline {

// Raised whenever an older program could misread a folder of this one.
inline constexpr int kDataFormat = 6;

class DataFolder {
  public:
    enum class Access { kWrite, kRead };

    // kWrite makes the folder if there is none and locks it until this object is gone: kConflict names the process
    // that holds it. kRead takes no lock and may read while a writer runs; kNotFound if there is no such folder.
    // kInvalid when the format is newer than this program's, or the folder holds something else.
    static Result<DataFolder> open(const std::filesystem::path& dir, Access access,
                                   FileSystem& files = FileSystem::real());

    const std::filesystem::path& path() const { return dir_; }
    std::filesystem::path partition_path(uint32_t partition) const;
    // Those that have a ledger, ascending.
    Result<std::vector<uint32_t>> partitions() const;

  private:
    DataFolder(std::filesystem::path dir, Fd lock, FileSystem& files)
        : dir_(std::move(dir)), lock_(std::move(lock)), files_(files) {}
    std::filesystem::path dir_;
    Fd lock_;  // none of a reader
    FileSystem& files_;
};

}  // namespace upline
