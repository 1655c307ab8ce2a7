// SPDX-License-Identifier: Apache-2.0
#include "events/base/files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace upline {
namespace {

constexpr int kNewFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

Error failed(const std::filesystem::path& path, const char* doing) {
    const int error = errno;
    return {error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
            fmt::format("{}: {}: {}", path.native(), doing, std::strerror(error))};
}

Status fill(const Fd& fd, const std::filesystem::path& path, std::string_view bytes, FileSystem& files) {
    if (!write_all(files, fd.get(), std::as_bytes(std::span(bytes)), 0) || files.fsync(fd.get()) != 0)
        return failed(path, "write");
    return ok_status();
}

}  // namespace

Status write_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode, FileSystem& files) {
    const std::filesystem::path temporary = path.native() + ".new";
    files.unlink(temporary.c_str());  // of an earlier try, with a mode or a target of its own
    const Fd fd(files.open(temporary.c_str(), kNewFile, mode));
    if (fd.get() < 0) return failed(path, "cannot be written");
    UPLINE_TRY(fill(fd, path, bytes, files));
    if (files.rename(temporary.c_str(), path.c_str()) != 0) return failed(path, "rename");
    return sync_folder(path.parent_path(), files);
}

Status write_new_file(const std::filesystem::path& path, std::string_view bytes, mode_t mode, FileSystem& files) {
    const Fd fd(files.open(path.c_str(), kNewFile, mode));
    if (fd.get() < 0 && errno == EEXIST)
        return Error{ErrorCode::kConflict, fmt::format("{}: it is there already, and is left alone", path.native())};
    if (fd.get() < 0) return failed(path, "cannot be written");
    UPLINE_TRY(fill(fd, path, bytes, files));
    return sync_folder(path.parent_path(), files);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t max, FileSystem& files) {
    const Fd fd(path == "-" ? ::dup(STDIN_FILENO) : files.open(path.c_str(), O_RDONLY, 0));
    if (fd.get() < 0) return failed(path, "cannot be read");
    std::string bytes(max + 1, '\0');
    size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t got = files.read(fd.get(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(path, "read");
        if (got == 0) break;
        size += static_cast<size_t>(got);
    }
    if (size > max)
        return Error{ErrorCode::kInvalid, fmt::format("{}: larger than the {} bytes it may have", path.native(), max)};
    bytes.resize(size);
    return bytes;
}

Status sync_folder(const std::filesystem::path& folder, FileSystem& files) {
    const std::filesystem::path path = folder.empty() ? "." : folder;
    const Fd fd(files.open(path.c_str(), O_RDONLY | O_DIRECTORY, 0));
    if (fd.get() < 0) return failed(path, "open");
    if (files.fsync(fd.get()) != 0) return failed(path, "sync");
    return ok_status();
}

Status make_folders(const std::filesystem::path& folder, FileSystem& files) {
    constexpr mode_t kMode = 0777;  // less the process's mask
    if (folder.empty() || files.mkdir(folder.c_str(), kMode) == 0) return ok_status();
    if (errno == ENOENT && folder.has_relative_path()) {
        UPLINE_TRY(make_folders(folder.parent_path(), files));
        if (files.mkdir(folder.c_str(), kMode) == 0) return ok_status();
    }
    const Error error{ErrorCode::kUnavailable,
                      fmt::format("{}: cannot make the folder: {}", folder.native(), std::strerror(errno))};
    struct stat found {};
    if (files.stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return ok_status();
    return error;
}

Result<std::vector<std::string>> list_folder(const std::filesystem::path& folder, FileSystem& files) {
    std::vector<std::string> names;
    if (files.list(folder.c_str(), names) != 0) return failed(folder, "cannot list");
    std::ranges::sort(names);
    return names;
}

Status remove_folder(const std::filesystem::path& folder, FileSystem& files) {
    const auto names = list_folder(folder, files);
    if (!names.ok() && names.error().code == ErrorCode::kNotFound) return ok_status();
    if (!names.ok()) return names.error();
    for (const std::string& name : *names) {
        const std::filesystem::path path = folder / name;
        if (files.unlink(path.c_str()) != 0) return failed(path, "cannot remove");
    }
    if (files.rmdir(folder.c_str()) != 0) return failed(folder, "cannot remove");
    return ok_status();
}

Result<bool> file_exists(const std::filesystem::path& path, FileSystem& files) {
    struct stat found {};
    if (files.stat(path.c_str(), &found) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed(path, "cannot look at");
}

Result<Fd> lock_file(const std::filesystem::path& path, bool wait, FileSystem& files) {
    Fd fd(files.open(path.c_str(), O_RDWR | O_CREAT, 0644));
    if (fd.get() < 0) return failed(path, "cannot be written");
    if (files.flock(fd.get(), wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) return fd;
    if (errno == EWOULDBLOCK)
        return Error{ErrorCode::kConflict, fmt::format("{}: another process has locked it", path.native())};
    return failed(path, "cannot be locked");
}

}  // namespace upline
