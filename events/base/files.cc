// SPDX-License-Identifier: Apache-2.0
#include "events/base/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace upline {
namespace {

Error failed(const std::filesystem::path& path, const char* doing) {
    const int error = errno;
    return {error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
            fmt::format("{}: {}: {}", path.native(), doing, std::strerror(error))};
}

// Writes, syncs and closes.
Status fill(int fd, const std::filesystem::path& path, std::string_view bytes) {
    size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t size = ::write(fd, bytes.data() + written, bytes.size() - written);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        written += static_cast<size_t>(size);
    }
    const bool synced = written == bytes.size() && ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (!synced) return failed(path, "write");
    return ok_status();
}

constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
    const std::filesystem::path beside = path.native() + ".new";
    ::unlink(beside.c_str());  // of a time before, with a mode or a target of its own
    const int fd = ::open(beside.c_str(), kNewFile, mode);
    if (fd < 0) return failed(path, "cannot be written");
    UPLINE_TRY(fill(fd, path, bytes));
    if (::rename(beside.c_str(), path.c_str()) != 0) return failed(path, "rename");
    return sync_folder(path.parent_path());
}

Status write_new_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode) {
    const int fd = ::open(path.c_str(), kNewFile, mode);
    if (fd < 0 && errno == EEXIST)
        return Error{ErrorCode::kConflict, fmt::format("{}: it is there already, and is left alone", path.native())};
    if (fd < 0) return failed(path, "cannot be written");
    UPLINE_TRY(fill(fd, path, bytes));
    return sync_folder(path.parent_path());
}

Result<std::string> read_file(const std::filesystem::path& path, size_t most) {
    const bool is_input = path == "-";
    const int fd = is_input ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failed(path, "cannot be read");
    std::string bytes(most + 1, '\0');
    size_t size = 0;
    ssize_t got = 0;
    do {
        got = ::read(fd, bytes.data() + size, bytes.size() - size);
        if (got > 0) size += static_cast<size_t>(got);
    } while ((got > 0 && size < bytes.size()) || (got < 0 && errno == EINTR));
    const int error = errno;
    ::close(fd);
    errno = error;
    if (got < 0) return failed(path, "read");
    if (size > most)
        return Error{ErrorCode::kInvalid, fmt::format("{}: larger than the {} bytes it may have", path.native(), most)};
    bytes.resize(size);
    return bytes;
}

Status sync_folder(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder.empty() ? "." : folder;
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed(path, "open");
    const bool synced = ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (!synced) return failed(path, "sync");
    return ok_status();
}

}  // namespace upline
