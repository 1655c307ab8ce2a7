// SPDX-License-Identifier: Apache-2.0
// The RocksDB of one shard. What is written when:
//
//   with every batch, in one synced write:  entries, offsets, tiles, position
//     or, of many entries, in one atomic ingest: the same in families of their own
//   now and then, in one atomic ingest:     programs, users ... refunds, ids, and the size they are of
//   by projectors, whenever they like, in one ingest of each table: rows, and the position they stand for
//
// So after a crash at any instant entries, tree and log position agree, the rest is as of an earlier entry, and opening
// folds it forward. A column family for each kind of thing:
//
//   default   "shard": partition, partition count, log identity; "position", unless bulk_head's is newer
//   entries   first sequence (u64 big-endian) -> a page of up to 256 entries
//   offsets   the same key -> log offsets and append times of that page
//   tiles     level (u8), index (u64 big-endian) -> the tile's hashes
//   bulk_entries bulk_offsets
//             the same as above, of the entries that were ingested: each entry is in one of the two
//   bulk_tiles  tiles that were full when they were ingested
//   bulk_head "position" -> position after the last ingest, and the partial tiles of that size: level (u8), hashes
//   programs users websites accounts books plans payouts refunds ids
//             run (u64 big-endian), chunk of it (u32 big-endian) -> records (ledger/store/stored_state.h)
//   closings  program's index, chunk number (u32 big-endian each) -> u64 sequence of its last BooksClosed, and up to
//             1285 of the leaves (ledger/core/closing.h); written beside the entries, so it may be of a later one
//   state     "position" -> size, clock, rules version, State::stored, and each of State::holds, u64 or i64 each
//   model.*   pages of rows of a read model (ledger/store/packed_table.h)
//
// The state's, the bulk and the models' families are only ever ingested into and the others only written through the
// WAL: RocksDB before 7.10 can misorder files of a family that is written both ways, and a secondary finds what it has
// replayed from the WAL before what was ingested after it. The state's runs never overlap, so none is ever rewritten by
// a compaction.
//
// Readers and tables may be used by one thread each, beside the writer; position, place, places and tile by any number
// of threads, for they only read; all else by one thread at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "events/base/result.h"
#include "events/log/event_log.h"
#include "ledger/core/core.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/state.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/stored_state.h"
#include "ledger/store/table.h"

namespace upline {

// Where the audit log ends, and the record it ends with.
struct Position {
    uint64_t size = 0;  // entries
    Hash root{};        // of the Merkle tree of that size
    int64_t clock_us = 0;
    std::optional<LogPosition> last_record;  // none at size 0
};

struct ShardInfo {
    ShardIdentity identity;
    std::string log_identity;  // EventLog::identity; empty if the log has none
};

// Where an entry's record lies in the event log.
struct RecordPlace {
    Offset offset = 0;
    int64_t append_time_ms = 0;
};

class Store {
  public:
    enum class Access { kWrite, kRead };

    // kWrite makes the database if there is none. kRead sees what a writer in another process has written, as of now
    // (call catch_up for later), and writes nothing to the folder.
    static Result<std::unique_ptr<Store>> open(const std::filesystem::path& dir, Access access);
    ~Store();

    // Fixed for ever by the first call: kConflict when given another partition count or log than stored.
    Status bind(const ShardInfo& info);
    Result<std::optional<ShardInfo>> info();
    Result<Position> position();
    Status catch_up();
    // Returns when what position() says after it is on the disk, whoever wrote it.
    Status sync();

    // Batches that follow what is stored and one another.
    struct CommitPart {
        const EntryBatch* entries;
        std::span<const RecordPlace> places;  // one for each entry
    };
    // One synced write, for few entries. `tiles` are all that have changed; `position` is that after the last entry.
    Status commit(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles, const Position& position);
    // The same for many: sorted files, synced, that become part of the ledger in one atomic step. Nothing goes through
    // the write-ahead log or is written twice; the step itself takes some milliseconds. `right_edge`: the partial tiles
    // of the tree.
    Status ingest(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles,
                  std::span<const merkle::Tile> right_edge, const Position& position);

    // Stores what take_changes (ledger/store/stored_state.h) took of a state; may be called by a thread beside the one
    // that uses the store. REQUIRES: a state of no more than the stored entries; what was taken is written, in order,
    // one at a time.
    Status write_state(const StateChanges& changes);
    // The state as last stored; an empty one at size 0 if it never was. kCorrupt if it does not fit together or is
    // ahead of the entries.
    Result<std::unique_ptr<State>> load_state(std::span<const Rules> versions = rules_versions());

    // Keeps the leaves of a program's closing in place of those of the one before, so that its balances can be proven
    // without folding entries again. May be called beside the one thread that uses the store.
    Status keep_closing(Index program, Sequence sequence, std::span<const std::byte> leaves);
    // The leaves kept of a program, and the sequence of their closing, which the entries may not have reached yet.
    // kNotFound if there are none, or they were being replaced when the machine stopped.
    struct KeptClosing {
        Sequence sequence = 0;
        std::vector<std::byte> leaves;
    };
    Result<KeptClosing> kept_closing(Index program);

    // Readers of their own, each to be used by one thread; none may outlive the store. The first for a walk in
    // ascending order, the second for any order.
    std::unique_ptr<EntrySource> entries();
    std::unique_ptr<EntrySource> look_up();
    Result<RecordPlace> place(Sequence sequence);
    // Those of `count` entries from `first` on, in one scan; fewer if one cannot be read: place() of it says why.
    std::vector<RecordPlace> places(Sequence first, size_t count);
    Result<std::optional<merkle::Tile>> tile(unsigned level, uint64_t index);
    Result<merkle::Tree> load_tree(uint64_t size);

    // The table of a read model. kWrite makes it if there is none; kRead: kNotFound.
    Result<std::unique_ptr<Table>> table(std::string_view name);

    // What is stored, whatever it is, for the auditor: the families there are, and the keys and values of one in the
    // order of its keys, from `first` on. A walk is to be used by one thread, and none may outlive the store.
    std::vector<std::string> families() const;
    class RawWalk {
      public:
        virtual ~RawWalk() = default;
        // nullopt at the end. Valid until the next call.
        struct Row {
            std::string_view key;
            std::string_view value;
        };
        virtual Result<std::optional<Row>> next() = 0;
    };
    std::unique_ptr<RawWalk> walk(std::string_view family, std::string_view first = {}) const;
    // The same of "entries", "offsets" or "tiles" and the family of what was ingested of them, as one.
    std::unique_ptr<RawWalk> walk_both(std::string_view family, std::string_view first = {}) const;
    // The position after the last ingest, and the partial tiles that were written with it.
    struct BulkHead {
        Position position;
        std::vector<merkle::Tile> right_edge;
    };
    Result<std::optional<BulkHead>> bulk_head();

    // For tests and the demo, which show that verify finds it: overwrites a stored value as somebody with access to
    // the database could, with valid checksums. `family` as in the comment above.
    Status tamper(std::string_view family, std::string_view key, std::string_view value);
    Status remove_raw(std::string_view family, std::string_view key);
    Result<std::string> raw(std::string_view family, std::string_view key);
    // The page that holds an entry: its key, and where in the value the entry's bytes begin.
    struct EntryPlace {
        const char* family;
        std::string page_key;
        size_t begin = 0;
        size_t size = 0;
    };
    Result<EntryPlace> entry_place(Sequence sequence);

    // Bytes of all live files, write-ahead log included.
    Result<uint64_t> bytes_on_disk();

  private:
    struct Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace upline
