// SPDX-License-Identifier: Apache-2.0
// The form in which a state is stored: for each kind of record a segment for each time that there was something to
// store, one after another, never changed. A segment holds the records that were new or had changed, by ascending
// index; a segment that holds all of them is the base, and those before it are not needed any more. So what is written
// is never written again, and storing costs what has changed, however much there is.
//
//     segment     its number is the state's size when it was stored. Chunks of about 64 KiB.
//     chunk   records, one after another: varint of how many indexes are left out before it, and its fields
//     hash    of a kind, from its base on: XXH3 of each key and then its chunk, seeded with that of what is before
//
// `varint` is LEB128 in its shortest form, `signed` the varint of its zigzag form. Fields:
//
//     user      16 bytes id; varint sequence, less that of the one before in the chunk; varint program;
//               varint referrer + 1, 0: none; varint suspended
//     website   16 bytes id; varint sequence, as above; varint program; varint owner; varint status
//     account   varint user; currency: 3 letters, or a zero for that of the one before in the chunk;
//               signed pending, available, reserved, paid
//     others    as they lie in memory (ledger/core/state.h)
//
// Ids have a form of their own (ledger/store/id_segments.h). Not stored, because it follows from what is: a user's
// accounts in their order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/core/state.h"
#include "ledger/store/families.h"
#include "ledger/store/id_segments.h"

namespace upline {

// The families of its kinds are kRecordFamilies, in this order.
static_assert(kRecordFamilies.size() == kStateKinds);

inline constexpr size_t kProgramsKind = 0;
inline constexpr size_t kUsersKind = 1;
inline constexpr size_t kWebsitesKind = 2;
inline constexpr size_t kAccountsKind = 3;
inline constexpr size_t kPayoutsKind = 6;
inline constexpr size_t kRecordKinds = 8;  // the kinds before ids
inline constexpr size_t kIdsKind = 8;
inline constexpr size_t kEntityIdsKind = 9;

// The new segments of a state.
struct StateChanges {
    uint64_t size = 0;     // of the state
    std::string position;  // where it stands and which segments it has, as stored
    struct Segment {
        size_t kind = 0;
        bool is_base = false;
        std::vector<StateChunk> chunks;
    };
    std::vector<Segment> segments;  // of the kinds of record of which something is new
    struct UnsortedIds {
        size_t kind = 0;
        bool is_base = false;
        std::vector<StoredId> ids;
    };
    std::vector<UnsortedIds> ids;  // of the kinds of ids, the same
};

// Takes what has changed in a state since it was last taken or loaded; where much of what is stored is outdated, all as
// a new base. REQUIRES: can_take_changes(state).
StateChanges take_changes(State& state);
// Whether the state has grown since: a segment is of one size of the state.
bool can_take_changes(State& state);
// Takes all of it, as a base of each kind, but for the ids that are stored already.
StateChanges take_all(State& state);

// Calls f(segment) for all segments of these changes, one after another: those of ids are made for it. Stops at an
// error.
Status for_each_segment(const StateChanges& changes, const std::function<Status(const StateChanges::Segment&)>& f);

// The key of a chunk: number of the segment (u64 big-endian), of the chunk in it (u32 big-endian).
inline constexpr size_t kSegmentKeyBytes = 12;
std::string segment_key(uint64_t segment, uint32_t chunk);

// Where a stored state stands.
struct StatePosition {
    uint64_t size = 0;
    int64_t clock_us = 0;
    uint16_t rules_version = 1;
    StoredKinds stored{};
    std::vector<Hold> holds;
};
Result<StatePosition> parse_state_position(std::string_view bytes);
// How many users, websites or payouts it can have, for each was stored and has an entry of its own; and how many it has
// at least, if it was stored by take_changes().
uint64_t max_entities(size_t kind, const StatePosition& position);
uint64_t min_entities(size_t kind, const StatePosition& position);

// Ids to put into the state's table: of users, of websites or of payouts whose indexes follow one another, and of other
// things.
struct NewIds {
    EntityKind kind{};
    uint64_t first = 0;  // the index of the first
    struct Named {
        Uuid id;
        ProgramIndex program;
    };
    std::vector<Named> things;
    std::vector<IdTable::Slot> others;
};
using GiveIds = std::function<void(NewIds)>;

// Takes the chunks of one kind of record, in the order of their keys, into a state that is being loaded, and gives the
// ids that are to be put into its table, from whichever thread takes the chunk. Kinds may be loaded by a thread each;
// programs first, payouts after users.
class SegmentLoader {
  public:
    SegmentLoader(State& state, const StatePosition& position, size_t kind, const GiveIds& give)
        : state_(state), position_(position), kind_(kind), give_(give) {}

    // False if it cannot be the next chunk.
    bool take(std::string_view key, std::string_view chunk);
    // False if any was missing or another.
    bool done() const;

  private:
    bool take_key(std::string_view key);
    template <class T, class Array>
    bool take_records(std::string_view chunk, DirtyArray<T, Array>& records);

    State& state_;
    const StatePosition& position_;
    size_t kind_;
    const GiveIds& give_;
    uint64_t segment_ = 0;  // of the last chunk; 0: there was none
    uint32_t next_chunk_ = 0;
    uint64_t next_index_ = 0;  // in the segment
    uint64_t taken_ = 0;       // records
    uint64_t hash_ = 0;
};

}  // namespace upline
