// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/id_lookup.h"

#include <memory>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/containers/id_table.h"
#include "ledger/store/rocks.h"
#include "ledger/store/state_segments.h"
#include "ledger/store/state_store.h"

namespace upline {
namespace {

Error corrupt(Sequence sequence, const Error& error) {
    if (error.code == ErrorCode::kUnavailable) return error;
    return {ErrorCode::kCorrupt, fmt::format("entry {}: {}; run `upline verify`", sequence, error.message)};
}

// What is asked for, and the entries to compare with.
class Question {
  public:
    Question(const Store& store, std::string_view program, const Uuid& id)
        : store_(store), program_(program), id_(id), entries_(store.point_reader()) {}

    // In the segments of a kind that came up to now, but none before the base: what is left there of an older state is
    // nobody's. `size`: of the ledger.
    Result<std::optional<Sequence>> find_stored(size_t kind, uint64_t base, uint64_t size) const {
        const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(program_), id_);
        const uint32_t number = id_chunk_number(fingerprint);
        const char* const family = kRecordFamilies[kind];
        const std::string first = segment_key(base, 0);
        const std::unique_ptr<rocksdb::Iterator> it(store_.db().NewIterator({}, store_.family(family)));
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
                return Error{ErrorCode::kCorrupt,
                             fmt::format("{}: a chunk of segment {} is misshapen", family, segment)};
            for (const StoredId& id : ids) {
                if (id.fingerprint != fingerprint || id.sequence >= size)
                    continue;  // or of an entry that came meanwhile
                UPLINE_TRY_ASSIGN(const bool is_it, is_meant(*entries_, id.sequence));
                if (is_it) return std::optional(id.sequence);
            }
            if (segment-- == base) break;
        }
        UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", family));
        return std::optional<Sequence>();
    }

    Result<std::optional<Sequence>> find_behind(uint64_t stored, uint64_t size) const {
        const std::unique_ptr<EntrySource> later = store_.scan_reader();
        for (Sequence sequence = stored; sequence < size; ++sequence) {
            UPLINE_TRY_ASSIGN(const bool is_it, is_meant(*later, sequence));
            if (is_it) return std::optional(sequence);
        }
        return std::optional<Sequence>();
    }

  private:
    Result<bool> is_meant(EntrySource& entries, Sequence sequence) const {
        const auto bytes = entries.entry(sequence);
        if (!bytes.ok()) return corrupt(sequence, bytes.error());
        if (!is_accepted_of_id(*bytes, id_)) return false;
        const auto is_it = is_entry_of(*bytes, program_, id_);
        return is_it.ok() ? is_it : corrupt(sequence, is_it.error());
    }

    const Store& store_;
    std::string_view program_;
    const Uuid& id_;
    std::unique_ptr<EntrySource> entries_;
};

}  // namespace

Result<std::optional<Sequence>> find_entry_of(const Store& store, std::string_view program, const Uuid& id) {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, store.get("state", "position"));
    StatePosition stored;
    if (value) {
        UPLINE_TRY_ASSIGN(stored, parse_state_position(*value));
    }
    UPLINE_TRY_ASSIGN(const LedgerHead head, store.position());
    if (stored.size > head.size) return state_is_ahead(stored.size, head.size);
    const Question question(store, program, id);
    for (const size_t kind : {kIdsKind, kEntityIdsKind}) {
        UPLINE_TRY_ASSIGN(const auto found, question.find_stored(kind, stored.stored[kind].base, head.size));
        if (found) return found;
    }
    return question.find_behind(stored.size, head.size);
}

}  // namespace upline
