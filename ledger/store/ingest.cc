// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/ingest.h"

namespace upline {

SortedFile::SortedFile(const Store& store, rocksdb::ColumnFamilyHandle* family, std::string path)
    : path_(std::move(path)),
      options_(db_options(store.env()), family_options(family->GetName(), store.cache())),
      writer_(rocksdb::EnvOptions(options_), options_, family) {}

Result<FilesToIngest> FilesToIngest::in(const Store& store, const char* folder) {
    const std::filesystem::path path = store.dir() / folder;
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path.native(), error.message())};
    return FilesToIngest(store, path);
}

void FilesToIngest::add(rocksdb::ColumnFamilyHandle* family, const std::string& path) {
    if (args_.empty() || args_.back().column_family != family) {
        args_.emplace_back().column_family = family;
        args_.back().options.move_files = true;
        args_.back().options.write_global_seqno = false;
    }
    args_.back().external_files.push_back(path);
}

Status FilesToIngest::ingest(std::string_view doing) {
    if (args_.empty()) return ok_status();
    UPLINE_TRY_ROCKS(store_.deletion_guard().run([&] { return store_.db().IngestExternalFiles(args_); }), doing);
    return ok_status();
}

}  // namespace upline
