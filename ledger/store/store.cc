// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/rate_limiter.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "events/base/async.h"
#include "events/base/check.h"
#include "ledger/core/closing.h"
#include "ledger/store/id_loader.h"
#include "ledger/store/packed_table.h"
#include "ledger/store/rocksdb_log_guard.h"

namespace upline {
namespace {

constexpr size_t kPageEntries = 256;
// Folders of files on their way into the database.
constexpr char kStateToIngest[] = "ingest";
constexpr char kEntriesToIngest[] = "ingest_entries";
constexpr char kRowsToIngest[] = "ingest_rows";
constexpr const char* kFamilies[] = {"entries",   "offsets",  "tiles",   "bulk_entries", "bulk_offsets", "bulk_tiles",
                                     "bulk_head", "programs", "users",   "websites",     "accounts",     "books",
                                     "plans",     "payouts",  "refunds", "ids",          "state",        "closings"};

// The one place where RocksDB's words become ours.
Error to_error(const rocksdb::Status& status, std::string_view doing) {
    const ErrorCode code = status.IsCorruption()        ? ErrorCode::kCorrupt
                           : status.IsNotFound()        ? ErrorCode::kNotFound
                           : status.IsInvalidArgument() ? ErrorCode::kInvalid
                                                        : ErrorCode::kUnavailable;
    const char* advice = "";
    if (status.IsNoSpace()) advice = "; the disk is full: make room and run again, nothing is lost";
    return {code, fmt::format("{}: {}{}", doing, status.ToString(), advice)};
}

#define UPLINE_TRY_ROCKS(expression, doing)                             \
    do {                                                                \
        const rocksdb::Status& rocks_status_ = (expression);            \
        if (!rocks_status_.ok()) return to_error(rocks_status_, doing); \
    } while (false)

Status remove_files(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path.native(), error.message())};
    return ok_status();
}

std::string big_endian(uint64_t value) {
    std::string key(8, '\0');
    for (int i = 7; i >= 0; --i, value >>= 8) key[static_cast<size_t>(i)] = static_cast<char>(value & 0xff);
    return key;
}

uint64_t from_big_endian(std::string_view key) {
    uint64_t value = 0;
    for (const char byte : key.substr(0, 8)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
}

std::string tile_key(unsigned level, uint64_t index) {
    return std::string(1, static_cast<char>(level)) + big_endian(index);
}

std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}
std::string_view view(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

// Values of a few fixed fields, as they lie in memory.
template <class T>
std::string bytes_of(const T& record) {
    static_assert(std::has_unique_object_representations_v<T>);
    return {reinterpret_cast<const char*>(&record), sizeof record};
}
template <class T>
Result<T> record_of(std::string_view bytes, const char* what) {
    if (bytes.size() != sizeof(T))
        return Error{ErrorCode::kCorrupt, fmt::format("{}: {} bytes, expected {}", what, bytes.size(), sizeof(T))};
    T record;
    std::memcpy(&record, bytes.data(), sizeof record);
    return record;
}

struct StoredPosition {
    uint64_t size;
    Hash root;
    int64_t clock_us;
    Offset last_offset;
    int64_t last_append_time_ms;
    std::array<std::byte, 32> last_value_sha256;
    uint64_t bulk_size;  // what `bulk_head` said when it was written
};

void append_varint(int64_t value, std::string& out) {
    uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) out.push_back(static_cast<char>(zigzag | 0x80));
    out.push_back(static_cast<char>(zigzag));
}

std::optional<int64_t> take_varint(std::string_view& bytes) {
    uint64_t zigzag = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        zigzag |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
    }
    return std::nullopt;
}

// A page of entries: u32 count, u32 end of each entry counted from the end of this header, the entries.
struct Page {
    uint64_t first = 0;
    std::string_view value;

    uint32_t u32(size_t at) const {
        uint32_t number = 0;
        std::memcpy(&number, value.data() + at, sizeof number);
        return number;
    }
    uint32_t count() const { return u32(0); }
    size_t header() const { return 4 + size_t{4} * count(); }
    size_t begin(uint32_t i) const { return header() + (i == 0 ? 0 : u32(size_t{4} * i)); }
    size_t end(uint32_t i) const { return header() + u32(4 + size_t{4} * i); }

    // Whether every entry lies within the value, one after another, none left over.
    bool well_formed() const {
        if (value.size() < 4 || count() == 0 || count() > kPageEntries || value.size() < header()) return false;
        for (uint32_t i = 0; i < count(); ++i)
            if (end(i) < begin(i) || end(i) > value.size()) return false;
        return end(count() - 1) == value.size();
    }
};

uint64_t bytes_of_files(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family) {
    uint64_t bytes = 0;
    UPLINE_CHECK(db->GetIntProperty(family, rocksdb::DB::Properties::kLiveSstFilesSize, &bytes), "a known property");
    return bytes;
}

// For reading in order. What RocksDB reads ahead, `ahead` at most, is no larger than all there is, for each iterator
// takes that memory at its first block: of a small ledger, far more than all else.
constexpr uint64_t kReadAhead = 2 << 20;
rocksdb::ReadOptions in_order(uint64_t files, uint64_t ahead = kReadAhead) {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    options.readahead_size = std::min(files, ahead);
    return options;
}

// Two families read as one, in the order of their keys: pages written one way and the other (store.h). A key that is in
// both comes twice.
class MergedIterator {
  public:
    MergedIterator(rocksdb::DB* db, const rocksdb::ReadOptions& options, rocksdb::ColumnFamilyHandle* one,
                   rocksdb::ColumnFamilyHandle* other)
        : current_(db->NewIterator(options, one)), other_(db->NewIterator(options, other)) {}

    void Seek(const rocksdb::Slice& key) {
        current_->Seek(key);
        other_->Seek(key);
        other_is_ahead_ = true;
        take_first();
    }
    void SeekForPrev(const rocksdb::Slice& key) {
        current_->SeekForPrev(key);
        other_->SeekForPrev(key);
        if (!current_->Valid() || (other_->Valid() && other_->key().compare(current_->key()) > 0))
            std::swap(current_, other_);
        other_is_ahead_ = current_->Valid() && other_->Valid() && other_->key() == current_->key();
    }
    void Next() {
        current_->Next();
        if (!other_is_ahead_) {
            if (other_->Valid())
                other_->Next();
            else
                other_->SeekToFirst();
        }
        other_is_ahead_ = true;
        take_first();
    }
    bool Valid() const { return current_->Valid(); }
    rocksdb::Slice key() const { return current_->key(); }
    rocksdb::Slice value() const { return current_->value(); }
    rocksdb::Status status() const { return current_->status().ok() ? other_->status() : current_->status(); }

  private:
    void take_first() {
        if (!current_->Valid() || (other_->Valid() && other_->key().compare(current_->key()) < 0))
            std::swap(current_, other_);
    }
    std::unique_ptr<rocksdb::Iterator> current_;
    std::unique_ptr<rocksdb::Iterator> other_;
    bool other_is_ahead_ = true;  // or at the same key; else it stands at one before
};

enum class ReadOrder { kAscending, kAny };

