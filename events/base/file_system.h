// SPDX-License-Identifier: Apache-2.0
// The system calls on our own files, behind one seam, so that tests can let the n-th of them fail. Each method is the
// call of that name: -1 and errno on failure, interrupted and short calls included.
//
// Thread-safe.
#pragma once

#include <fcntl.h>     // the flags of open()
#include <sys/file.h>  // the operations of flock()
#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

struct stat;

namespace upline {

class FileSystem {
  public:
    virtual ~FileSystem() = default;

    virtual int open(const char* path, int flags, mode_t mode);
    virtual ssize_t read(int fd, void* to, size_t size);
    virtual ssize_t pread(int fd, void* to, size_t size, off_t position);
    virtual ssize_t pwrite(int fd, const void* from, size_t size, off_t position);
    virtual int fdatasync(int fd);
    virtual int fsync(int fd);
    virtual int ftruncate(int fd, off_t size);
    virtual int flock(int fd, int operation);
    virtual int fstat(int fd, struct stat* out);
    virtual int stat(const char* path, struct stat* out);
    virtual int mkdir(const char* path, mode_t mode);
    virtual int rename(const char* from, const char* to);
    virtual int unlink(const char* path);
    virtual int rmdir(const char* path);
    virtual int syncfs(int fd);
    // The names in a folder, without "." and "..", in no order: opendir() and readdir() until the end.
    virtual int list(const char* path, std::vector<std::string>& names);

    static FileSystem& real();
};

// Goes on until all is written; false and errno if that fails.
bool write_all(FileSystem& files, int fd, std::span<const std::byte> bytes, off_t position);
// Goes on until `to` is full or the file ends; how much was read, or -1 and errno.
ssize_t read_all(FileSystem& files, int fd, std::span<std::byte> to, off_t position);

// An open file; closed with its owner.
class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Fd();
    int get() const { return fd_; }

  private:
    int fd_ = -1;
};

}  // namespace upline
