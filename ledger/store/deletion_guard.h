// SPDX-License-Identifier: Apache-2.0
// Keeps RocksDB from deleting files that its manifest may name. An ingest whose record in the manifest was reported as
// failed may be recorded all the same; RocksDB 7.8 deletes its files then, and the database cannot be opened any more.
#pragma once

#include <functional>
#include <memory>

namespace rocksdb {
class Env;
class Status;
}  // namespace rocksdb

namespace upline {

// Thread-safe. The Env must outlive the database that uses it.
class DeletionGuard {
  public:
    // `base`: nullptr for the real one.
    explicit DeletionGuard(rocksdb::Env* base);
    ~DeletionGuard();
    rocksdb::Env* env() const { return env_.get(); }

    // Runs an ingest. Its thread deletes no table of the database meanwhile, and after an error no thread does: the
    // next opening deletes those that the manifest does not name.
    rocksdb::Status run(const std::function<rocksdb::Status()>& ingest);

  private:
    class GuardedFiles;
    std::shared_ptr<GuardedFiles> files_;
    std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace upline