// Reads entries through an iterator that it keeps, so that a walk in ascending order is one scan.
class EntryReader final : public EntrySource {
  public:
    EntryReader(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* written, rocksdb::ColumnFamilyHandle* bulk,
                ReadOrder order)
        : db_(db), written_(written), bulk_(bulk), order_(order) {}

    Result<std::span<const std::byte>> entry(uint64_t sequence) override {
        if (!holds(sequence)) UPLINE_TRY(seek(sequence));
        const auto i = static_cast<uint32_t>(sequence - page_.first);
        return std::as_bytes(std::span(page_.value.substr(page_.begin(i), page_.end(i) - page_.begin(i))));
    }
    const Page& page() const { return page_; }

  private:
    bool holds(uint64_t sequence) const {
        return !page_.value.empty() && sequence >= page_.first && sequence - page_.first < page_.count();
    }

    Status seek(uint64_t sequence) {
        // The next page in this iterator's view, else a new view.
        const bool follows = iterator_ && !page_.value.empty() && sequence == page_.first + page_.count();
        page_.value = {};
        if (follows) {
            iterator_->Next();
            if (iterator_->Valid()) {
                UPLINE_TRY(take());
                // Else a walk and a look-up could be given different bytes for one entry.
                if (page_.first < sequence) return overlap(sequence);
                if (page_.first == sequence) return ok_status();
                page_.value = {};  // a view of one family that is older than that of the other
            }
        } else if (order_ == ReadOrder::kAny && iterator_) {
            UPLINE_TRY(seek_for_previous(sequence));
            if (holds(sequence)) return ok_status();
        }
        const bool ascending = order_ == ReadOrder::kAscending;
        if (ascending && files_ < kReadAhead) files_ = bytes_of_files(db_, written_) + bytes_of_files(db_, bulk_);
        iterator_.emplace(db_, ascending ? in_order(files_) : rocksdb::ReadOptions(), written_, bulk_);
        UPLINE_TRY(seek_for_previous(sequence));
        if (follows && holds(sequence) && page_.first != sequence) return overlap(sequence);
        if (holds(sequence)) return ok_status();
        page_.value = {};
        return Error{ErrorCode::kNotFound, fmt::format("entry {} is missing", sequence)};
    }

    static Error overlap(uint64_t sequence) {
        return {ErrorCode::kCorrupt, fmt::format("entry {}: pages overlap", sequence)};
    }

    Status seek_for_previous(uint64_t sequence) {
        page_.value = {};
        iterator_->SeekForPrev(slice(big_endian(sequence)));
        if (iterator_->Valid()) UPLINE_TRY(take());
        UPLINE_TRY_ROCKS(iterator_->status(), fmt::format("entry {} cannot be read", sequence));
        return ok_status();
    }

    Status take() {
        const std::string_view key = view(iterator_->key());
        page_.first = key.size() == 8 ? from_big_endian(key) : UINT64_MAX;
        page_.value = view(iterator_->value());
        if (key.size() == 8 && page_.well_formed()) return ok_status();
        page_.value = {};
        return Error{ErrorCode::kCorrupt, fmt::format("entry {}: its page is not in the form of one", page_.first)};
    }

    rocksdb::DB* db_;
    rocksdb::ColumnFamilyHandle* written_;
    rocksdb::ColumnFamilyHandle* bulk_;
    ReadOrder order_;
    uint64_t files_ = 0;  // bytes of both families' as they were, until they are more than is read ahead
    std::optional<MergedIterator> iterator_;
    Page page_;  // a view into the iterator
};

// RocksDB's diary, unwritten: its own file logger aborts the process when the disk is full (7.8, as Debian builds it),
// and every error it would tell of comes back as a status too.
class NoLogger final : public rocksdb::Logger {
  public:
    using rocksdb::Logger::Logv;
    void Logv(rocksdb::InfoLogLevel /*level*/, const char* /*format*/, va_list /*arguments*/) override {}
};

rocksdb::DBOptions db_options() {
    rocksdb::DBOptions options;
    // After a power cut the database is what it was after one of its writes, with all before it and nothing behind: the
    // first torn record ends recovery, be it in the newest log or in one before. What acknowledged writes were damaged
    // the event log gives again. A stored state that is then ahead of the entries is refused, a read model made anew.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    options.max_background_jobs = 2;
    options.max_total_wal_size = 512 << 20;
    options.bytes_per_sync = 1 << 20;           // spreads write-back, so that an fsync does not find gigabytes dirty
    options.max_manifest_file_size = 16 << 20;  // each reader that opens reads it
    options.max_open_files = -1;                // a secondary needs every file open, in case the primary deletes it
    options.info_log = std::make_shared<NoLogger>();
    return options;
}

bool is_only_ingested(std::string_view name) {
    return name.starts_with("model.") || name.starts_with("bulk_") || name == "state" ||
           std::ranges::find(kRecordFamilies, name) != kRecordFamilies.end();
}

rocksdb::ColumnFamilyOptions family_options(std::string_view name, const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::ColumnFamilyOptions options;
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.format_version = 5;
    // Half of an entry is hashes and ids: nothing to compress. Read models and pages of records shrink well.
    options.compression = rocksdb::kNoCompression;
    if (name == "entries" || name == "tiles" || name == "offsets" || name.starts_with("bulk_")) {
        // Keys only grow, so files never overlap and are moved down a level without being rewritten.
        options.write_buffer_size = 64 << 20;
        options.target_file_size_base = 64 << 20;
        table.block_size = 64 << 10;
    } else if (name.starts_with("model.")) {
        options.compression = rocksdb::kLZ4Compression;
        // Small files are merged with small ones, and large ones seldom.
        options.compaction_style = rocksdb::kCompactionStyleUniversal;
    }
    if (is_only_ingested(name)) {
        // Files that wait to be merged would stop all writes, but nothing is written there.
        options.level0_slowdown_writes_trigger = options.level0_stop_writes_trigger = 1 << 20;
    }
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}

// A sorted file of one family, made with its first key. Keys in ascending order. The first error is told by finish().
class SortedFile {
  public:
    SortedFile(rocksdb::ColumnFamilyHandle* family, std::string path, const std::shared_ptr<rocksdb::Cache>& cache)
        : path_(std::move(path)),
          options_(db_options(), family_options(family->GetName(), cache)),
          writer_(rocksdb::EnvOptions(options_), options_, family) {}

    void put(std::string_view key, std::string_view value) {
        if (opens()) status_ = writer_.Put(slice(key), slice(value));
    }
    void remove(std::string_view key) {
        if (opens()) status_ = writer_.Delete(slice(key));
    }
    void remove_range(std::string_view begin, std::string_view end) {
        if (opens()) status_ = writer_.DeleteRange(slice(begin), slice(end));
    }
    bool is_empty() const { return !opened_; }
    rocksdb::Status finish() { return status_.ok() ? writer_.Finish() : status_; }

  private:
    bool opens() {
        if (!opened_) status_ = writer_.Open(path_);
        opened_ = true;
        return status_.ok();
    }
    std::string path_;
    rocksdb::Options options_;
    rocksdb::SstFileWriter writer_;
    bool opened_ = false;
    rocksdb::Status status_;
};

