// SPDX-License-Identifier: Apache-2.0
#include "tests/ledger/store/fault_env.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

// After a failed flush RocksDB sleeps for a second before it tries again, and a close waits for that. No clock of an
// Env is asked, so the function that it calls is replaced in programs of this file.
extern "C" int usleep(useconds_t micros) {
    std::this_thread::sleep_for(std::chrono::microseconds(micros / 1'000));
    return 0;
}

namespace upline::testing {
namespace {

using rocksdb::DirFsyncOptions;
using rocksdb::FileOptions;
using rocksdb::FSDirectory;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultFile final : public rocksdb::FSWritableFileOwnerWrapper {
  public:
    FaultFile(std::unique_ptr<FSWritableFile> file, std::string path, FaultEnv& faults)
        : FSWritableFileOwnerWrapper(std::move(file)), path_(std::move(path)), faults_(faults) {}

    using FSWritableFileOwnerWrapper::PositionedAppend;  // only direct I/O writes at positions
    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("write", path_, [&] { return target()->Append(data, options, debug); });
    }
    IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& verification,
                    IODebugContext* debug) override {
        return faults_.change("write", path_, [&] { return target()->Append(data, options, verification, debug); });
    }
    IOStatus Truncate(uint64_t size, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("truncate", path_, [&] { return target()->Truncate(size, options, debug); });
    }
    IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("close", path_, [&] { return target()->Close(options, debug); });
    }
    IOStatus Sync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return faults_.change("sync", path_, [] { return IOStatus::OK(); });
    }
    IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return faults_.change("sync", path_, [] { return IOStatus::OK(); });
    }

  private:
    std::string path_;
    FaultEnv& faults_;
};

class FaultDirectory final : public rocksdb::FSDirectoryWrapper {
  public:
    FaultDirectory(std::unique_ptr<FSDirectory> directory, std::string path, FaultEnv& faults)
        : FSDirectoryWrapper(std::move(directory)), path_(std::move(path)), faults_(faults) {}

    IOStatus Fsync(const IOOptions& /*options*/, IODebugContext* /*debug*/) override {
        return faults_.change("sync", path_, [] { return IOStatus::OK(); });
    }
    IOStatus FsyncWithDirOptions(const IOOptions& /*options*/, IODebugContext* /*debug*/,
                                 const DirFsyncOptions& /*directory*/) override {
        return faults_.change("sync", path_, [] { return IOStatus::OK(); });
    }

  private:
    std::string path_;
    FaultEnv& faults_;
};

class FaultFileSystem final : public rocksdb::FileSystemWrapper {
  public:
    explicit FaultFileSystem(FaultEnv& faults) : FileSystemWrapper(rocksdb::FileSystem::Default()), faults_(faults) {}
    const char* Name() const override { return "FaultFileSystem"; }

    IOStatus NewWritableFile(const std::string& path, const FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                             IODebugContext* debug) override {
        return wrap(path, file, faults_.change("create", path, [&] {
            return target()->NewWritableFile(path, options, file, debug);
        }));
    }
    IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                                std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
        return wrap(path, file, faults_.change("open", path, [&] {
            return target()->ReopenWritableFile(path, options, file, debug);
        }));
    }
    IOStatus NewDirectory(const std::string& path, const IOOptions& options, std::unique_ptr<FSDirectory>* directory,
                          IODebugContext* debug) override {
        IOStatus status = target()->NewDirectory(path, options, directory, debug);
        if (status.ok()) *directory = std::make_unique<FaultDirectory>(std::move(*directory), path, faults_);
        return status;
    }
    IOStatus CreateDir(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("mkdir", path, [&] { return target()->CreateDir(path, options, debug); });
    }
    IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("mkdir", path, [&] { return target()->CreateDirIfMissing(path, options, debug); });
    }
    IOStatus DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("delete", path, [&] { return target()->DeleteFile(path, options, debug); });
    }
    IOStatus Truncate(const std::string& path, size_t size, const IOOptions& options, IODebugContext* debug) override {
        return faults_.change("truncate", path, [&] { return target()->Truncate(path, size, options, debug); });
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override {
        return faults_.change("rename", to, [&] { return target()->RenameFile(from, to, options, debug); });
    }
    IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
        return faults_.change("link", to, [&] { return target()->LinkFile(from, to, options, debug); });
    }

  private:
    IOStatus wrap(const std::string& path, std::unique_ptr<FSWritableFile>* file, IOStatus status) {
        if (status.ok())
            *file = std::make_unique<FaultFile>(std::move(*file), path, faults_);
        else
            file->reset();
        return status;
    }
    FaultEnv& faults_;
};

}  // namespace

FaultEnv::FaultEnv(uint64_t n, Fault fault)
    : n_(n), fault_(fault), env_(rocksdb::NewCompositeEnv(std::make_shared<FaultFileSystem>(*this))) {}

std::vector<std::string> FaultEnv::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

bool FaultEnv::is_hit(const char* what, const std::string& path) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::string(what) + " " + std::filesystem::path(path).filename().string());
    return calls_.size() == n_;
}

}  // namespace upline::testing
