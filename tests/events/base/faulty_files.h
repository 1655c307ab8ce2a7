// SPDX-License-Identifier: Apache-2.0
// A file system for tests whose n-th call fails: before it is applied, after it, or half-way through a write. With
// call 0 none fails. It syncs nothing: no test cuts the power, and syncing takes most of the time.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "events/base/file_system.h"

namespace upline {

// Lets the n-th call fail, and from there all of them or none more.
class FaultyFileSystem final : public FileSystem {
  public:
    enum class Applied { kNo, kYes, kHalf };
    struct Fault {
        size_t call = 0;  // counted from 1
        Applied applied = Applied::kNo;
        bool lasting = false;
        int error = EIO;
    };
    explicit FaultyFileSystem(Fault fault) : fault_(fault) {}
    // Whether the fault's turn came.
    bool came() const { return calls_ >= fault_.call; }

    int open(const char* path, int flags, mode_t mode) override {
        if (!hit()) return FileSystem::open(path, flags, mode);
        if (applied()) ::close(FileSystem::open(path, flags, mode));
        return fail();
    }
    ssize_t read(int fd, void* to, size_t size) override { return hit() ? fail() : FileSystem::read(fd, to, size); }
    ssize_t pread(int fd, void* to, size_t size, off_t position) override {
        return hit() ? fail() : FileSystem::pread(fd, to, size, position);
    }
    ssize_t pwrite(int fd, const void* from, size_t size, off_t position) override {
        if (!hit()) return FileSystem::pwrite(fd, from, size, position);
        if (applied()) (void)FileSystem::pwrite(fd, from, fault_.applied == Applied::kHalf ? size / 2 : size, position);
        return fail();
    }
    int fdatasync(int /*fd*/) override {
        return call([] { return 0; });
    }
    int fsync(int /*fd*/) override {
        return call([] { return 0; });
    }
    int ftruncate(int fd, off_t size) override {
        return call([&] { return FileSystem::ftruncate(fd, size); });
    }
    int flock(int fd, int operation) override { return hit() ? fail() : FileSystem::flock(fd, operation); }
    int fstat(int fd, struct stat* out) override {
        return call([&] { return FileSystem::fstat(fd, out); });
    }
    int stat(const char* path, struct stat* out) override {
        return call([&] { return FileSystem::stat(path, out); });
    }
    int mkdir(const char* path, mode_t mode) override {
        return call([&] { return FileSystem::mkdir(path, mode); });
    }
    int rename(const char* from, const char* to) override {
        return call([&] { return FileSystem::rename(from, to); });
    }
    int unlink(const char* path) override {
        return call([&] { return FileSystem::unlink(path); });
    }
    int rmdir(const char* path) override {
        return call([&] { return FileSystem::rmdir(path); });
    }
    int syncfs(int /*fd*/) override {
        return call([] { return 0; });
    }
    int list(const char* path, std::vector<std::string>& names) override {
        return hit() ? fail() : FileSystem::list(path, names);
    }

  private:
    bool hit() {
        ++calls_;
        return fault_.lasting ? calls_ >= fault_.call : calls_ == fault_.call;
    }
    bool applied() const { return fault_.applied != Applied::kNo; }
    int fail() const {
        errno = fault_.error;
        return -1;
    }
    template <class Call>
    int call(Call real) {
        if (!hit()) return real();
        if (applied()) (void)real();
        return fail();
    }

    Fault fault_;
    size_t calls_ = 0;
};

}  // namespace upline