// Sorted files that are written aside and then become part of the database together, in one atomic step.
class FilesToIngest {
  public:
    // Of a folder in which one thread at a time writes files of a family.
    static Result<FilesToIngest> in(rocksdb::DB* db, const std::filesystem::path& folder,
                                    std::shared_ptr<rocksdb::Cache> cache) {
        std::error_code error;
        std::filesystem::create_directories(folder, error);
        if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", folder.native(), error.message())};
        return FilesToIngest(db, folder, std::move(cache));
    }

    // Writes one file of a family with what `fill` puts into it; none if it puts nothing.
    template <class Fill>
    Status write(rocksdb::ColumnFamilyHandle* family, Fill&& fill) {
        const std::string path = folder_ / fmt::format("{}-{}.sst", family->GetName(), files_++);
        // One that was left behind may be a file of the database by another name.
        UPLINE_TRY(remove_files(path));
        SortedFile file(family, path, cache_);
        fill(file);
        if (file.is_empty()) return ok_status();
        UPLINE_TRY_ROCKS(file.finish(), fmt::format("file of {}", family->GetName()));
        if (args_.empty() || args_.back().column_family != family) {
            args_.emplace_back().column_family = family;
            args_.back().options.move_files = true;
            args_.back().options.write_global_seqno = false;
        }
        args_.back().external_files.push_back(path);
        return ok_status();
    }
    Status ingest(std::string_view what) {
        if (!args_.empty()) UPLINE_TRY_ROCKS(db_->IngestExternalFiles(args_), what);
        return ok_status();
    }

  private:
    FilesToIngest(rocksdb::DB* db, std::filesystem::path folder, std::shared_ptr<rocksdb::Cache> cache)
        : db_(db), folder_(std::move(folder)), cache_(std::move(cache)) {}

    rocksdb::DB* db_;
    std::filesystem::path folder_;
    std::shared_ptr<rocksdb::Cache> cache_;
    std::vector<rocksdb::IngestExternalFileArg> args_;
    size_t files_ = 0;
};

// Pages of a read model. Only ever ingested: a reader in another process then sees all of a change or nothing of it,
// and no old page of its memory in place of a newer one in a file. What a large change writes is written once, and no
// sync of entries carries it; writers are held only while the manifest is synced.
class RocksTable final : public Table {
  public:
    RocksTable(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, std::filesystem::path folder,
               std::shared_ptr<rocksdb::Cache> cache)
        : db_(db), family_(family), folder_(std::move(folder)), cache_(std::move(cache)) {}

    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override {
        std::vector<std::optional<std::string>> values(keys.size());
        constexpr size_t kChunk = 1024;
        std::vector<rocksdb::Slice> slices(kChunk);
        std::vector<rocksdb::PinnableSlice> found(kChunk);
        std::vector<rocksdb::Status> statuses(kChunk);
        for (size_t first = 0; first < keys.size(); first += kChunk) {
            const size_t count = std::min(kChunk, keys.size() - first);
            for (size_t i = 0; i < count; ++i) slices[i] = keys[first + i];
            db_->MultiGet({}, family_, count, slices.data(), found.data(), statuses.data());
            for (size_t i = 0; i < count; ++i) {
                if (statuses[i].ok())
                    values[first + i] = found[i].ToString();
                else if (!statuses[i].IsNotFound())
                    return to_error(statuses[i], "read model row");
                found[i].Reset();
            }
        }
        return values;
    }

    Status change(RowChanges& changes) override {
        UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(db_, folder_, cache_));
        Status filled = ok_status();
        UPLINE_TRY(files.write(family_, [&](SortedFile& file) { filled = fill(changes, file); }));
        UPLINE_TRY(filled);
        return files.ingest("rows of a read model");
    }

    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override {
        const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, family_));
        for (it->Seek(slice(first)); it->Valid(); it->Next())
            if (!row(view(it->key()), view(it->value()))) break;
        UPLINE_TRY_ROCKS(it->status(), "scan of a read model");
        return ok_status();
    }

    Status clear() override {
        const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}, family_));
        it->SeekToFirst();
        UPLINE_TRY_ROCKS(it->status(), "clearing of a read model");
        if (!it->Valid()) return ok_status();
        UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(db_, folder_, cache_));
        // Every key of a read model is shorter than this one.
        const std::string past_all(64, '\xff');
        UPLINE_TRY(files.write(family_, [&](SortedFile& file) { file.remove_range({}, past_all); }));
        return files.ingest("clearing of a read model");
    }

  private:
    Status fill(RowChanges& changes, SortedFile& file) {
        const rocksdb::ReadOptions options = in_order(bytes_of_files(db_, family_), kReadAhead / 2);
        const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(options, family_));
        std::string value;
        bool placed = false;
        while (const auto key = changes.next()) {
            // A large change is of nearly all rows: the next is mostly a step away.
            constexpr int kSteps = 2;
            for (int step = 0; placed && step < kSteps && it->Valid() && it->key().compare(slice(*key)) < 0; ++step)
                it->Next();
            if (!placed || (it->Valid() && it->key().compare(slice(*key)) < 0)) it->Seek(slice(*key));
            placed = true;
            UPLINE_TRY_ROCKS(it->status(), "read model row");
            const bool is_stored = it->Valid() && it->key() == slice(*key);
            value.clear();
            UPLINE_TRY(changes.change(is_stored ? std::optional(view(it->value())) : std::nullopt, value));
            if (!value.empty() && !(is_stored && it->value() == slice(value)))
                file.put(*key, value);
            else if (value.empty() && is_stored)
                file.remove(*key);
        }
        return ok_status();
    }

    rocksdb::DB* db_;
    rocksdb::ColumnFamilyHandle* family_;
    std::filesystem::path folder_;
    std::shared_ptr<rocksdb::Cache> cache_;
};

std::string_view view(const merkle::Tile& tile) {
    return view(std::as_bytes(std::span(tile.hashes)));
}

std::optional<std::vector<Hash>> hashes_of(std::string_view bytes) {
    if (bytes.empty() || bytes.size() % sizeof(Hash) != 0 || bytes.size() > merkle::kTileWidth * sizeof(Hash))
        return std::nullopt;
    std::vector<Hash> hashes(bytes.size() / sizeof(Hash));
    std::memcpy(hashes.data(), bytes.data(), bytes.size());
    return hashes;
}

// Cuts a batch into pages, and its places into those of each page.
class PageWriter {
  public:
    PageWriter(const EntryBatch& batch, std::span<const RecordPlace> places) : batch_(batch), places_(places) {
        UPLINE_CHECK(places.size() == batch.size(), "a place for each entry");
    }
    // The next page: its key and its value in two parts. False if there is none.
    bool next() {
        if (next_ == batch_.size()) return false;
        const size_t count = std::min(kPageEntries, batch_.size() - next_);
        const uint32_t begin = next_ == 0 ? 0 : batch_.ends[next_ - 1];
        numbers_[0] = static_cast<uint32_t>(count);
        for (size_t i = 0; i < count; ++i) numbers_[1 + i] = batch_.ends[next_ + i] - begin;
        key = big_endian(batch_.first + next_);
        header = {reinterpret_cast<const char*>(numbers_.data()), 4 + 4 * count};
        entries = view(std::span(batch_.bytes).subspan(begin, batch_.ends[next_ + count - 1] - begin));
        places_of_page_ = places_.subspan(next_, count);
        next_ += count;
        return true;
    }
    std::string key;
    std::string_view header;
    std::string_view entries;
    // Valid until the next call.
    const std::string& offsets() {
        offsets_.clear();
        RecordPlace previous;
        for (const RecordPlace& place : places_of_page_) {
            append_varint(place.offset - previous.offset, offsets_);
            append_varint(place.append_time_ms - previous.append_time_ms, offsets_);
            previous = place;
        }
        return offsets_;
    }

