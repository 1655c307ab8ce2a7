// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <utility>

namespace upline {
namespace {

constexpr std::string_view kFormatText = "upline data folder, format ";
constexpr std::string_view kPartitionPrefix = "partition-";

Error system_error(const std::filesystem::path& path, const char* doing) {
    return {ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path.native(), doing, std::strerror(errno))};
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return system_error(path, "open");
    char buffer[256];
    const ssize_t size = ::read(fd, buffer, sizeof buffer);
    ::close(fd);
    if (size < 0) return system_error(path, "read");
    return std::string(buffer, static_cast<size_t>(size));
}

// Written beside and renamed, so that a folder never has half a FORMAT.
Status write_format(const std::filesystem::path& dir) {
    const std::filesystem::path path = dir / "FORMAT.new";
    const std::string text = fmt::format("{}{}\n", kFormatText, kDataFormat);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return system_error(path, "create");
    const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (!written) return system_error(path, "write");
    if (::rename(path.c_str(), (dir / "FORMAT").c_str()) != 0) return system_error(dir / "FORMAT", "rename");
    return ok_status();
}

Status check_format(const std::filesystem::path& dir) {
    UPLINE_TRY_ASSIGN(const std::string text, read_small_file(dir / "FORMAT"));
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

Result<int> lock(const std::filesystem::path& dir) {
    const std::filesystem::path path = dir / "LOCK";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) return system_error(path, "open for writing");
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const bool held = errno == EWOULDBLOCK;
        const Error error = system_error(path, "lock");
        ::close(fd);
        if (!held) return error;
        const auto holder = read_small_file(path);
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: process {} is writing to this data folder; stop it first, or give another --data",
                                 dir.native(), holder.ok() && !holder->empty() ? *holder : "of an unknown id")};
    }
    const std::string pid = fmt::format("{}", ::getpid());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
        const Error error = system_error(path, "write");
        ::close(fd);
        return error;
    }
    return fd;
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::filesystem::path& dir, Access access) {
    std::error_code error;
    const bool formatted = std::filesystem::exists(dir / "FORMAT", error);
    if (access == Access::kRead) {
        if (!formatted)
            return Error{ErrorCode::kNotFound,
                         fmt::format("{}: no Upline data folder; `upline run` makes one", dir.native())};
        UPLINE_TRY(check_format(dir));
        return DataFolder(dir, -1);
    }
    std::filesystem::create_directories(dir, error);
    if (error)
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{}: cannot make the folder: {}", dir.native(), error.message())};
    if (formatted) {
        UPLINE_TRY(check_format(dir));
    } else if (!std::filesystem::is_empty(dir, error) && !std::filesystem::exists(dir / "LOCK", error)) {
        return Error{ErrorCode::kInvalid,
                     fmt::format("{}: holds something else; give a new or empty folder as --data", dir.native())};
    }
    UPLINE_TRY_ASSIGN(const int lock_fd, lock(dir));
    DataFolder folder(dir, lock_fd);
    if (!formatted) UPLINE_TRY(write_format(dir));
    return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : dir_(std::move(other.dir_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}

DataFolder::~DataFolder() {
    if (lock_fd_ >= 0) ::close(lock_fd_);
}

std::filesystem::path DataFolder::partition_path(uint32_t partition) const {
    return dir_ / fmt::format("{}{:05}", kPartitionPrefix, partition);
}

Result<std::vector<uint32_t>> DataFolder::partitions() const {
    std::vector<uint32_t> numbers;
    std::error_code error;
    for (std::filesystem::directory_iterator it(dir_, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().native();
        if (!name.starts_with(kPartitionPrefix)) continue;
        uint32_t number = 0;
        const char* first = name.data() + kPartitionPrefix.size();
        const auto parsed = std::from_chars(first, name.data() + name.size(), number);
        if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) numbers.push_back(number);
    }
    if (error)
        return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot list: {}", dir_.native(), error.message())};
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

}  // namespace upline
