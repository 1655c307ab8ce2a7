// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/rate_limiter.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "events/base/check.h"
#include "ledger/store/entry_reader.h"
#include "ledger/store/families.h"
#include "ledger/store/ingest.h"
#include "ledger/store/rocks.h"
#include "ledger/store/rocksdb_log_guard.h"

namespace upline {

Store::Store(std::filesystem::path dir, Access access, StoreOptions options)
    : dir_(std::move(dir)), access_(access), options_(options), cache_(rocksdb::NewLRUCache(256 << 20)) {
    if (access_ == Access::kWrite) guard_ = std::make_unique<DeletionGuard>(options_.env);
}

Store::~Store() {
    for (const auto& [name, handle] : families_) db_->DestroyColumnFamilyHandle(handle);
    if (db_) db_->Close().PermitUncheckedError();
    db_.reset();
    std::error_code ignored;  // a scratch folder left behind harms nobody
    if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& dir, Access access, StoreOptions options) {
    std::unique_ptr<Store> store(new Store(dir, access, options));
    UPLINE_TRY(store->open_database());
    // It may have come to an end between our list of families and our look at what is in them.
    UPLINE_TRY_ASSIGN(const bool complete, store->is_complete(store->families_.size()));
    if (!complete) return open(dir, access, options);
    // What a crash left behind before it was ingested, or while: such a file may be one of the database by now, under
    // another name, and must not be written to again.
    if (access == Access::kWrite)
        for (const char* name : {kStateToIngest, kEntriesToIngest, kRowsToIngest}) UPLINE_TRY(remove_files(dir / name));
    if (access == Access::kRead) UPLINE_TRY(store->see_newest());
    UPLINE_TRY(store->position());
    return store;
}

Status Store::open_database() {
    std::vector<std::string> names;
    std::error_code unreadable;  // then opening it says why
    const bool exists = std::filesystem::exists(dir_ / "CURRENT", unreadable);
    if (exists)
        UPLINE_TRY_ROCKS(rocksdb::DB::ListColumnFamilies(db_options(env()), dir_, &names), dir_.native());
    else if (access_ == Access::kRead)
        return Error{ErrorCode::kNotFound, fmt::format("{}: no ledger", dir_.native())};
    if (access_ == Access::kWrite)
        for (const Family& family : kFamilies)
            if (std::ranges::find(names, family.name) == names.end()) names.emplace_back(family.name);
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(names.size());
    for (const std::string& name : names) descriptors.emplace_back(name, family_options(name, cache_));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DBOptions options = db_options(env());
    rocksdb::DB* db = nullptr;
    if (access_ == Access::kWrite) {
        // What RocksDB writes in the background goes out in small portions: a sync of entries would wait behind large
        // ones.
        constexpr int64_t kBackgroundBytesPerSecond = 128 << 20;
        constexpr int64_t kPortionUs = 10'000;
        options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(kBackgroundBytesPerSecond, kPortionUs));
        options.create_if_missing = true;
        options.create_missing_column_families = true;
        // A record of a damaged type ends RocksDB's reading of it as if nothing followed.
        if (exists) UPLINE_TRY(check_log_form(dir_, LogFiles::kManifest));
        UPLINE_TRY_ROCKS(rocksdb::DB::Open(options, dir_, descriptors, &handles, &db), dir_.native());
    } else {
        std::string scratch = std::filesystem::temp_directory_path() / "upline-reader-XXXXXX";
        if (!::mkdtemp(scratch.data()))
            return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot make a scratch folder", scratch)};
        scratch_ = scratch;
        UPLINE_TRY(check_log_form(dir_, LogFiles::kAll));
        UPLINE_TRY_ROCKS(rocksdb::DB::OpenAsSecondary(options, dir_, scratch, descriptors, &handles, &db),
                         dir_.native());
    }
    db_.reset(db);
    for (size_t i = 0; i < names.size(); ++i) families_.emplace(names[i], handles[i]);
    return ok_status();
}

// False if a family is missing that a writer has made meanwhile.
Result<bool> Store::is_complete(size_t families_seen) const {
    for (const Family& family : kFamilies) {
        if (has_family(family.name)) continue;
        // A writer makes them one by one, and only then writes whose ledger it is.
        UPLINE_TRY_ASSIGN(const std::optional<std::string> shard, get("default", "shard"));
        if (!shard)
            return Error{
                ErrorCode::kNotFound,
                fmt::format("{}: no ledger yet, its making is not done; `upline run` goes on with it", dir_.native())};
        std::vector<std::string> names_now;
        UPLINE_TRY_ROCKS(rocksdb::DB::ListColumnFamilies(db_options(env()), dir_, &names_now), dir_.native());
        if (names_now.size() > families_seen) return false;
        return Error{ErrorCode::kCorrupt, fmt::format("{}: column family {} is missing", dir_.native(), family.name)};
    }
    return true;
}

// A reader's view of the write-ahead log may be newer than its view of what was ingested: then it lacks entries that
// its position counts, and has to look again.
Status Store::see_newest() const {
    constexpr int kMaxAttempts = 20;
    for (int attempt = 0;; ++attempt) {
        UPLINE_TRY_ROCKS(db_->TryCatchUpWithPrimary(), "catching up with the writer");
        if (read_head(*this).ok() || attempt == kMaxAttempts) return ok_status();  // what is wrong, position() says
        std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
    }
}