  private:
    std::span<const RecordPlace> places_of_page_;
    std::string offsets_;
    const EntryBatch& batch_;
    std::span<const RecordPlace> places_;
    size_t next_ = 0;
    std::array<uint32_t, 1 + kPageEntries> numbers_;
};

std::string head_bytes(const Position& position, uint64_t bulk_size) {
    const LogPosition& last = *position.last_record;
    return bytes_of(StoredPosition{position.size, position.root, position.clock_us, last.offset, last.append_time_ms,
                                   last.value_sha256, bulk_size});
}

// What a row of a position says. Only that of `bulk_head` has a right edge.
struct Head {
    Position position;
    uint64_t bulk_size = 0;
    std::vector<merkle::Tile> right_edge;
};
Result<Head> head_of(std::string_view bytes) {
    UPLINE_TRY_ASSIGN(const StoredPosition stored,
                      record_of<StoredPosition>(bytes.substr(0, sizeof(StoredPosition)), "position"));
    Head head{{stored.size, stored.root, stored.clock_us,
               LogPosition{stored.last_offset, stored.last_append_time_ms, stored.last_value_sha256}},
              stored.bulk_size,
              {}};
    bytes.remove_prefix(sizeof stored);
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = stored.size >> (merkle::kTileHeight * level);
        const size_t size = hashes % merkle::kTileWidth * sizeof(Hash);
        if (bytes.empty() || size == 0) continue;
        if (static_cast<unsigned>(bytes.front()) != level || bytes.size() < 1 + size)
            return Error{ErrorCode::kCorrupt, "position: the right edge of its tree is misshapen"};
        head.right_edge.push_back({level, hashes / merkle::kTileWidth, *hashes_of(bytes.substr(1, size))});
        bytes.remove_prefix(1 + size);
    }
    if (!bytes.empty()) return Error{ErrorCode::kCorrupt, "position: the right edge of its tree is misshapen"};
    return head;
}

}  // namespace

struct Store::Impl {
    std::filesystem::path dir;
    Access access{};
    std::filesystem::path secondary;  // scratch folder of a reader
    std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(256 << 20);
    std::unique_ptr<rocksdb::DB> db;
    std::map<std::string, rocksdb::ColumnFamilyHandle*, std::less<>> families;
    mutable std::mutex families_mutex;  // a read model's may be added while a thread beside writes
    uint64_t stored_size = 0;
    uint64_t bulk_size = 0;   // of the last entries that were ingested
    bool has_written = true;  // through the write-ahead log, what the next ingest follows

    rocksdb::ColumnFamilyHandle* family(std::string_view name) const {
        const std::lock_guard lock(families_mutex);
        const auto found = families.find(name);
        UPLINE_CHECK(found != families.end(), "a column family of the database");
        return found->second;
    }

    Result<std::optional<std::string>> get(std::string_view family_name, std::string_view key) const {
        std::string value;
        const rocksdb::Status status = db->Get({}, family(family_name), slice(key), &value);
        if (status.IsNotFound()) return std::optional<std::string>();
        UPLINE_TRY_ROCKS(status, fmt::format("read of {}", family_name));
        return std::optional<std::string>(std::move(value));
    }

