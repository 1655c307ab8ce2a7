// SPDX-License-Identifier: Apache-2.0
// RocksDB as this room uses it: its errors in our words, its options, its slices. Only files of ledger/store include
// this.
#pragma once

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "events/base/result.h"

namespace upline {

// The one place where RocksDB's words become ours. `doing`: what failed.
Error to_error(const rocksdb::Status& status, std::string_view doing);

#define UPLINE_TRY_ROCKS(expression, doing)                             \
    do {                                                                \
        const rocksdb::Status& rocks_status_ = (expression);            \
        if (!rocks_status_.ok()) return to_error(rocks_status_, doing); \
    } while (false)

inline std::string_view view(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}
inline rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

// `env`: nullptr for the real one.
rocksdb::DBOptions db_options(rocksdb::Env* env);
// Of a family as the table in ledger/store/families.h describes it, or of a read model.
rocksdb::ColumnFamilyOptions family_options(std::string_view name, const std::shared_ptr<rocksdb::Cache>& cache);

uint64_t bytes_of_files(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family);

// For reading in ascending order. RocksDB reads ahead up to `most_ahead` bytes, but no more than the `files` there are:
// each iterator takes that memory at its first block.
constexpr uint64_t kReadAhead = 2 << 20;
rocksdb::ReadOptions scan_options(uint64_t files, uint64_t most_ahead = kReadAhead);

Status remove_files(const std::filesystem::path& path);

}  // namespace upline
