// SPDX-License-Identifier: Apache-2.0
// Sorted files that are written aside and then become part of the database together, in one atomic step.
#pragma once

#include <rocksdb/sst_file_writer.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "ledger/store/rocks.h"
#include "ledger/store/store.h"

namespace upline {

// Folders of files on their way into the database. One thread at a time writes to each.
inline constexpr char kStateToIngest[] = "ingest";
inline constexpr char kEntriesToIngest[] = "ingest_entries";
inline constexpr char kRowsToIngest[] = "ingest_rows";

// A sorted file of one family, made with its first key. Keys in ascending order. The first error is told by finish().
class SortedFile {
  public:
    SortedFile(const Store& store, rocksdb::ColumnFamilyHandle* family, std::string path);

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

class FilesToIngest {
  public:
    // In one of the folders above, which is made if it is not there.
    static Result<FilesToIngest> in(const Store& store, const char* folder);

    // Writes one file of a family with what `fill(file)` puts into it; none if it puts nothing.
    template <class Fill>
    Status write(rocksdb::ColumnFamilyHandle* family, Fill&& fill) {
        const std::string path = folder_ / fmt::format("{}-{}.sst", family->GetName(), files_++);
        // One that was left behind may be a file of the database by another name.
        UPLINE_TRY(remove_files(path));
        SortedFile file(store_, family, path);
        fill(file);
        if (file.is_empty()) return ok_status();
        UPLINE_TRY_ROCKS(file.finish(), fmt::format("file of {}", family->GetName()));
        add(family, path);
        return ok_status();
    }
    // `doing`: for errors.
    Status ingest(std::string_view doing);

  private:
    FilesToIngest(const Store& store, std::filesystem::path folder) : store_(store), folder_(std::move(folder)) {}
    void add(rocksdb::ColumnFamilyHandle* family, const std::string& path);

    const Store& store_;
    std::filesystem::path folder_;
    std::vector<rocksdb::IngestExternalFileArg> args_;
    size_t files_ = 0;
};

}  // namespace upline
