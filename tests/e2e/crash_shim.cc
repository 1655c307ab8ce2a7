// SPDX-License-Identifier: Apache-2.0
// Preloaded into the program by crash_test: stands before each system call that changes files below one folder, and
// ends the process at the n-th of them, as kill -9 or a power cut would. From the environment:
//
//   UPLINE_CRASH_BELOW  the folder, absolute
//   UPLINE_CRASH_AT     n, from 1
//   UPLINE_CRASH_HOW    before: the call is not made
//                       half: it is made, a write only with the first half of its bytes
//                       power: it is not made, and each file loses a part, of random length, of what was not synced
//   UPLINE_CRASH_SEED   of those lengths
//
// A power cut that undoes what was not synced of folders (names made, changed, removed) is not played.
#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <string>

namespace {

template <class F>
F next(const char* name) {
    return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

std::string path_of(int fd) {
    char path[PATH_MAX];
    const ssize_t size = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), path, sizeof path);
    return {path, size < 0 ? 0 : static_cast<size_t>(size)};
}

long size_of(const std::string& path) {
    struct stat status;
    return ::stat(path.c_str(), &status) == 0 ? static_cast<long>(status.st_size) : 0;
}

// What the process has written and how much of it is sure to survive a power cut.
class Disk {
  public:
    static Disk& get() {
        static Disk* const disk = new Disk;  // never destroyed: other destructors write too
        return *disk;
    }

    bool has(const std::string& path) const { return !below_.empty() && path.starts_with(below_); }

    // Held over each call, so that the n-th is one and the same for all threads.
    std::mutex mutex;

    // True if this is the call at which to end.
    bool counts_out() { return ++count_ == at_; }
    bool makes_half() const { return how_ == "half"; }

    // From its first write on a file's length then counts as synced.
    void touch(const std::string& path) { synced_.try_emplace(path, size_of(path)); }
    void sync(const std::string& path) { synced_[path] = size_of(path); }
    void forget(const std::string& path) { synced_.erase(path); }
    void rename(const std::string& from, const std::string& to) {
        const auto found = synced_.find(from);
        if (found == synced_.end()) return;
        synced_[to] = found->second;
        synced_.erase(from);
    }

    [[noreturn]] void end() {
        if (how_ == "power") {
            std::mt19937_64 random(std::strtoull(environment("UPLINE_CRASH_SEED").c_str(), nullptr, 10));
            for (const auto& [path, synced] : synced_) {
                const long size = size_of(path);
                if (size <= synced) continue;
                const auto kept = synced + static_cast<long>(random() % static_cast<uint64_t>(size - synced + 1));
                if (::truncate(path.c_str(), kept) != 0) std::abort();
            }
        }
        (void)::kill(::getpid(), SIGKILL);
        for (;;) (void)::pause();
    }

  private:
    std::string below_ = environment("UPLINE_CRASH_BELOW");
    std::string how_ = environment("UPLINE_CRASH_HOW");
    long at_ = std::atol(environment("UPLINE_CRASH_AT").c_str());
    long count_ = 0;
    std::map<std::string, long> synced_;
};

// Makes `call` unless this is where the process ends. `half` makes as much of it as a crash in its midst would.
template <class Call, class Half>
auto pass(const std::string& path, Call&& call, Half&& half) {
    Disk& disk = Disk::get();
    if (!disk.has(path)) return call();
    const std::lock_guard lock(disk.mutex);
    if (disk.counts_out()) {
        if (disk.makes_half()) (void)half();
        disk.end();
    }
    return call();
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* from, size_t size) {
    static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
    if (fd <= STDERR_FILENO) return real(fd, from, size);
    const std::string path = path_of(fd);
    return pass(
        path,
        [&] {
            if (Disk::get().has(path)) Disk::get().touch(path);
            return real(fd, from, size);
        },
        [&] { return real(fd, from, size / 2); });
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
    static const auto real = next<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
    const std::string path = path_of(fd);
    return pass(
        path,
        [&] {
            if (Disk::get().has(path)) Disk::get().touch(path);
            return real(fd, from, size, at);
        },
        [&] { return real(fd, from, size / 2, at); });
}

int fdatasync(int fd) {
    static const auto real = next<int (*)(int)>("fdatasync");
    const std::string path = path_of(fd);
    const auto call = [&] {
        const int result = real(fd);
        if (result == 0 && Disk::get().has(path)) Disk::get().sync(path);
        return result;
    };
    return pass(path, call, call);
}

int fsync(int fd) {
    static const auto real = next<int (*)(int)>("fsync");
    const std::string path = path_of(fd);
    const auto call = [&] {
        const int result = real(fd);
        if (result == 0 && Disk::get().has(path)) Disk::get().sync(path);
        return result;
    };
    return pass(path, call, call);
}

int ftruncate(int fd, off_t size) noexcept {
    static const auto real = next<int (*)(int, off_t)>("ftruncate");
    const auto call = [&] { return real(fd, size); };
    return pass(path_of(fd), call, call);
}

int rename(const char* from, const char* to) noexcept {
    static const auto real = next<int (*)(const char*, const char*)>("rename");
    const auto call = [&] {
        const int result = real(from, to);
        if (result == 0 && Disk::get().has(to)) Disk::get().rename(from, to);
        return result;
    };
    return pass(to, call, call);
}

int link(const char* from, const char* to) noexcept {
    static const auto real = next<int (*)(const char*, const char*)>("link");
    const auto call = [&] { return real(from, to); };
    return pass(to, call, call);
}

int unlink(const char* path) noexcept {
    static const auto real = next<int (*)(const char*)>("unlink");
    const auto call = [&] {
        const int result = real(path);
        if (result == 0 && Disk::get().has(path)) Disk::get().forget(path);
        return result;
    };
    return pass(path, call, call);
}

int mkdir(const char* path, mode_t mode) noexcept {
    static const auto real = next<int (*)(const char*, mode_t)>("mkdir");
    const auto call = [&] { return real(path, mode); };
    return pass(path, call, call);
}

}  // extern "C"
