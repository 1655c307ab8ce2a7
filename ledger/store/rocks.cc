// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/rocks.h"

#include <rocksdb/env.h>
#include <rocksdb/table.h>

#include <algorithm>

#include "events/base/check.h"
#include "ledger/store/families.h"

namespace upline {
namespace {

// RocksDB's diary, unwritten: its own file logger aborts the process when the disk is full (7.8, as Debian builds it),
// and every error it would tell of comes back as a status too.
class NoLogger final : public rocksdb::Logger {
  public:
    using rocksdb::Logger::Logv;
    void Logv(rocksdb::InfoLogLevel /*level*/, const char* /*format*/, va_list /*arguments*/) override {}
};

}  // namespace

Error to_error(const rocksdb::Status& status, std::string_view doing) {
    const ErrorCode code = status.IsCorruption()        ? ErrorCode::kCorrupt
                           : status.IsNotFound()        ? ErrorCode::kNotFound
                           : status.IsInvalidArgument() ? ErrorCode::kInvalid
                                                        : ErrorCode::kUnavailable;
    const char* advice = "";
    if (status.IsNoSpace()) advice = "; the disk is full: make room and run again, nothing is lost";
    return {code, fmt::format("{}: {}{}", doing, status.ToString(), advice)};
}

rocksdb::DBOptions db_options(rocksdb::Env* env) {
    rocksdb::DBOptions options;
    if (env) options.env = env;
    // After a power cut the database is what it was after one of its writes, with all before it and nothing behind: the
    // first torn record ends recovery, be it in the newest log or in one before. What acknowledged writes were damaged
    // the event log gives again. A stored state that is then ahead of the entries is refused, a read model rebuilt.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    options.max_background_jobs = 2;
    options.max_total_wal_size = 512 << 20;
    options.bytes_per_sync = 1 << 20;           // spreads write-back, so that an fsync does not find gigabytes dirty
    options.max_manifest_file_size = 16 << 20;  // each reader that opens reads it
    options.max_open_files = -1;                // a secondary needs every file open, in case the primary deletes it
    options.max_file_opening_threads = 1;  // the default starts 15 more for each family that has files, however few
    options.info_log = std::make_shared<NoLogger>();
    return options;
}

rocksdb::ColumnFamilyOptions family_options(std::string_view name, const std::shared_ptr<rocksdb::Cache>& cache) {
    const Family* const family = find_family(name);
    const bool is_model = name.starts_with(kModelPrefix);
    rocksdb::ColumnFamilyOptions options;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.format_version = 5;
    // Half of an entry is hashes and ids: nothing to compress. Read models and pages of records shrink well.
    options.compression = rocksdb::kNoCompression;
    if (family && family->content == Content::kPages) {
        // Keys only grow, so files never overlap and are moved down a level without being rewritten.
        options.write_buffer_size = 64 << 20;
        options.target_file_size_base = 64 << 20;
        table.block_size = 64 << 10;
    } else if (is_model) {
        options.compression = rocksdb::kLZ4Compression;
        // Small files are merged with small ones, and large ones seldom.
        options.compaction_style = rocksdb::kCompactionStyleUniversal;
    }
    if (is_model || (family && family->written_by == WrittenBy::kIngest)) {
        // Files that wait to be merged would stop all writes, but nothing is written there.
        options.level0_slowdown_writes_trigger = options.level0_stop_writes_trigger = 1 << 20;
    }
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

uint64_t bytes_of_files(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
    uint64_t bytes = 0;
    UPLINE_CHECK(db.GetIntProperty(family, rocksdb::DB::Properties::kLiveSstFilesSize, &bytes), "a known property");
    return bytes;
}

rocksdb::ReadOptions scan_options(uint64_t files, uint64_t most_ahead) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.readahead_size = std::min(files, most_ahead);
    return options;
}

Status remove_files(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path.native(), error.message())};
    return ok_status();
}

}  // namespace upline
