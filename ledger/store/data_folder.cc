// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/data_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

#include "events/base/files.h"

namespace upline {
namespace {

constexpr std::string_view kFormatText = "upline data folder, format ";
constexpr std::string_view kPartitionPrefix = "partition-";

constexpr size_t kMaxSmallFile = 256;

Status check_format(const std::filesystem::path& dir, FileSystem& files) {
    UPLINE_TRY_ASSIGN(const std::string text, read_file(dir / "FORMAT", kMaxSmallFile, files));
    int format = 0;
    const auto digits = std::string_view(text).substr(std::min(text.size(), kFormatText.size()));
    if (!text.starts_with(kFormatText) ||
        std::from_chars(digits.data(), digits.data() + digits.size(), format).ec != std::errc{})
        return Error{ErrorCode::kInvalid,
                     fmt::format("{}: not the FORMAT file of an Upline data folder", dir.native())};
    if (format > kDataFormat)
        return Error{ErrorCode::kInvalid,
                     fmt::format("{}: the data folder has format {}, this program knows up to {}: use a newer upline",
                                 dir.native(), format, kDataFormat)};
    if (format < kDataFormat)
        return Error{ErrorCode::kInvalid,
                     fmt::format("{}: the data folder has format {}, of a time before the first release; this program "
                                 "knows format {}: make it anew with `upline replay`",
                                 dir.native(), format, kDataFormat)};
    return ok_status();
}

// The lock, with this process's id in its file.
Result<Fd> lock(const std::filesystem::path& dir, FileSystem& files) {
    const std::filesystem::path path = dir / "LOCK";
    Result<Fd> lock = lock_file(path, false, files);
    if (!lock.ok() && lock.error().code == ErrorCode::kConflict) {
        const auto holder = read_file(path, kMaxSmallFile, files);
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: process {} is writing to this data folder; stop it first, or give another --data",
                                 dir.native(), holder.ok() && !holder->empty() ? *holder : "of an unknown id")};
    }
    UPLINE_TRY(lock);
    const std::string pid = fmt::format("{}", ::getpid());
    if (files.ftruncate(lock->get(), 0) != 0 || !write_all(files, lock->get(), std::as_bytes(std::span(pid)), 0))
        return Error{ErrorCode::kUnavailable, fmt::format("{}: write: {}", path.native(), std::strerror(errno))};
    return lock;
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::filesystem::path& dir, Access access, FileSystem& files) {
    UPLINE_TRY_ASSIGN(const bool formatted, file_exists(dir / "FORMAT", files));
    if (access == Access::kRead) {
        if (!formatted)
            return Error{ErrorCode::kNotFound,
                         fmt::format("{}: no Upline data folder; `upline run` makes one", dir.native())};
        UPLINE_TRY(check_format(dir, files));
        return DataFolder(dir, Fd(), files);
    }
    UPLINE_TRY(make_folders(dir, files));
    if (formatted) {
        UPLINE_TRY(check_format(dir, files));
    } else {
        UPLINE_TRY_ASSIGN(const std::vector<std::string> names, list_folder(dir, files));
        if (!names.empty() && std::ranges::find(names, "LOCK") == names.end())
            return Error{ErrorCode::kInvalid,
                         fmt::format("{}: holds something else; give a new or empty folder as --data", dir.native())};
    }
    UPLINE_TRY_ASSIGN(Fd held, lock(dir, files));
    if (!formatted)
        UPLINE_TRY(write_file(dir / "FORMAT", fmt::format("{}{}\n", kFormatText, kDataFormat), 0644, files));
    return DataFolder(dir, std::move(held), files);
}

std::filesystem::path DataFolder::partition_path(uint32_t partition) const {
    return dir_ / fmt::format("{}{:05}", kPartitionPrefix, partition);
}

Result<std::vector<uint32_t>> DataFolder::partitions() const {
    UPLINE_TRY_ASSIGN(const std::vector<std::string> names, list_folder(dir_, files_));
    std::vector<uint32_t> numbers;
    for (const std::string& name : names) {
        if (!name.starts_with(kPartitionPrefix)) continue;
        uint32_t number = 0;
        const char* first = name.data() + kPartitionPrefix.size();
        const auto parsed = std::from_chars(first, name.data() + name.size(), number);
        if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) numbers.push_back(number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

}  // namespace upline
