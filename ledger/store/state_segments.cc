// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/state_segments.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/core/state_storage.h"

namespace upline {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kMaxRecordBytes = 512;

// ---- Fields ----

template <class T>
char* put_bytes(char* at, const T& value) {
    std::memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

// Reads fields one after another; after one that is not there or not in its one form, all are zero and ok() is false.
class Fields {
  public:
    explicit Fields(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
    bool ok() const { return ok_; }
    bool at_end() const { return at_ == end_; }

    uint64_t varint() {
        uint64_t value = 0;
        if (!read_varint(at_, end_, value)) return value;
        ok_ = false;
        return 0;
    }
    uint32_t varint32() {
        const uint64_t value = varint();
        ok_ &= value <= UINT32_MAX;
        return static_cast<uint32_t>(value);
    }
    int64_t signed_varint() { return from_zigzag(varint()); }
    template <class T>
    void bytes(T& value) {
        if (static_cast<size_t>(end_ - at_) < sizeof value) {
            ok_ = false;
            at_ = end_;
            return;
        }
        std::memcpy(&value, at_, sizeof value);
        at_ += sizeof value;
    }
    bool skip_zero() {
        if (at_ == end_ || *at_ != 0) return false;
        ++at_;
        return true;
    }

  private:
    const char* at_;
    const char* end_;
    bool ok_ = true;
};

// ---- Records: put() writes one, take() reads it. `before` is the one before it in the chunk. ----

template <class T>
char* put(char* at, const T& record, const T& /*before*/) {
    static_assert(sizeof(T) + 10 <= kMaxRecordBytes);
    return put_bytes(at, record);
}
template <class T>
void take(Fields& fields, T& record, const T& /*before*/) {
    fields.bytes(record);
}

char* put(char* at, const User& user, const User& before) {
    at = put_bytes(at, user.id);
    at = store_varint(user.sequence - before.sequence, at);
    at = store_varint(user.program.value, at);
    at = store_varint(static_cast<uint32_t>(user.referrer.value + 1), at);
    return store_varint(user.suspended, at);
}
void take(Fields& fields, User& user, const User& before) {
    fields.bytes(user.id);
    user.sequence = before.sequence + fields.varint();
    user.program.value = fields.varint32();
    user.referrer.value = fields.varint32() - 1;
    user.suspended = fields.varint32();
}

char* put(char* at, const Website& website, const Website& before) {
    at = put_bytes(at, website.id);
    at = store_varint(website.sequence - before.sequence, at);
    at = store_varint(website.program.value, at);
    at = store_varint(website.owner.value, at);
    return store_varint(website.status, at);
}
void take(Fields& fields, Website& website, const Website& before) {
    fields.bytes(website.id);
    website.sequence = before.sequence + fields.varint();
    website.program.value = fields.varint32();
    website.owner.value = fields.varint32();
    website.status = fields.varint32();
}

char* put(char* at, const Account& account, const Account& before) {
    at = store_varint(account.user.value, at);
    if (account.currency == before.currency)
        *at++ = 0;
    else
        at = put_bytes(at, account.currency);
    at = store_zigzag_varint(account.pending, at);
    at = store_zigzag_varint(account.available, at);
    at = store_zigzag_varint(account.reserved, at);
    return store_zigzag_varint(account.paid, at);
}
void take(Fields& fields, Account& account, const Account& before) {
    account.user.value = fields.varint32();
    account.currency = before.currency;
    if (!fields.skip_zero()) {
        fields.bytes(account.currency);
        if (account.currency == before.currency) account.currency = {};  // not its one form: no currency
    }
    account.pending = fields.signed_varint();
    account.available = fields.signed_varint();
    account.reserved = fields.signed_varint();
    account.paid = fields.signed_varint();
}

// What a record's id names; kNone: it has none.
template <class T>
constexpr EntityKind kKindOf = EntityKind::kNone;
template <>
constexpr EntityKind kKindOf<User> = EntityKind::kUser;
template <>
constexpr EntityKind kKindOf<Website> = EntityKind::kWebsite;
template <>
constexpr EntityKind kKindOf<Payout> = EntityKind::kPayout;

template <class T>
ProgramIndex program_of(const State& state, const T& record) {
    if constexpr (std::is_same_v<T, Payout>)
        return record.user.value < state.users().size() ? state.users().cold(record.user).program : kNoIndex;
    else
        return record.program;
}

// ---- Segments ----

uint64_t hash_on(uint64_t hash, std::string_view key, std::string_view chunk) {
    return XXH3_64bits_withSeed(chunk.data(), chunk.size(), XXH3_64bits_withSeed(key.data(), key.size(), hash));
}

// Writes a segment's records into chunks.
template <class T>
class SegmentWriter {
  public:
    explicit SegmentWriter(std::vector<StateChunk>& chunks) : chunks_(chunks) { begin(); }
    SegmentWriter(const SegmentWriter&) = delete;
    SegmentWriter& operator=(const SegmentWriter&) = delete;
    ~SegmentWriter() { chunk_->resize(static_cast<size_t>(at_ - chunk_->data())); }

    void put_record(uint64_t index, const T& record) {
        if (static_cast<size_t>(at_ - chunk_->data()) >= kChunkBytes) {
            chunk_->resize(static_cast<size_t>(at_ - chunk_->data()));
            begin();
        }
        at_ = store_varint(index - next_index_, at_);
        at_ = put(at_, record, before_);
        before_ = record;
        next_index_ = index + 1;
    }

  private:
    void begin() {
        const auto number = static_cast<uint32_t>(chunks_.size());
        chunk_ = &chunks_.emplace_back(StateChunk{number, {}}).bytes;
        chunk_->resize(kChunkBytes + kMaxRecordBytes);
        at_ = chunk_->data();
        before_ = {};
    }
    std::vector<StateChunk>& chunks_;
    std::string* chunk_ = nullptr;
    char* at_ = nullptr;
    uint64_t next_index_ = 0;
    T before_{};
};

struct SegmentTaker {
    State& state;
    bool all;
    StateChanges& changes;
    std::vector<uint64_t> program_hashes{};
    std::vector<StoredId> entity_ids{};

    StoredKind& begin(size_t kind, bool is_base, uint64_t count) {
        StoredKind& stored = StateStorage(state).stored()[kind];
        if (is_base) stored = {};
        UPLINE_CHECK(stored.last < changes.size, "a state that has grown");
        if (is_base) stored.base = changes.size;
        stored.last = changes.size;
        stored.records += count;
        return stored;
    }
    // Calls write(writer) to fill a new segment of `count` records.
    template <class T, class Write>
    void add(size_t kind, bool is_base, uint64_t count, Write&& write) {
        StoredKind& stored = begin(kind, is_base, count);
        StateChanges::Segment& segment = changes.segments.emplace_back(StateChanges::Segment{kind, is_base, {}});
        {
            SegmentWriter<T> writer(segment.chunks);
            write(writer);
        }
        for (const StateChunk& chunk : segment.chunks)
            stored.hash = hash_on(stored.hash, segment_key(changes.size, chunk.number), chunk.bytes);
    }
    template <class T, class Array>
    void take_kind(size_t kind, DirtyArray<T, Array>& records) {
        const size_t changed = records.count_changed();
        const size_t size = records.array().size();
        if (all ? size == 0 : changed == 0) return;
        const uint64_t stored = StateStorage(state).stored()[kind].records;
        // When more than half of what is stored would be outdated.
        const bool is_base = all || stored == 0 || stored + changed > 2 * size;
        add<T>(kind, is_base, is_base ? size : changed, [&](SegmentWriter<T>& writer) {
            const auto put_one = [&](uint64_t index, const T& record) {
                writer.put_record(index, record);
                if constexpr (kKindOf<T> != EntityKind::kNone) note_id(record);
            };
            if (is_base)
                records.take_all(put_one);
            else
                records.take_changed(put_one);
        });
    }
    // Of a thing that is new: another's is stored.
    template <class T>
    void note_id(const T& record) {
        if (record.sequence < StateStorage(state).stored()[kEntityIdsKind].last) return;
        for (size_t i = program_hashes.size(); i < state.programs().size(); ++i)
            program_hashes.push_back(IdTable::program_hash(state.programs()[i].name()));
        entity_ids.push_back(
            {IdTable::fingerprint(program_hashes[program_of(state, record).value], record.id), record.sequence});
    }
    void take_ids(size_t kind, std::vector<StoredId> ids) {
        if (ids.empty()) return;
        const bool is_base = StateStorage(state).stored()[kind].records == 0;
        begin(kind, is_base, ids.size()).hash += hash_of_ids(ids);
        changes.ids.push_back({kind, is_base, std::move(ids)});
    }
};

StateChanges take_changes(State& state, bool all) {
    StateChanges changes;
    changes.size = state.size();
    SegmentTaker taker{state, all, changes};
    size_t kind = 0;
    StateStorage(state).for_each_kind([&](auto& records) { taker.take_kind(kind++, records); });
    UPLINE_CHECK(kind == kRecordKinds, "each kind of record once");
    std::vector<StoredId> ids;
    ids.reserve(StateStorage(state).new_ids().size());
    for (const IdTable::Slot& id : StateStorage(state).new_ids())
        ids.push_back({id.fingerprint, EntityRef::from_word(id.thing).number()});
    StateStorage(state).forget_new_ids();
    taker.take_ids(kIdsKind, std::move(ids));
    taker.take_ids(kEntityIdsKind, std::move(taker.entity_ids));

    std::string& position = changes.position;
    const auto append = [&position](const auto& record) {
        static_assert(std::has_unique_object_representations_v<std::remove_cvref_t<decltype(record)>>);
        position.append(reinterpret_cast<const char*>(&record), sizeof record);
    };
    append(state.size());
    append(state.clock_us());
    append(uint64_t{state.rules_version()});
    append(StateStorage(state).stored());
    for (const Hold& hold : state.holds().all()) append(hold);
    return changes;
}

}  // namespace

StateChanges take_changes(State& state) {
    return take_changes(state, false);
}

bool can_take_changes(State& state) {
    return std::ranges::none_of(StateStorage(state).stored(),
                                [&](const StoredKind& kind) { return kind.last >= state.size(); });
}

StateChanges take_all(State& state) {
    return take_changes(state, true);
}

Status for_each_segment(const StateChanges& changes, const std::function<Status(const StateChanges::Segment&)>& f) {
    for (const StateChanges::Segment& segment : changes.segments) UPLINE_TRY(f(segment));
    for (const StateChanges::UnsortedIds& some : changes.ids)
        UPLINE_TRY(f({some.kind, some.is_base, id_chunks(changes.size, some.ids)}));
    return ok_status();
}

std::string segment_key(uint64_t segment, uint32_t chunk) {
    return be_bytes(segment) + be_bytes(chunk);
}

Result<StatePosition> parse_state_position(std::string_view bytes) {
    StatePosition position;
    Fields fields(bytes);
    uint64_t rules_version = 0;
    fields.bytes(position.size);
    fields.bytes(position.clock_us);
    fields.bytes(rules_version);
    fields.bytes(position.stored);
    while (fields.ok() && !fields.at_end()) fields.bytes(position.holds.emplace_back());
    if (!fields.ok()) return Error{ErrorCode::kCorrupt, fmt::format("state position: {} bytes", bytes.size())};
    if (rules_version == 0 || rules_version > UINT16_MAX)
        return Error{ErrorCode::kCorrupt, fmt::format("stored state: rules version {}", rules_version)};
    position.rules_version = static_cast<uint16_t>(rules_version);
    return position;
}

uint64_t max_entities(size_t kind, const StatePosition& position) {
    return std::min(position.stored[kind].records, position.size);
}

uint64_t min_entities(size_t kind, const StatePosition& position) {
    const StoredKind& stored = position.stored[kind];
    // take_changes: what is stored is no more than twice what there is.
    return std::min(stored.base == stored.last ? stored.records : stored.records / 2, position.size);
}

bool SegmentLoader::take(std::string_view key, std::string_view chunk) {
    if (!take_key(key) || chunk.empty()) return false;
    hash_ = hash_on(hash_, key, chunk);
    bool taken = false;
    size_t kind = 0;
    StateStorage(state_).for_each_kind([&](auto& records) {
        if (kind++ == kind_) taken = take_records(chunk, records);
    });
    return taken;
}

bool SegmentLoader::take_key(std::string_view key) {
    if (key.size() != kSegmentKeyBytes) return false;
    const auto segment = load_be<uint64_t>(key.data());
    if (segment != segment_) {
        const StoredKind& stored = position_.stored[kind_];
        if (segment < segment_ || segment > stored.last || (segment_ == 0 && segment != stored.base)) return false;
        segment_ = segment;
        next_chunk_ = 0;
        next_index_ = 0;
    }
    return key == segment_key(segment, next_chunk_++);
}

template <class T, class Array>
bool SegmentLoader::take_records(std::string_view chunk, DirtyArray<T, Array>& records) {
    Fields fields(chunk);
    T before{};
    NewIds ids{kKindOf<T>, records.array().size(), {}, {}};
    if constexpr (kKindOf<T> != EntityKind::kNone) ids.things.reserve(chunk.size() / sizeof(Uuid));
    while (!fields.at_end()) {
        const uint64_t left_out = fields.varint();
        T record{};
        upline::take(fields, record, before);
        if (!fields.ok() || left_out > records.array().size()) return false;
        const uint64_t index = next_index_ + left_out;
        if constexpr (kKindOf<T> != EntityKind::kNone) {
            const uint64_t size = records.array().size();
            if (index < size) {  // its id is in the table, and for ever
                const T known = records.array()[index];
                if (known.id != record.id || program_of(state_, known) != program_of(state_, record)) return false;
            } else {
                if (index > size || size == max_entities(kind_, position_)) return false;
                ids.things.push_back({record.id, program_of(state_, record)});
            }
        }
        if (!records.load(index, record)) return false;
        next_index_ = index + 1;
        before = record;
        ++taken_;
    }
    if (!ids.things.empty()) give_(std::move(ids));
    return true;
}

bool SegmentLoader::done() const {
    const StoredKind& stored = position_.stored[kind_];
    return segment_ == stored.last && taken_ == stored.records && hash_ == stored.hash &&
           (segment_ > 0 || stored.base == 0);
}

}  // namespace upline
