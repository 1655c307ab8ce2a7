// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/ledger_writer.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/core/closing.h"
#include "ledger/store/families.h"
#include "ledger/store/ingest.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/rocks.h"

namespace upline {

Result<LedgerWriter> LedgerWriter::open(Store& store) {
    UPLINE_TRY_ASSIGN(const Head head, read_head(store));
    UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, read_bulk_head(store));
    LedgerWriter writer(store, head.position.size, bulk ? bulk->position.size : 0);
    UPLINE_TRY(writer.drop_superseded());
    return writer;
}

void LedgerWriter::check_follows(std::span<const CommitPart> parts, const LedgerHead& position) const {
    uint64_t size = stored_size_;
    for (const CommitPart& part : parts) {
        UPLINE_CHECK(part.entries->first == size, "batches that follow what is stored and one another");
        size += part.entries->size();
    }
    UPLINE_CHECK(position.size == size && position.last_record, "a position after the last batch");
}

// What an ingest follows must not hang on the write-ahead log any more: a log that is damaged later would take it away
// and leave what was ingested, with a hole before it.
Status LedgerWriter::flush_written() {
    if (!has_written_) return ok_status();
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    for (const Family& family : kFamilies)
        if (family.written_by == WrittenBy::kLog) handles.push_back(store_->family(family.name));
    UPLINE_TRY_ROCKS(store_->db().Flush(rocksdb::FlushOptions(), handles), "writing out entries before an ingest");
    has_written_ = false;
    return ok_status();
}

// The position and the right edge that were written before the last ingest: the ingest repeats them, or has wider ones.
// A crash may keep them; they are then passed over, and dropped at the next opening.
Status LedgerWriter::drop_superseded() {
    UPLINE_TRY_ASSIGN(const std::optional<Head> written, read_written_head(*store_));
    if (!written || written->position.size > bulk_size_ || written->bulk_size == bulk_size_) return ok_status();
    // A reader that sees this and not the ingest sees by bulk_size that it has to look again.
    UPLINE_TRY_ASSIGN(const std::optional<Head> bulk, read_bulk_head(*store_));
    UPLINE_CHECK(bulk && bulk->position.size == bulk_size_, "the head of the last ingest");
    rocksdb::WriteBatch batch;
    UPLINE_TRY_ROCKS(batch.Put(store_->family("default"), "position", head_bytes(bulk->position, bulk_size_)),
                     "position");
    for (unsigned level = 0; level < merkle::kTileLevels; ++level) {
        const uint64_t hashes = written->position.size >> (merkle::kTileHeight * level);
        if (hashes % merkle::kTileWidth == 0) continue;
        UPLINE_TRY_ROCKS(batch.Delete(store_->family("tiles"), tile_key(level, hashes / merkle::kTileWidth)), "tiles");
    }
    UPLINE_TRY_ROCKS(store_->db().Write({}, &batch), "write of a position");
    return ok_status();
}

Status LedgerWriter::commit(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles,
                            const LedgerHead& position) {
    size_t bytes = tiles.size() * 9000;
    for (const CommitPart& part : parts) bytes += part.entries->bytes.size() + part.entries->size() * 12;
    check_follows(parts, position);
    rocksdb::ColumnFamilyHandle* const entries = store_->family("entries");
    rocksdb::ColumnFamilyHandle* const offsets = store_->family("offsets");
    rocksdb::WriteBatch batch(bytes);
    for (const CommitPart& part : parts) {
        PageWriter pages(part);
        while (pages.next()) {
            const rocksdb::Slice key(pages.key);
            const std::array<rocksdb::Slice, 2> value = {slice(pages.header), slice(pages.entries)};
            UPLINE_TRY_ROCKS(batch.Put(entries, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(value.data(), 2)),
                             "entries");
            UPLINE_TRY_ROCKS(batch.Put(offsets, key, pages.places()), "offsets");
        }
    }
    for (const merkle::Tile& tile : tiles)
        UPLINE_TRY_ROCKS(batch.Put(store_->family("tiles"), tile_key(tile.level, tile.index), slice(tile_bytes(tile))),
                         "tiles");
    UPLINE_TRY_ROCKS(batch.Put(store_->family("default"), "position", head_bytes(position, bulk_size_)), "position");
    rocksdb::WriteOptions options;
    options.sync = true;
    UPLINE_TRY_ROCKS(store_->db().Write(options, &batch), "write of a batch of entries");
    stored_size_ = position.size;
    has_written_ = true;
    return ok_status();
}

Status LedgerWriter::ingest(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles,
                            std::span<const merkle::Tile> right_edge, const LedgerHead& position) {
    check_follows(parts, position);
    UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(*store_, kEntriesToIngest));
    UPLINE_TRY(files.write(store_->family("bulk_entries"), [&](SortedFile& file) {
        std::string page;
        for (const CommitPart& part : parts) {
            PageWriter pages(part);
            while (pages.next()) {
                page.assign(pages.header).append(pages.entries);
                file.put(pages.key, page);
            }
        }
    }));
    UPLINE_TRY(files.write(store_->family("bulk_offsets"), [&](SortedFile& file) {
        for (const CommitPart& part : parts) {
            PageWriter pages(part);
            while (pages.next()) file.put(pages.key, pages.places());
        }
    }));
    // A file for each level: the keys of a level only grow, so the files of a level never overlap.
    for (unsigned level = 0; level < merkle::kTileLevels; ++level)
        UPLINE_TRY(files.write(store_->family("bulk_tiles"), [&](SortedFile& file) {
            for (const merkle::Tile& tile : tiles)
                if (tile.level == level && tile.hashes.size() == merkle::kTileWidth)
                    file.put(tile_key(tile.level, tile.index), tile_bytes(tile));
        }));
    UPLINE_TRY(files.write(store_->family("bulk_head"), [&](SortedFile& file) {
        std::string head = head_bytes(position, position.size);
        for (const merkle::Tile& tile : right_edge) {
            head.push_back(static_cast<char>(tile.level));
            head += tile_bytes(tile);
        }
        file.put("position", head);
    }));
    UPLINE_TRY(flush_written());
    UPLINE_TRY(files.ingest("a batch of entries"));
    stored_size_ = bulk_size_ = position.size;
    return drop_superseded();
}

Status LedgerWriter::keep_closing(ProgramIndex program, Sequence sequence, std::span<const std::byte> leaves) {
    constexpr size_t kChunkBytes = kChunkLeaves * kBalanceLeafBytes;
    has_written_ = true;
    rocksdb::WriteBatch batch;
    std::string head;
    append_le(sequence, head);
    uint32_t chunk = 0;
    do {
        const std::span<const std::byte> part = leaves.first(std::min(kChunkBytes, leaves.size()));
        leaves = leaves.subspan(part.size());
        UPLINE_TRY_ROCKS(
            batch.Put(store_->family("closings"), closing_key(program, chunk++), head + std::string(view(part))),
            "leaves of a closing");
        if (batch.GetDataSize() < (4 << 20) && !leaves.empty()) continue;
        // In parts, so that no batch of entries waits for all of them.
        UPLINE_TRY_ROCKS(store_->db().Write({}, &batch), "write of a closing's leaves");
        batch.Clear();
    } while (!leaves.empty());
    return ok_status();
}

}  // namespace upline
