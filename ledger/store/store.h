// SPDX-License-Identifier: Apache-2.0
// The opened RocksDB of one partition: whose ledger it is, where it ends, its entries. Which families it has and what
// lies in them: ledger/store/families.h. The rest of what is stored is read and written through
//
//     ledger_writer.h   appends entries                    rows.h           tables of read models
//     ledger_reader.h   places, tiles, closings            raw_iterator.h   any row, for the auditor
//     state_store.h     the state                          fold_forward.h   the state, brought up to the last entry
//
// Which calls, from which thread:
//
//     any thread, also while another writes   info, position, family, get; all of ledger_reader.h; iterators
//     one thread each                         an EntrySource, a Table, a RawIterator
//     the committing thread                   LedgerWriter
//     one thread at a time, also while the    write_state
//       committing thread writes
//     one thread, while nobody else calls     open, bind, catch_up, sync, load_state, open_table, families,
//                                             bytes_on_disk; the destructor
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/core.h"
#include "ledger/core/entry_source.h"
#include "ledger/store/deletion_guard.h"
#include "ledger/store/ledger_head.h"

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class Env;
}  // namespace rocksdb

namespace upline {

struct ShardInfo {
    ShardIdentity identity;
    std::string log_identity;  // EventLog::identity; empty if the log has none
};

struct StoreOptions {
    // The file system RocksDB uses, for tests that make it fail; nullptr: the real one. Must outlive the store.
    rocksdb::Env* env = nullptr;
};

class Store {
  public:
    enum class Access { kWrite, kRead };

    // kWrite makes the database if there is none. kRead sees what a writer in another process has written, as of now
    // (call catch_up for later), and writes nothing to the folder.
    static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, Access access,
                                               StoreOptions options = {});
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // Fixed for ever by the first call: kConflict when given another partition count or log than stored.
    Status bind(const ShardInfo& info);
    Result<std::optional<ShardInfo>> info() const;
    Result<LedgerHead> position() const;
    Status catch_up();
    // Returns when what position() says after it is on the disk, whoever wrote it.
    Status sync();

    // Readers of entries; none may outlive the store. The first for a walk in ascending order, the second for any
    // order.
    std::unique_ptr<EntrySource> scan_reader() const;
    std::unique_ptr<EntrySource> point_reader() const;

    std::vector<std::string> families() const;
    // Bytes of all live files, write-ahead log included.
    Result<uint64_t> bytes_on_disk() const;

    // For the other files of ledger/store.
    const std::filesystem::path& dir() const { return dir_; }
    Access access() const { return access_; }
    rocksdb::DB& db() const { return *db_; }
    rocksdb::Env* env() const { return guard_ ? guard_->env() : options_.env; }
    // REQUIRES: open for writing.
    DeletionGuard& deletion_guard() const { return *guard_; }
    const std::shared_ptr<rocksdb::Cache>& cache() const { return cache_; }
    // REQUIRES: there is such a family.
    rocksdb::ColumnFamilyHandle* family(std::string_view name) const;
    bool has_family(std::string_view name) const;
    Status make_family(const std::string& name);
    // The value of a key; nullopt if there is none.
    Result<std::optional<std::string>> get(std::string_view family, std::string_view key) const;

  private:
    Store(std::filesystem::path dir, Access access, StoreOptions options);
    Status open_database();
    Result<bool> is_complete(size_t families_seen) const;
    Status see_newest() const;

    std::filesystem::path dir_;
    Access access_;
    StoreOptions options_;
    std::filesystem::path scratch_;         // of a reader
    std::unique_ptr<DeletionGuard> guard_;  // of a writer
    std::shared_ptr<rocksdb::Cache> cache_;
    std::unique_ptr<rocksdb::DB> db_;
    mutable std::mutex families_mutex_;  // a read model's may be added while another thread writes
    std::map<std::string, rocksdb::ColumnFamilyHandle*, std::less<>> families_;
};

}  // namespace upline