    Result<std::optional<Head>> head_in(std::string_view family_name) const {
        UPLINE_TRY_ASSIGN(const std::optional<std::string> value, get(family_name, "position"));
        if (!value) return std::optional<Head>();
        UPLINE_TRY_ASSIGN(Head head, head_of(*value));
        return std::optional(std::move(head));
    }
    Result<std::optional<Head>> bulk_head() const {
        UPLINE_TRY_ASSIGN(std::optional<Head> head, head_in("bulk_head"));
        if (head && head->bulk_size != head->position.size)
            return Error{ErrorCode::kCorrupt, "position after the last ingest: it is of another one"};
        return head;
    }
    // The newer of the two.
    Result<Head> head() const {
        // In this order: what was ingested between the two is then the newer one.
        UPLINE_TRY_ASSIGN(std::optional<Head> written, head_in("default"));
        UPLINE_TRY_ASSIGN(std::optional<Head> bulk, bulk_head());
        const uint64_t ingested = bulk ? bulk->position.size : 0;
        if (written && written->position.size == ingested && bulk &&
            head_bytes(written->position, ingested) != head_bytes(bulk->position, ingested))
            return Error{ErrorCode::kCorrupt, "the position that was written is not that of the last ingest"};
        if (bulk && (!written || written->position.size <= ingested)) return std::move(*bulk);
        if (!written) return Head{{0, merkle::empty_root(), 0, std::nullopt}, 0, {}};
        if (written->bulk_size != ingested)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("{}: the position follows {} ingested entries, there are {}; make the ledger anew "
                                     "with `upline replay`",
                                     dir.native(), written->bulk_size, ingested)};
        return std::move(*written);
    }

    // What an ingest follows must not hang on the write-ahead log any more: a log that is damaged later would take it
    // away and leave what was ingested, with a hole before it.
    Status flush_written() {
        if (!has_written) return ok_status();
        std::vector<rocksdb::ColumnFamilyHandle*> handles;
        for (const char* name : {"default", "entries", "offsets", "tiles", "closings"}) handles.push_back(family(name));
        UPLINE_TRY_ROCKS(db->Flush(rocksdb::FlushOptions(), handles), "writing out entries before an ingest");
        has_written = false;
        return ok_status();
    }

    // What was written before the last ingest and is in it anew, or is wider: the position and the right edge. A crash
    // may keep it; it is then passed over and dropped at the next opening.
    Status drop_superseded() {
        rocksdb::WriteBatch batch;
        UPLINE_TRY_ASSIGN(const std::optional<Head> written, head_in("default"));
        if (!written || written->position.size > bulk_size || written->bulk_size == bulk_size) return ok_status();
        // A reader that sees this and not the ingest sees by bulk_size that it has to look again.
        UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, bulk_head());
        UPLINE_CHECK(bulk && bulk->position.size == bulk_size, "the head of the last ingest");
        UPLINE_TRY_ROCKS(batch.Put(family("default"), "position", head_bytes(bulk->position, bulk_size)), "position");
        for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
            const uint64_t hashes = written->position.size >> (merkle::kTileHeight * level);
            if (hashes % merkle::kTileWidth == 0) continue;
            UPLINE_TRY_ROCKS(batch.Delete(family("tiles"), tile_key(level, hashes / merkle::kTileWidth)), "tiles");
        }
        UPLINE_TRY_ROCKS(db->Write({}, &batch), "write of a position");
        return ok_status();
    }

    // A reader's view of the write-ahead log may be newer than its view of what was ingested: then it lacks entries
    // that its position counts, and has to look again.
    Status catch_up() const {
        for (int attempt = 0;; ++attempt) {
            UPLINE_TRY_ROCKS(db->TryCatchUpWithPrimary(), "catching up with the writer");
            const Result<Head> both = head();
            if (both.ok() || attempt == kMostAttempts) return ok_status();  // what is wrong, position() says
            std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
        }
    }
    static constexpr int kMostAttempts = 20;

    void check_follows(std::span<const CommitPart> parts, const Position& position) const {
        uint64_t size = stored_size;
        for (const CommitPart& part : parts) {
            UPLINE_CHECK(part.entries->first == size, "batches that follow what is stored and one another");
            size += part.entries->size();
        }
        UPLINE_CHECK(position.size == size && position.last_record, "a position after the last batch");
    }

    Result<FilesToIngest> files_to_ingest(const char* name) const {
        return FilesToIngest::in(db.get(), dir / name, cache);
    }

    // The families of the state are written together: with no position there is nothing in any.
    Status check_state_keys(bool has_position) const {
        const std::unique_ptr<rocksdb::Iterator> of_state(db->NewIterator({}, family("state")));
        of_state->SeekToFirst();
        if (of_state->Valid() && of_state->key() == "position") of_state->Next();
        if (of_state->Valid()) return Error{ErrorCode::kCorrupt, "stored state: a key besides its position"};
        UPLINE_TRY_ROCKS(of_state->status(), "read of state");
        if (has_position) return ok_status();
        for (const char* name : kRecordFamilies) {
            const std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, family(name)));
            it->SeekToFirst();
            if (it->Valid())
                return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} are stored, and no position", name)};
            UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", name));
        }
        return ok_status();
    }

    ~Impl() {
        for (const auto& [name, handle] : families) db->DestroyColumnFamilyHandle(handle);
        if (db) db->Close().PermitUncheckedError();
        db.reset();
        std::error_code ignored;  // a scratch folder left behind harms nobody
        if (!secondary.empty()) std::filesystem::remove_all(secondary, ignored);
    }
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& dir, Access access) {
    auto impl = std::make_unique<Impl>();
    impl->dir = dir;
    impl->access = access;

    std::vector<std::string> names;
    std::error_code unreadable;  // then opening it says why
    const bool exists = std::filesystem::exists(dir / "CURRENT", unreadable);
    if (exists)
        UPLINE_TRY_ROCKS(rocksdb::DB::ListColumnFamilies(db_options(), dir, &names), dir.native());
    else if (access == Access::kRead)
        return Error{ErrorCode::kNotFound, fmt::format("{}: no ledger", dir.native())};
    if (access == Access::kWrite) {
        for (const char* name : kFamilies)
            if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
        if (std::find(names.begin(), names.end(), "default") == names.end()) names.emplace_back("default");
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    descriptors.reserve(names.size());
    for (const std::string& name : names) descriptors.emplace_back(name, family_options(name, impl->cache));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DBOptions options = db_options();
    rocksdb::DB* db = nullptr;
    if (access == Access::kWrite) {
        // What RocksDB writes in the background goes out in small portions: a sync of entries would wait behind large
        // ones.
        constexpr int64_t kBackgroundBytesPerSecond = 128 << 20;
        constexpr int64_t kPortionUs = 10'000;
        options.rate_limiter.reset(rocksdb::NewGenericRateLimiter(kBackgroundBytesPerSecond, kPortionUs));
        options.create_if_missing = true;
        options.create_missing_column_families = true;
        // A record of a damaged type ends RocksDB's reading of it as if nothing followed.
        if (exists) UPLINE_TRY(check_log_form(dir, LogFiles::kManifest));
        UPLINE_TRY_ROCKS(rocksdb::DB::Open(options, dir, descriptors, &handles, &db), dir.native());
    } else {
        std::string scratch = std::filesystem::temp_directory_path() / "upline-reader-XXXXXX";
        if (!::mkdtemp(scratch.data()))
            return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot make a scratch folder", scratch)};
        impl->secondary = scratch;
        UPLINE_TRY(check_log_form(dir, LogFiles::kAll));
        UPLINE_TRY_ROCKS(rocksdb::DB::OpenAsSecondary(options, dir, scratch, descriptors, &handles, &db), dir.native());
    }
    impl->db.reset(db);
    for (size_t i = 0; i < names.size(); ++i) impl->families.emplace(names[i], handles[i]);
    for (const char* name : kFamilies) {
        if (impl->families.contains(name)) continue;
        // A writer makes them one by one, and only then writes whose ledger it is.
        UPLINE_TRY_ASSIGN(const std::optional<std::string> shard, impl->get("default", "shard"));
        if (!shard)
            return Error{
                ErrorCode::kNotFound,
                fmt::format("{}: no ledger yet, its making is not done; `upline run` goes on with it", dir.native())};
        // It may have come to an end between our list of families and our look at what is in them.
        std::vector<std::string> names_now;
        UPLINE_TRY_ROCKS(rocksdb::DB::ListColumnFamilies(db_options(), dir, &names_now), dir.native());
        if (names_now.size() > names.size()) return open(dir, access);
        return Error{ErrorCode::kCorrupt, fmt::format("{}: column family {} is missing", dir.native(), name)};
    }
    // What a crash left behind before it was ingested, or while: such a file may be one of the database by now, under
    // another name, and must not be written to again.
    if (access == Access::kWrite)
        for (const char* name : {kStateToIngest, kEntriesToIngest, kRowsToIngest}) UPLINE_TRY(remove_files(dir / name));
    std::unique_ptr<Store> store(new Store(std::move(impl)));
    Impl& opened = *store->impl_;
    if (access == Access::kRead) UPLINE_TRY(opened.catch_up());
    UPLINE_TRY_ASSIGN(const Position position, store->position());
    UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, opened.bulk_head());
    opened.stored_size = position.size;
    opened.bulk_size = bulk ? bulk->position.size : 0;
    if (access == Access::kWrite) UPLINE_TRY(opened.drop_superseded());
    return store;
}

Status Store::bind(const ShardInfo& info) {
    UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> stored, this->info());
    if (!stored) {
        std::string value(8, '\0');
        std::memcpy(value.data(), &info.identity.partition, 4);
        std::memcpy(value.data() + 4, &info.identity.partition_count, 4);
        rocksdb::WriteOptions options;
        options.sync = true;
        UPLINE_TRY_ROCKS(impl_->db->Put(options, impl_->family("default"), "shard", value + info.log_identity),
                         "write of the shard's identity");
        return ok_status();
    }
    if (stored->identity.partition != info.identity.partition ||
        stored->identity.partition_count != info.identity.partition_count)
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: this ledger is of partition {} of {}, the log says {} of {}; a topic's partition "
                                 "count is fixed for its life: give the log it was made from, or a new --data",
                                 impl_->dir.native(), stored->identity.partition, stored->identity.partition_count,
                                 info.identity.partition, info.identity.partition_count)};
    // A ledger may move between a log and its copies (Kafka mirrors); two logs that both have an identity are two.
    if (!stored->log_identity.empty() && !info.log_identity.empty() && stored->log_identity != info.log_identity)
        return Error{ErrorCode::kConflict,
                     fmt::format("{}: this ledger was made from log {}, this is log {}: the log was replaced; give the "
                                 "one it was made from, or a new --data",
                                 impl_->dir.native(), stored->log_identity, info.log_identity)};
    return ok_status();
}

