// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/deletion_guard.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/status.h>

#include <atomic>
#include <filesystem>
#include <string>

namespace upline {
namespace {

thread_local bool is_ingesting = false;

// Tables have the names RocksDB gives them, as 000123.sst; files on their way in have others.
bool is_table(const std::string& path) {
    const std::filesystem::path name = std::filesystem::path(path).filename();
    return name.extension() == ".sst" && name.stem().native().find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

class DeletionGuard::GuardedFiles final : public rocksdb::FileSystemWrapper {
  public:
    using FileSystemWrapper::FileSystemWrapper;
    const char* Name() const override { return "GuardedFiles"; }
    rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override {
        if ((is_ingesting || has_failed) && is_table(path)) return rocksdb::IOStatus::OK();
        return target()->DeleteFile(path, options, debug);
    }
    std::atomic<bool> has_failed = false;
};

DeletionGuard::DeletionGuard(rocksdb::Env* base)
    : files_(std::make_shared<GuardedFiles>(base ? base->GetFileSystem() : rocksdb::FileSystem::Default())),
      env_(rocksdb::NewCompositeEnv(files_)) {}

DeletionGuard::~DeletionGuard() = default;

rocksdb::Status DeletionGuard::run(const std::function<rocksdb::Status()>& ingest) {
    is_ingesting = true;
    rocksdb::Status status = ingest();
    if (!status.ok()) files_->has_failed = true;
    is_ingesting = false;
    return status;
}

}  // namespace upline