Status Store::catch_up() {
    UPLINE_CHECK(access_ == Access::kRead, "a reader");
    return see_newest();
}

Status Store::bind(const ShardInfo& info) {
    UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> stored, this->info());
    if (!stored) {
        std::string value(8, '\0');
        std::memcpy(value.data(), &info.identity.partition, 4);
        std::memcpy(value.data() + 4, &info.identity.partition_count, 4);
        rocksdb::WriteOptions options;
        options.sync = true;
        UPLINE_TRY_ROCKS(db_->Put(options, family("default"), "shard", value + info.log_identity),
                         "write of the shard's identity");
        return ok_status();
    }
    if (stored->identity.partition != info.identity.partition ||
        stored->identity.partition_count != info.identity.partition_count)
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: this ledger is of partition {} of {}, the log says {} of {}; a topic's partition "
                                 "count is fixed for its life: give the log it was made from, or a new --data",
                                 dir_.native(), stored->identity.partition, stored->identity.partition_count,
                                 info.identity.partition, info.identity.partition_count)};
    // A ledger may move between a log and its copies (Kafka mirrors); two logs that both have an identity are two.
    if (!stored->log_identity.empty() && !info.log_identity.empty() && stored->log_identity != info.log_identity)
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: this ledger was made from log {}, this is log {}: the log was replaced; give the "
                                 "one it was made from, or a new --data",
                                 dir_.native(), stored->log_identity, info.log_identity)};
    return ok_status();
}

Result<std::optional<ShardInfo>> Store::info() const {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, get("default", "shard"));
    if (!value) return std::optional<ShardInfo>();
    if (value->size() < 8) return Error{ErrorCode::kCorrupt, "the shard's identity is too short"};
    ShardInfo info;
    std::memcpy(&info.identity.partition, value->data(), 4);
    std::memcpy(&info.identity.partition_count, value->data() + 4, 4);
    info.log_identity = value->substr(8);
    return std::optional<ShardInfo>(std::move(info));
}

Result<LedgerHead> Store::position() const {
    UPLINE_TRY_ASSIGN(const Head head, read_head(*this));
    return head.position;
}

// Of another process's writer, what is in a write-ahead log may be seen before its own sync has ended.
Status Store::sync() {
    if (access_ == Access::kWrite) return ok_status();
    UPLINE_TRY(catch_up());
    std::error_code error;
    for (std::filesystem::directory_iterator it(dir_, error), end; !error && it != end; it.increment(error)) {
        // An ingest may be seen before its record in the manifest is on the disk, too; its files are.
        if (it->path().extension() != ".log" && !it->path().filename().native().starts_with("MANIFEST-")) continue;
        const int fd = ::open(it->path().c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) continue;  // its contents are in a synced table by now
        const bool synced = fd >= 0 && ::fdatasync(fd) == 0;
        const int failure = errno;
        if (fd >= 0) ::close(fd);
        if (!synced)
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{}: sync: {}", it->path().native(), std::strerror(failure))};
    }
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", dir_.native(), error.message())};
    return ok_status();
}

std::unique_ptr<EntrySource> Store::scan_reader() const {
    return std::make_unique<EntryReader>(*this, EntryReader::Order::kAscending);
}

std::unique_ptr<EntrySource> Store::point_reader() const {
    return std::make_unique<EntryReader>(*this, EntryReader::Order::kAny);
}

std::vector<std::string> Store::families() const {
    std::vector<std::string> names;
    for (const auto& [name, handle] : families_) names.push_back(name);
    return names;
}

Result<uint64_t> Store::bytes_on_disk() const {
    uint64_t bytes = 0;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(dir_, error), end; !error && it != end; it.increment(error)) {
        std::error_code gone;  // a compaction may delete a file between listing and asking
        const uint64_t size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
        if (!gone) bytes += size;
    }
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", dir_.native(), error.message())};
    return bytes;
}

rocksdb::ColumnFamilyHandle* Store::family(std::string_view name) const {
    const std::lock_guard lock(families_mutex_);
    const auto found = families_.find(name);
    UPLINE_CHECK(found != families_.end(), "a column family of the database");
    return found->second;
}

bool Store::has_family(std::string_view name) const {
    const std::lock_guard lock(families_mutex_);
    return families_.contains(name);
}

Status Store::make_family(const std::string& name) {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    UPLINE_TRY_ROCKS(db_->CreateColumnFamily(family_options(name, cache_), name, &handle), name);
    const std::lock_guard lock(families_mutex_);
    families_.emplace(name, handle);
    return ok_status();
}

Result<std::optional<std::string>> Store::get(std::string_view family_name, std::string_view key) const {
    std::string value;
    const rocksdb::Status status = db_->Get({}, family(family_name), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    UPLINE_TRY_ROCKS(status, fmt::format("read of {}", family_name));
    return std::optional<std::string>(std::move(value));
}

}  // namespace upline