Result<std::optional<ShardInfo>> Store::info() {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, impl_->get("default", "shard"));
    if (!value) return std::optional<ShardInfo>();
    if (value->size() < 8) return Error{ErrorCode::kCorrupt, "the shard's identity is too short"};
    ShardInfo info;
    std::memcpy(&info.identity.partition, value->data(), 4);
    std::memcpy(&info.identity.partition_count, value->data() + 4, 4);
    info.log_identity = value->substr(8);
    return std::optional<ShardInfo>(std::move(info));
}

Result<Position> Store::position() {
    UPLINE_TRY_ASSIGN(const Head head, impl_->head());
    return head.position;
}

Status Store::catch_up() {
    UPLINE_CHECK(impl_->access == Access::kRead, "a reader");
    return impl_->catch_up();
}

// Of another process's writer, what is in a write-ahead log may be seen before its own sync has ended.
Status Store::sync() {
    if (impl_->access == Access::kWrite) return ok_status();
    UPLINE_TRY(catch_up());
    std::error_code error;
    for (std::filesystem::directory_iterator it(impl_->dir, error), end; !error && it != end; it.increment(error)) {
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
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", impl_->dir.native(), error.message())};
    return ok_status();
}

Status Store::commit(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles, const Position& position) {
    size_t bytes = tiles.size() * 9000;
    for (const CommitPart& part : parts) bytes += part.entries->bytes.size() + part.entries->size() * 12;
    impl_->check_follows(parts, position);
    rocksdb::WriteBatch batch(bytes);
    for (const CommitPart& part : parts) {
        PageWriter pages(*part.entries, part.places);
        while (pages.next()) {
            const rocksdb::Slice key(pages.key);
            const std::array<rocksdb::Slice, 2> value = {slice(pages.header), slice(pages.entries)};
            UPLINE_TRY_ROCKS(
                batch.Put(impl_->family("entries"), rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(value.data(), 2)),
                "entries");
            UPLINE_TRY_ROCKS(batch.Put(impl_->family("offsets"), key, pages.offsets()), "offsets");
        }
    }
    for (const merkle::Tile& tile : tiles)
        UPLINE_TRY_ROCKS(batch.Put(impl_->family("tiles"), tile_key(tile.level, tile.index), slice(view(tile))),
                         "tiles");
    UPLINE_TRY_ROCKS(batch.Put(impl_->family("default"), "position", head_bytes(position, impl_->bulk_size)),
                     "position");
    rocksdb::WriteOptions options;
    options.sync = true;
    UPLINE_TRY_ROCKS(impl_->db->Write(options, &batch), "write of a batch of entries");
    impl_->stored_size = position.size;
    impl_->has_written = true;
    return ok_status();
}

Status Store::ingest(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles,
                     std::span<const merkle::Tile> right_edge, const Position& position) {
    impl_->check_follows(parts, position);
    UPLINE_TRY_ASSIGN(FilesToIngest files, impl_->files_to_ingest(kEntriesToIngest));
    UPLINE_TRY(files.write(impl_->family("bulk_entries"), [&](SortedFile& file) {
        std::string page;
        for (const CommitPart& part : parts) {
            PageWriter pages(*part.entries, part.places);
            while (pages.next()) {
                page.assign(pages.header).append(pages.entries);
                file.put(pages.key, page);
            }
        }
    }));
    UPLINE_TRY(files.write(impl_->family("bulk_offsets"), [&](SortedFile& file) {
        for (const CommitPart& part : parts) {
            PageWriter pages(*part.entries, part.places);
            while (pages.next()) file.put(pages.key, pages.offsets());
        }
    }));
    // A file for each level: the keys of a level only grow, so the files of a level never overlap.
    for (unsigned level = 0; level < merkle::kTileLevels; ++level)
        UPLINE_TRY(files.write(impl_->family("bulk_tiles"), [&](SortedFile& file) {
            for (const merkle::Tile& tile : tiles)
                if (tile.level == level && tile.hashes.size() == merkle::kTileWidth)
                    file.put(tile_key(tile.level, tile.index), view(tile));
        }));
    UPLINE_TRY(files.write(impl_->family("bulk_head"), [&](SortedFile& file) {
        std::string head = head_bytes(position, position.size);
        for (const merkle::Tile& tile : right_edge) {
            head.push_back(static_cast<char>(tile.level));
            head += view(tile);
        }
        file.put("position", head);
    }));
    UPLINE_TRY(impl_->flush_written());
    UPLINE_TRY(files.ingest("a batch of entries"));
    impl_->stored_size = impl_->bulk_size = position.size;
    return impl_->drop_superseded();
}

namespace {

constexpr size_t kChunkLeaves = 1285;  // 64 KiB

std::string closing_key(Index program, uint32_t chunk) {
    return big_endian(uint64_t{program} << 32 | chunk);
}

}  // namespace

Status Store::keep_closing(Index program, Sequence sequence, std::span<const std::byte> leaves) {
    constexpr size_t kChunkBytes = kChunkLeaves * kBalanceLeafBytes;
    impl_->has_written = true;
    rocksdb::WriteBatch batch;
    const std::string head = bytes_of(sequence);
    uint32_t chunk = 0;
    do {
        const std::span<const std::byte> part = leaves.first(std::min(kChunkBytes, leaves.size()));
        leaves = leaves.subspan(part.size());
        UPLINE_TRY_ROCKS(
            batch.Put(impl_->family("closings"), closing_key(program, chunk++), head + std::string(view(part))),
            "leaves of a closing");
        if (batch.GetDataSize() < (4 << 20) && !leaves.empty()) continue;
        // In parts, so that no batch of entries waits for all of them.
        UPLINE_TRY_ROCKS(impl_->db->Write({}, &batch), "write of a closing's leaves");
        batch.Clear();
    } while (!leaves.empty());
    return ok_status();
}

Result<Store::KeptClosing> Store::kept_closing(Index program) {
    const Error none{ErrorCode::kNotFound, "no leaves of a closing are kept"};
    KeptClosing kept;
    const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator({}, impl_->family("closings")));
    uint32_t chunk = 0;
    for (it->Seek(slice(closing_key(program, 0))); it->Valid(); it->Next(), ++chunk) {
        if (view(it->key()) != closing_key(program, chunk)) break;
        const std::string_view value = view(it->value());
        if (value.size() < 8 || (value.size() - 8) % kBalanceLeafBytes != 0)
            return Error{ErrorCode::kCorrupt, fmt::format("closing of program {}: its leaves are misshapen", program)};
        Sequence sequence = 0;
        std::memcpy(&sequence, value.data(), sizeof sequence);
        if (chunk == 0)
            kept.sequence = sequence;
        else if (sequence != kept.sequence)
            return none;
        const auto leaves = std::as_bytes(std::span(value.substr(8)));
        kept.leaves.insert(kept.leaves.end(), leaves.begin(), leaves.end());
    }
    UPLINE_TRY_ROCKS(it->status(), "read of a closing's leaves");
    if (chunk == 0) return none;
    return kept;
}

