// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/rows.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "ledger/store/families.h"
#include "ledger/store/ingest.h"
#include "ledger/store/packed_table.h"
#include "ledger/store/rocks.h"

namespace upline {
namespace {

// Pages of a read model. Only ever ingested: a reader in another process then sees all of a change or nothing of it,
// and no old page of its memory in place of a newer one in a file. What a large change writes is written once, and no
// sync of entries carries it; writers are held only while the manifest is synced.
class RocksTable final : public Table {
  public:
    RocksTable(const Store& store, rocksdb::ColumnFamilyHandle* family) : store_(store), family_(family) {}

    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override {
        std::vector<std::optional<std::string>> values(keys.size());
        constexpr size_t kChunk = 1024;
        std::vector<rocksdb::Slice> slices(kChunk);
        std::vector<rocksdb::PinnableSlice> found(kChunk);
        std::vector<rocksdb::Status> statuses(kChunk);
        for (size_t first = 0; first < keys.size(); first += kChunk) {
            const size_t count = std::min(kChunk, keys.size() - first);
            for (size_t i = 0; i < count; ++i) slices[i] = keys[first + i];
            store_.db().MultiGet({}, family_, count, slices.data(), found.data(), statuses.data());
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
        UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(store_, kRowsToIngest));
        Status filled = ok_status();
        UPLINE_TRY(files.write(family_, [&](SortedFile& file) { filled = fill(changes, file); }));
        UPLINE_TRY(filled);
        return files.ingest("rows of a read model");
    }

    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override {
        const std::unique_ptr<rocksdb::Iterator> it(store_.db().NewIterator({}, family_));
        for (it->Seek(slice(first)); it->Valid(); it->Next())
            if (!row(view(it->key()), view(it->value()))) break;
        UPLINE_TRY_ROCKS(it->status(), "scan of a read model");
        return ok_status();
    }

    Status clear() override {
        const std::unique_ptr<rocksdb::Iterator> it(store_.db().NewIterator({}, family_));
        it->SeekToFirst();
        UPLINE_TRY_ROCKS(it->status(), "clearing of a read model");
        if (!it->Valid()) return ok_status();
        UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(store_, kRowsToIngest));
        // Every key of a read model is shorter than this one.
        const std::string past_all(64, '\xff');
        UPLINE_TRY(files.write(family_, [&](SortedFile& file) { file.remove_range({}, past_all); }));
        return files.ingest("clearing of a read model");
    }

  private:
    Status fill(RowChanges& changes, SortedFile& file) {
        const rocksdb::ReadOptions options = scan_options(bytes_of_files(store_.db(), family_), kReadAhead / 2);
        const std::unique_ptr<rocksdb::Iterator> it(store_.db().NewIterator(options, family_));
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

    const Store& store_;
    rocksdb::ColumnFamilyHandle* family_;
};

}  // namespace

Result<std::unique_ptr<Table>> open_table(Store& store, std::string_view name, size_t page_bits) {
    const std::string family = fmt::format("{}{}", kModelPrefix, name);
    if (!store.has_family(family)) {
        if (store.access() == Store::Access::kRead)
            return Error{ErrorCode::kNotFound,
                         fmt::format("{}: no read model {}; `upline run` makes it", store.dir().native(), name)};
        UPLINE_TRY(store.make_family(family));
    }
    auto pages = std::make_unique<RocksTable>(store, store.family(family));
    return std::unique_ptr<Table>(std::make_unique<PackedTable>(std::move(pages), page_bits));
}

}  // namespace upline
