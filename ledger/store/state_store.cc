// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/state_store.h"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <future>

#include "events/base/async.h"
#include "ledger/core/state_storage.h"
#include "ledger/store/families.h"
#include "ledger/store/id_loader.h"
#include "ledger/store/ingest.h"
#include "ledger/store/rocks.h"

namespace upline {
namespace {

// The families of the state are written together: with no position there is nothing in any.
Status check_state_keys(const Store& store, bool has_position) {
    const std::unique_ptr<rocksdb::Iterator> of_state(store.db().NewIterator({}, store.family("state")));
    of_state->SeekToFirst();
    if (of_state->Valid() && of_state->key() == "position") of_state->Next();
    if (of_state->Valid()) return Error{ErrorCode::kCorrupt, "stored state: a key besides its position"};
    UPLINE_TRY_ROCKS(of_state->status(), "read of state");
    if (has_position) return ok_status();
    for (const char* name : kRecordFamilies) {
        const std::unique_ptr<rocksdb::Iterator> it(store.db().NewIterator({}, store.family(name)));
        it->SeekToFirst();
        if (it->Valid())
            return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} are stored, and no position", name)};
        UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", name));
    }
    return ok_status();
}

// Calls take(key, chunk) with each chunk that is stored of a kind, and asks `reader` whether they were what was stored.
template <class Reader, class Take>
Status read_chunks(const Store& store, size_t kind, const StoredKind& stored, const Reader& reader, Take&& take) {
    const char* const name = kRecordFamilies[kind];
    rocksdb::ColumnFamilyHandle* const family = store.family(name);
    const rocksdb::ReadOptions options = scan_options(bytes_of_files(store.db(), family));
    const std::unique_ptr<rocksdb::Iterator> it(store.db().NewIterator(options, family));
    for (it->Seek(segment_key(stored.base, 0)); it->Valid(); it->Next())
        if (!take(view(it->key()), view(it->value())))
            return Error{ErrorCode::kCorrupt, fmt::format("stored state: a part of {} is missing or misshapen", name)};
    UPLINE_TRY_ROCKS(it->status(), fmt::format("read of {}", name));
    if (!reader.done())
        return Error{ErrorCode::kCorrupt, fmt::format("stored state: {} are not what was stored", name)};
    return ok_status();
}

// Loads the kinds of a state from a store. Any thread may load a kind, each kind once.
class KindLoader {
  public:
    KindLoader(const Store& store, State& state, const StatePosition& position, const GiveIds& give)
        : store_(store), state_(state), position_(position), give_(give) {}

    Status load(size_t kind) const {
        SegmentLoader loader(state_, position_, kind, give_);
        return read_chunks(store_, kind, position_.stored[kind], loader,
                           [&](std::string_view key, std::string_view chunk) { return loader.take(key, chunk); });
    }
    // The others': a record that has an id holds it.
    Status load_ids() const {
        return read_ids(store_, kIdsKind, position_.stored[kIdsKind], [&](std::span<const StoredId> some) {
            NewIds ids{EntityKind::kOther, 0, {}, {}};
            ids.others.reserve(some.size());
            for (const StoredId& id : some)
                ids.others.push_back({id.fingerprint, EntityRef(EntityKind::kOther, id.sequence).word()});
            give_(std::move(ids));
        });
    }
    // How many things there may be: no more than the files can hold, whatever a damaged position says.
    uint64_t bounded(size_t kind, uint64_t things) const {
        return std::min(things, bytes_of_files(store_.db(), store_.family(kRecordFamilies[kind])) / sizeof(Uuid));
    }

  private:
    const Store& store_;
    State& state_;
    const StatePosition& position_;
    const GiveIds& give_;
};

// Users and websites are by far the most. One thread takes their records in, one puts their ids into the table, and one
// has the kernel clear the memory for them, and loads accounts and other ids.
Status load_kinds(const KindLoader& loader, State& state, const StatePosition& stored, IdLoader& ids) {
    const StateStorage::Arrays arrays = StateStorage(state).arrays();
    struct AtEnd {
        IdLoader& ids;
        ~AtEnd() { ids.end(); }
    } at_end{ids};
    std::future<Status> others = run_async([&]() -> Status {
        // Users are hardly ever stored again, websites mostly are.
        arrays.users.populate(loader.bounded(kUsersKind, max_entities(kUsersKind, stored)));
        arrays.websites.populate(loader.bounded(kWebsitesKind, min_entities(kWebsitesKind, stored)));
        UPLINE_TRY(loader.load(kAccountsKind));
        return loader.load_ids();
    });
    for (size_t kind = 0; kind < kRecordKinds; ++kind)
        if (kind != kProgramsKind && kind != kAccountsKind) UPLINE_TRY(loader.load(kind));
    return others.get();
}

}  // namespace

