// SPDX-License-Identifier: Apache-2.0
// Every column family of a partition's RocksDB, in one table: its name, how it is written and the form of its rows.
//
// When they are written:
//
//     with every batch, in one synced write       entries, offsets, tiles, and the position in `default`
//       or, of many entries, in one atomic ingest   the same in the families bulk_*
//     now and then, in one atomic ingest          the state: programs, users ... entity_ids, and `state`
//     by projectors, in one ingest per table      the read models
//
// So after a crash at any instant entries, tree and log position agree. The state is that of an earlier entry, and
// opening folds it forward.
//
// A family is either written through the write-ahead log or only ever ingested into, never both: RocksDB before 7.10
// can misorder the files of a family that is written both ways, and a secondary finds what it has replayed from the log
// before what was ingested after it. The segments of the state never overlap, so no compaction rewrites any.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace upline {

enum class WrittenBy : uint8_t { kLog, kIngest };
// What a family holds, which decides RocksDB's options for it.
enum class Content : uint8_t { kHead, kPages, kSegments, kClosings, kRows };

struct Family {
    const char* name;
    WrittenBy written_by;
    Content content;
    const char* form;  // key -> value; u8 ... u64 in a key are big-endian
};

inline constexpr std::array kFamilies = {
    Family{
        "default", WrittenBy::kLog, Content::kHead,
        "\"shard\" -> partition, partition count, log identity; \"position\" -> the head, unless bulk_head's is newer "
        "(ledger/store/ledger_head.h)"},
    Family{"entries", WrittenBy::kLog, Content::kPages,
           "u64 first sequence -> a page of up to 256 entries (ledger/store/entry_pages.h)"},
    Family{"offsets", WrittenBy::kLog, Content::kPages, "the same key -> log offsets and append times of that page"},
    Family{"tiles", WrittenBy::kLog, Content::kPages, "u8 level, u64 index -> the hashes of a Merkle tile"},
    Family{"bulk_entries", WrittenBy::kIngest, Content::kPages,
           "as entries, of those that were ingested: each entry is in one of the two"},
    Family{"bulk_offsets", WrittenBy::kIngest, Content::kPages, "as offsets, of entries that were ingested"},
    Family{"bulk_tiles", WrittenBy::kIngest, Content::kPages, "as tiles, those that were full when ingested"},
    Family{"bulk_head", WrittenBy::kIngest, Content::kPages,
           "\"position\" -> the head after the last ingest, and the partial tiles of that size"},
    // The state, in the order of its kinds (ledger/store/state_segments.h).
    Family{"programs", WrittenBy::kIngest, Content::kSegments, "u64 segment, u32 chunk -> records"},
    Family{"users", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"websites", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"accounts", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"books", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"plans", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"payouts", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{"refunds", WrittenBy::kIngest, Content::kSegments, "the same"},
    Family{
        "ids", WrittenBy::kIngest, Content::kSegments,
        "u64 segment, u32 upper half of the first fingerprint -> ids and their entries (ledger/store/id_segments.h)"},
    Family{"entity_ids", WrittenBy::kIngest, Content::kSegments, "the same, of users, websites and payouts"},
    Family{"state", WrittenBy::kIngest, Content::kHead,
           "\"position\" -> size, clock, rules version, State::stored, and each of State::holds; u64 or i64 each"},
    Family{"closings", WrittenBy::kLog, Content::kClosings,
           "u32 program's index, u32 chunk -> u64 sequence of its last BooksClosed, and up to 1285 of the leaves "
           "(ledger/core/closing.h); written just before the entry, so it may be of a later one"},
};

// A read model's family: pages of its rows (ledger/store/packed_table.h). They come and go with the models.
inline constexpr std::string_view kModelPrefix = "model.";

// nullptr if the table does not list it: a read model, or a family of another release.
inline const Family* find_family(std::string_view name) {
    const auto* const found = std::ranges::find(kFamilies, name, &Family::name);
    return found == kFamilies.end() ? nullptr : found;
}

// The names of the state's families, in the order of its kinds.
inline constexpr auto kRecordFamilies = [] {
    constexpr auto kIsSegments = [](const Family& family) { return family.content == Content::kSegments; };
    std::array<const char*, std::ranges::count_if(kFamilies, kIsSegments)> names{};
    size_t next = 0;
    for (const Family& family : kFamilies)
        if (kIsSegments(family)) names[next++] = family.name;
    return names;
}();

}  // namespace upline