Status Store::write_state(const StateChanges& changes) {
    UPLINE_TRY_ASSIGN(FilesToIngest files, impl_->files_to_ingest(kStateToIngest));
    for (const StateChanges::Run& run : changes.runs)
        UPLINE_TRY(files.write(impl_->family(kRecordFamilies[run.kind]), [&](SortedFile& file) {
            for (uint32_t i = 0; i < run.chunks.size(); ++i) file.put(run_key(changes.size, i), run.chunks[i]);
        }));
    UPLINE_TRY(files.write(impl_->family("state"), [&](SortedFile& file) { file.put("position", changes.position); }));
    // The entries it is a fold of must not be behind it on disk. They were synced with each batch; asking again is
    // cheap, and keeps this right should a batch ever not be.
    UPLINE_TRY_ROCKS(impl_->db->FlushWAL(true), "sync before storing state");
    UPLINE_TRY(files.ingest("storing state"));
    // Runs before a base lie in files of their own, which go as they are. A crash before that leaves them to the next.
    for (const StateChanges::Run& run : changes.runs) {
        if (!run.is_base) continue;
        const std::string end = run_key(changes.size, 0);
        const rocksdb::Slice begin_slice;
        const rocksdb::Slice end_slice(end);
        UPLINE_TRY_ROCKS(rocksdb::DeleteFilesInRange(impl_->db.get(), impl_->family(kRecordFamilies[run.kind]),
                                                     &begin_slice, &end_slice, false),
                         "removing an older state");
    }
    return ok_status();
}

Result<std::unique_ptr<State>> Store::load_state() {
    auto state = std::make_unique<State>();
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, impl_->get("state", "position"));
    UPLINE_TRY(impl_->check_state_keys(value.has_value()));
    if (!value) return state;
    UPLINE_TRY_ASSIGN(StatePosition stored, parse_state_position(*value));
    UPLINE_TRY_ASSIGN(const Position entries, position());
    if (stored.size > entries.size)
        return Error{
            ErrorCode::kCorrupt,
            fmt::format("stored state is of {} entries, but there are only {}: a part of the database is gone; "
                        "make the ledger anew with `upline replay`",
                        stored.size, entries.size)};
    IdLoader ids(*state);
    const GiveIds give = [&](NewIds some) { ids.give(std::move(some)); };
    const auto load_kind = [&](size_t kind) -> Status {
        const char* const name = kRecordFamilies[kind];
        RunLoader loader(*state, stored, kind, give);
        rocksdb::ColumnFamilyHandle* const family = impl_->family(name);
        const rocksdb::ReadOptions options = in_order(bytes_of_files(impl_->db.get(), family));
        const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(options, family));
        for (it->Seek(run_key(stored.stored[kind].base, 0)); it->Valid(); it->Next())
            if (!loader.take(view(it->key()), view(it->value())))
                return Error{ErrorCode::kCorrupt,
                             fmt::format("stored state: a part of {} is missing or misshapen", name)};
        UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", name));
        if (!loader.done())
            return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} are not what was stored", name)};
        return ok_status();
    };
    // Users and websites are by far the most. One thread takes their records in, one puts their ids into the table, and
    // one has the kernel clear the memory for them, and loads accounts and other ids.
    UPLINE_TRY(load_kind(kProgramsKind));
    uint64_t count = 0;
    for (const size_t kind : {kUsersKind, kWebsitesKind, kPayoutsKind, kIdsKind}) count += stored.stored[kind].records;
    state->reserve_ids(std::min(count, stored.size));
    const State::Arrays arrays = state->arrays();
    arrays.users.reserve(most_things(kUsersKind, stored));
    arrays.websites.reserve(most_things(kWebsitesKind, stored));
    // No more than the files can hold, whatever a damaged position says.
    const auto in_files = [&](size_t kind, uint64_t things) {
        return std::min(things, bytes_of_files(impl_->db.get(), impl_->family(kRecordFamilies[kind])) / sizeof(Uuid));
    };
    std::future<void> putting_ids = run_async([&] { ids.run(); });
    const Status loaded = [&]() -> Status {
        struct AtEnd {
            IdLoader& ids;
            ~AtEnd() { ids.end(); }
        } at_end{ids};
        std::future<Status> others = run_async([&]() -> Status {
            // Users are hardly ever stored again, websites mostly are.
            arrays.users.populate(in_files(kUsersKind, most_things(kUsersKind, stored)));
            arrays.websites.populate(in_files(kWebsitesKind, least_things(kWebsitesKind, stored)));
            UPLINE_TRY(load_kind(kAccountsKind));
            return load_kind(kIdsKind);
        });
        for (size_t kind = 0; kind < kStateKinds; ++kind)
            if (kind != kProgramsKind && kind != kAccountsKind && kind != kIdsKind) UPLINE_TRY(load_kind(kind));
        return others.get();
    }();
    UPLINE_TRY(loaded);
    UPLINE_TRY(state->restore(stored.size, stored.clock_us, stored.rules_version, std::move(stored.holds)));
    putting_ids.get();
    // An id that were missing would let what it names happen twice.
    if (state->ids().size() !=
        state->users().size() + state->websites().size() + state->payouts().size() + stored.stored[kIdsKind].records)
        return Error{ErrorCode::kCorrupt, "stored state: not every thing has its id"};
    state->stored() = stored.stored;
    return state;
}

std::unique_ptr<EntrySource> Store::entries() {
    return std::make_unique<EntryReader>(impl_->db.get(), impl_->family("entries"), impl_->family("bulk_entries"),
                                         ReadOrder::kAscending);
}

std::unique_ptr<EntrySource> Store::look_up() {
    return std::make_unique<EntryReader>(impl_->db.get(), impl_->family("entries"), impl_->family("bulk_entries"),
                                         ReadOrder::kAny);
}

Result<RecordPlace> Store::place(Sequence sequence) {
    const Error missing{ErrorCode::kCorrupt, fmt::format("the log offset of entry {} is missing", sequence)};
    MergedIterator it(impl_->db.get(), {}, impl_->family("offsets"), impl_->family("bulk_offsets"));
    it.SeekForPrev(slice(big_endian(sequence)));
    UPLINE_TRY_ROCKS(it.status(), "read of offsets");
    if (!it.Valid() || it.key().size() != 8) return missing;
    std::string_view bytes = view(it.value());
    RecordPlace place;
    for (uint64_t i = from_big_endian(view(it.key())); i <= sequence; ++i) {
        const auto offset = take_varint(bytes);
        const auto time = take_varint(bytes);
        if (!offset || !time) return missing;
        add_to(place.offset, *offset);
        add_to(place.append_time_ms, *time);
    }
    return place;
}

std::vector<RecordPlace> Store::places(Sequence first, size_t count) {
    std::vector<RecordPlace> places;
    places.reserve(count);
    MergedIterator it(impl_->db.get(), {}, impl_->family("offsets"), impl_->family("bulk_offsets"));
    it.SeekForPrev(slice(big_endian(first)));
    while (places.size() < count && it.Valid() && it.key().size() == 8) {
        std::string bytes = it.value().ToString();
        const uint64_t begin = from_big_endian(view(it.key()));
        it.Next();
        // Up to the next page, wherever that begins.
        const uint64_t end = it.Valid() && it.key().size() == 8 ? from_big_endian(view(it.key())) : UINT64_MAX;
        std::string_view rest = bytes;
        RecordPlace place;
        for (uint64_t i = begin; i < end && places.size() < count; ++i) {
            const auto offset = take_varint(rest);
            const auto time = take_varint(rest);
            if (!offset || !time) return places;
            add_to(place.offset, *offset);
            add_to(place.append_time_ms, *time);
            if (i >= first) places.push_back(place);
        }
    }
    return places;
}

