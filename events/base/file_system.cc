// SPDX-License-Identifier: Apache-2.0
#include "events/base/file_system.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

namespace upline {

int FileSystem::open(const char* path, int flags, mode_t mode) {
    return ::open(path, flags | O_CLOEXEC, mode);
}
ssize_t FileSystem::read(int fd, void* to, size_t size) {
    return ::read(fd, to, size);
}
ssize_t FileSystem::pread(int fd, void* to, size_t size, off_t position) {
    return ::pread(fd, to, size, position);
}
ssize_t FileSystem::pwrite(int fd, const void* from, size_t size, off_t position) {
    return ::pwrite(fd, from, size, position);
}
int FileSystem::fdatasync(int fd) {
    return ::fdatasync(fd);
}
int FileSystem::fsync(int fd) {
    return ::fsync(fd);
}
int FileSystem::ftruncate(int fd, off_t size) {
    return ::ftruncate(fd, size);
}
int FileSystem::flock(int fd, int operation) {
    return ::flock(fd, operation);
}
int FileSystem::fstat(int fd, struct stat* out) {
    return ::fstat(fd, out);
}
int FileSystem::stat(const char* path, struct stat* out) {
    return ::stat(path, out);
}
int FileSystem::mkdir(const char* path, mode_t mode) {
    return ::mkdir(path, mode);
}
int FileSystem::rename(const char* from, const char* to) {
    return ::rename(from, to);
}
int FileSystem::unlink(const char* path) {
    return ::unlink(path);
}
int FileSystem::rmdir(const char* path) {
    return ::rmdir(path);
}
int FileSystem::syncfs(int fd) {
    return ::syncfs(fd);
}
int FileSystem::list(const char* path, std::vector<std::string>& names) {
    DIR* folder = ::opendir(path);
    if (!folder) return -1;
    names.clear();
    int error = 0;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(folder);
        if (!entry) {
            error = errno;
            break;
        }
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    ::closedir(folder);
    errno = error;
    return error == 0 ? 0 : -1;
}

FileSystem& FileSystem::real() {
    static FileSystem instance;
    return instance;
}

bool write_all(FileSystem& files, int fd, std::span<const std::byte> bytes, off_t position) {
    while (!bytes.empty()) {
        const ssize_t written = files.pwrite(fd, bytes.data(), bytes.size(), position);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(written));
        position += written;
    }
    return true;
}

ssize_t read_all(FileSystem& files, int fd, std::span<std::byte> to, off_t position) {
    size_t done = 0;
    while (done < to.size()) {
        const ssize_t got = files.pread(fd, to.data() + done, to.size() - done, position + static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        done += static_cast<size_t>(got);
    }
    return static_cast<ssize_t>(done);
}

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

}  // namespace upline
