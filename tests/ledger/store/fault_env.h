// SPDX-License-Identifier: Apache-2.0
// A file system for RocksDB whose n-th change of the disk fails: a write, a sync, a close, a rename, a link, a
// deletion, a new file or folder. Either it is not done, or it is done and reported as failed.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace upline::testing {

// Thread-safe. Syncs are counted and not done, for no test cuts the power.
class FaultEnv {
  public:
    enum class Fault : uint8_t { kNotDone, kDoneAndReported };

    // `n` from 1 on; 0: nothing fails.
    FaultEnv(uint64_t n, Fault fault);
    rocksdb::Env* env() { return env_.get(); }

    // All calls so far, as "sync MANIFEST-000004"; the n-th failed.
    std::vector<std::string> calls() const;

    // For the files this gives out: counts a call, and does it or not.
    template <class Call>
    rocksdb::IOStatus change(const char* what, const std::string& path, Call&& call) {
        if (!is_hit(what, path)) return call();
        if (fault_ == Fault::kDoneAndReported) call().PermitUncheckedError();
        return rocksdb::IOStatus::IOError("a fault of the test");
    }

  private:
    bool is_hit(const char* what, const std::string& path);

    const uint64_t n_;
    const Fault fault_;
    mutable std::mutex mutex_;
    std::vector<std::string> calls_;
    std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace upline::testing