// A tile that was partial when it was written one way may be wider written the other: the widest is the newest.
Result<std::optional<merkle::Tile>> Store::tile(unsigned level, uint64_t index) {
    std::optional<merkle::Tile> widest;
    const auto take = [&](std::vector<Hash> hashes) {
        if (!widest || hashes.size() > widest->hashes.size()) widest = merkle::Tile{level, index, std::move(hashes)};
    };
    // In this order: a tile that an ingest replaces between two looks is in a later one.
    for (const char* name : {"tiles", "bulk_head", "bulk_tiles"}) {
        if (widest && widest->hashes.size() == merkle::kTileWidth) break;
        if (name == std::string_view("bulk_head")) {
            UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, impl_->bulk_head());
            if (bulk)
                for (const merkle::Tile& tile : bulk->right_edge)
                    if (tile.level == level && tile.index == index) take(tile.hashes);
            continue;
        }
        UPLINE_TRY_ASSIGN(const std::optional<std::string> value, impl_->get(name, tile_key(level, index)));
        if (!value) continue;
        std::optional<std::vector<Hash>> hashes = hashes_of(*value);
        if (!hashes) return Error{ErrorCode::kCorrupt, fmt::format("tile {}/{} is misshapen", level, index)};
        take(std::move(*hashes));
    }
    return widest;
}

Result<merkle::Tree> Store::load_tree(uint64_t size) {
    std::vector<merkle::Tile> edge;
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = size >> (merkle::kTileHeight * level);
        if (hashes % merkle::kTileWidth == 0) continue;
        UPLINE_TRY_ASSIGN(std::optional<merkle::Tile> tile, this->tile(level, hashes / merkle::kTileWidth));
        if (tile) edge.push_back(std::move(*tile));
    }
    std::optional<merkle::Tree> tree = merkle::Tree::restore(size, edge);
    if (!tree)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("the tiles at the right edge of the tree of {} entries are missing "
                                 "or misshapen",
                                 size)};
    return std::move(*tree);
}

Result<std::unique_ptr<Table>> Store::table(std::string_view name) {
    const std::string family = fmt::format("model.{}", name);
    if (!impl_->families.contains(family)) {
        if (impl_->access == Access::kRead)
            return Error{ErrorCode::kNotFound,
                         fmt::format("{}: no read model {}; `upline run` makes it", impl_->dir.native(), name)};
        rocksdb::ColumnFamilyHandle* handle = nullptr;
        UPLINE_TRY_ROCKS(impl_->db->CreateColumnFamily(family_options(family, impl_->cache), family, &handle), family);
        const std::lock_guard lock(impl_->families_mutex);
        impl_->families.emplace(family, handle);
    }
    auto pages =
        std::make_unique<RocksTable>(impl_->db.get(), impl_->family(family), impl_->dir / kRowsToIngest, impl_->cache);
    return std::unique_ptr<Table>(std::make_unique<PackedTable>(std::move(pages), page_bits(name)));
}

std::vector<std::string> Store::families() const {
    std::vector<std::string> names;
    for (const auto& [name, handle] : impl_->families) names.push_back(name);
    return names;
}

namespace {

template <class Iterator>
class RocksWalk final : public Store::RawWalk {
  public:
    RocksWalk(Iterator iterator, std::string_view name, std::string_view first)
        : name_(name), iterator_(std::move(iterator)) {
        iterator_->Seek(slice(first));
    }

    Result<std::optional<Row>> next() override {
        if (begun_) iterator_->Next();
        begun_ = iterator_->Valid();
        if (begun_) return std::optional(Row{view(iterator_->key()), view(iterator_->value())});
        UPLINE_TRY_ROCKS(iterator_->status(), fmt::format("read of {}", name_));
        return std::optional<Row>();
    }

  private:
    std::string name_;
    Iterator iterator_;
    bool begun_ = false;
};

rocksdb::ReadOptions walk_options() {
    rocksdb::ReadOptions options;
    options.fill_cache = false;
    return options;
}

}  // namespace

Result<std::optional<Store::BulkHead>> Store::bulk_head() {
    UPLINE_TRY_ASSIGN(std::optional<Head> head, impl_->bulk_head());
    if (!head) return std::optional<BulkHead>();
    return std::optional(BulkHead{head->position, std::move(head->right_edge)});
}

std::unique_ptr<Store::RawWalk> Store::walk_both(std::string_view family, std::string_view first) const {
    auto iterator = std::make_unique<MergedIterator>(impl_->db.get(), walk_options(), impl_->family(family),
                                                     impl_->family(fmt::format("bulk_{}", family)));
    return std::make_unique<RocksWalk<std::unique_ptr<MergedIterator>>>(std::move(iterator), family, first);
}

std::unique_ptr<Store::RawWalk> Store::walk(std::string_view family, std::string_view first) const {
    std::unique_ptr<rocksdb::Iterator> iterator(impl_->db->NewIterator(walk_options(), impl_->family(family)));
    return std::make_unique<RocksWalk<std::unique_ptr<rocksdb::Iterator>>>(std::move(iterator), family, first);
}

Status Store::tamper(std::string_view family, std::string_view key, std::string_view value) {
    UPLINE_TRY_ROCKS(impl_->db->Put({}, impl_->family(family), slice(key), slice(value)), "tamper");
    return ok_status();
}

Status Store::remove_raw(std::string_view family, std::string_view key) {
    UPLINE_TRY_ROCKS(impl_->db->Delete({}, impl_->family(family), slice(key)), "tamper");
    return ok_status();
}

Result<std::string> Store::raw(std::string_view family, std::string_view key) {
    UPLINE_TRY_ASSIGN(std::optional<std::string> value, impl_->get(family, key));
    if (!value) return Error{ErrorCode::kNotFound, fmt::format("no such key in {}", family)};
    return std::move(*value);
}

Result<Store::EntryPlace> Store::entry_place(Sequence sequence) {
    EntryReader reader(impl_->db.get(), impl_->family("entries"), impl_->family("bulk_entries"), ReadOrder::kAny);
    UPLINE_TRY(reader.entry(sequence));
    const Page& page = reader.page();
    const auto i = static_cast<uint32_t>(sequence - page.first);
    const std::string key = big_endian(page.first);
    UPLINE_TRY_ASSIGN(const std::optional<std::string> in_bulk, impl_->get("bulk_entries", key));
    return EntryPlace{in_bulk ? "bulk_entries" : "entries", key, page.begin(i), page.end(i) - page.begin(i)};
}

Result<uint64_t> Store::bytes_on_disk() {
    uint64_t bytes = 0;
    std::error_code error;
    for (std::filesystem::recursive_directory_iterator it(impl_->dir, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code gone;  // a compaction may delete a file between listing and asking
        const uint64_t size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
        if (!gone) bytes += size;
    }
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", impl_->dir.native(), error.message())};
    return bytes;
}

}  // namespace upline