Error state_is_ahead(uint64_t stored, uint64_t entries) {
    return {ErrorCode::kCorrupt,
            fmt::format("stored state is of {} entries, but there are only {}: a part of the database is gone; "
                        "make the ledger anew with `upline replay`",
                        stored, entries)};
}

Status write_state(const Store& store, const StateChanges& changes) {
    UPLINE_TRY_ASSIGN(FilesToIngest files, FilesToIngest::in(store, kStateToIngest));
    std::vector<rocksdb::ColumnFamilyHandle*> with_base;
    UPLINE_TRY(for_each_segment(changes, [&](const StateChanges::Segment& segment) {
        rocksdb::ColumnFamilyHandle* const family = store.family(kRecordFamilies[segment.kind]);
        if (segment.is_base) with_base.push_back(family);
        return files.write(family, [&](SortedFile& file) {
            for (const StateChunk& chunk : segment.chunks)
                file.put(segment_key(changes.size, chunk.number), chunk.bytes);
        });
    }));
    UPLINE_TRY(files.write(store.family("state"), [&](SortedFile& file) { file.put("position", changes.position); }));
    // The entries it is a fold of must not be behind it on disk. They were synced with each batch; asking again is
    // cheap, and keeps this right should a batch ever not be.
    UPLINE_TRY_ROCKS(store.db().FlushWAL(true), "sync before storing state");
    UPLINE_TRY(files.ingest("storing state"));
    // Segments before a base lie in files of their own, which go as they are. A crash before that leaves them to the
    // next time.
    const std::string end = segment_key(changes.size, 0);
    const rocksdb::Slice begin_slice;
    const rocksdb::Slice end_slice(end);
    for (rocksdb::ColumnFamilyHandle* const family : with_base)
        UPLINE_TRY_ROCKS(rocksdb::DeleteFilesInRange(&store.db(), family, &begin_slice, &end_slice, false),
                         "removing an older state");
    return ok_status();
}

Result<std::unique_ptr<State>> load_state(const Store& store, std::span<const Rules> versions) {
    auto state = std::make_unique<State>(versions);
    UPLINE_TRY_ASSIGN(const std::optional<std::string> value, store.get("state", "position"));
    UPLINE_TRY(check_state_keys(store, value.has_value()));
    if (!value) return state;
    UPLINE_TRY_ASSIGN(StatePosition stored, parse_state_position(*value));
    UPLINE_TRY_ASSIGN(const LedgerHead entries, store.position());
    if (stored.size > entries.size) return state_is_ahead(stored.size, entries.size);
    IdLoader ids(*state);
    const GiveIds give = [&](NewIds some) { ids.give(std::move(some)); };
    const KindLoader loader(store, *state, stored, give);
    UPLINE_TRY(loader.load(kProgramsKind));
    uint64_t count = 0;
    for (const size_t kind : {kUsersKind, kWebsitesKind, kPayoutsKind, kIdsKind}) count += stored.stored[kind].records;
    StateStorage storage(*state);
    storage.reserve_ids(std::min(count, stored.size));
    const StateStorage::Arrays arrays = storage.arrays();
    arrays.users.reserve(max_entities(kUsersKind, stored));
    arrays.websites.reserve(max_entities(kWebsitesKind, stored));
    std::future<void> putting_ids = run_async([&] { ids.run(); });
    UPLINE_TRY(load_kinds(loader, *state, stored, ids));
    UPLINE_TRY(storage.restore(stored.size, stored.clock_us, stored.rules_version, std::move(stored.holds)));
    putting_ids.get();
    // An id that were missing would let what it names happen twice.
    const uint64_t entities = state->users().size() + state->websites().size() + state->payouts().size();
    if (state->ids().size() != entities + stored.stored[kIdsKind].records ||
        entities != stored.stored[kEntityIdsKind].records)
        return Error{ErrorCode::kCorrupt, "stored state: not every thing has its id"};
    storage.stored() = stored.stored;
    return state;
}

Status read_ids(const Store& store, size_t kind, const StoredKind& stored,
                const std::function<void(std::span<const StoredId>)>& give) {
    IdSegmentReader reader(stored);
    std::vector<StoredId> ids;
    return read_chunks(store, kind, stored, reader, [&](std::string_view key, std::string_view chunk) {
        if (!reader.take(key, chunk, ids)) return false;
        give(ids);
        return true;
    });
}

}  // namespace upline
