// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/id_lookup.h"

#include <memory>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/containers/id_table.h"
#include "ledger/store/rocks.h"
#include "ledger/store/state_segments.h"

namespace upline {
namespace {

// Appends the entries of a fingerprint, the newest segment's first. Segments stored meanwhile are looked at too, and
// none before the base: what is left there of an older state is nobody's.
Status find_stored(const Store& store, size_t kind, uint64_t base, uint64_t fingerprint, std::vector<Sequence>& found) {
    const char* const family = kRecordFamilies[kind];
    const std::string first = segment_key(base, 0);
    const uint32_t number = id_chunk_number(fingerprint);
    const std::unique_ptr<rocksdb::Iterator> it(store.db().NewIterator({}, store.family(family)));
    std::vector<StoredId> ids;
    // The last chunk that begins at or below it: of the segment that is sought, or of one before.
    for (uint64_t segment = UINT64_MAX;;) {
        it->SeekForPrev(segment_key(segment, number));
        if (!it->Valid() || view(it->key()) < first) break;
        if (it->key().size() != kSegmentKeyBytes)
            return Error{ErrorCode::kCorrupt, fmt::format("{}: a key of {} bytes", family, it->key().size())};
        segment = load_be<uint64_t>(it->key().data());
        if (load_be<uint32_t>(it->key().data() + sizeof segment) > number) continue;  // an earlier one's last chunk
        ids.clear();
        if (!parse_id_chunk(segment, view(it->value()), ids))
            return Error{ErrorCode::kCorrupt, fmt::format("{}: a chunk of segment {} is misshapen", family, segment)};
        for (const StoredId& id : ids)
            if (id.fingerprint == fingerprint) found.push_back(id.sequence);
        if (segment-- == base) break;
    }
    UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", family));
    return ok_status();
}

}  // namespace

Result<std::optional<Sequence>> find_entry_of(const Store& store, std::string_view program, const Uuid& id) {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, store.get("state", "position"));
    StatePosition stored;
    if (value) {
        UPLINE_TRY_ASSIGN(stored, parse_state_position(*value));
    }
    UPLINE_TRY_ASSIGN(const LedgerHead head, store.position());
    const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(program), id);
    std::vector<Sequence> found;
    for (const size_t kind : {kIdsKind, kEntityIdsKind})
        UPLINE_TRY(find_stored(store, kind, stored.stored[kind].base, fingerprint, found));
    const std::unique_ptr<EntrySource> candidates = store.point_reader();
    for (const Sequence sequence : found) {
        if (sequence >= head.size) continue;  // of entries that came meanwhile
        UPLINE_TRY_ASSIGN(const auto bytes, candidates->entry(sequence));
        UPLINE_TRY_ASSIGN(const bool is_it, is_entry_of(bytes, program, id));
        if (is_it) return std::optional(sequence);
    }
    const std::unique_ptr<EntrySource> later = store.scan_reader();
    for (Sequence sequence = stored.size; sequence < head.size; ++sequence) {
        UPLINE_TRY_ASSIGN(const auto bytes, later->entry(sequence));
        if (!is_accepted_of_id(bytes, id)) continue;
        UPLINE_TRY_ASSIGN(const bool is_it, is_entry_of(bytes, program, id));
        if (is_it) return std::optional(sequence);
    }
    return std::optional<Sequence>();
}

}  // namespace upline
