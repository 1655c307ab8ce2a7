// SPDX-License-Identifier: Apache-2.0
// The pure core: events in, entries out. One event makes one entry, accepted or not; the checks run in one order
// (decide in core.cc, then the type's own in rules_v1.cc), and an event that is not accepted changes nothing but the
// audit log.
//
// The outcome is a function of the partition's records and their append times alone: no clock, no randomness, no
// thread order, no batch size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "events/record.h"
#include "events/result.h"
#include "ledger/entry.h"
#include "ledger/entry_source.h"
#include "ledger/state.h"

namespace upline {

// A record that has been read: what the core needs of it. Decoding and hashing are pure and may run ahead, beside the
// core.
struct Input {
    DecodedRecord record;
    Hash record_sha256{};
    int64_t append_time_ms = 0;
};
// REQUIRES: a value as decode_record wants it; the input's views point into it.
Input read_input(std::span<const std::byte> value, int64_t append_time_ms);

// The entries of a batch, one after another.
struct EntryBatch {
    Sequence first = 0;
    std::vector<std::byte> bytes;
    std::vector<uint32_t> ends;  // [i]: where entry first + i ends in bytes

    size_t size() const { return ends.size(); }
    std::span<const std::byte> operator[](size_t i) const {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        return std::span(bytes).subspan(begin, ends[i] - begin);
    }
};

struct ShardIdentity {
    uint32_t partition = 0;
    uint32_t partition_count = 1;
};

// An event that far ahead of its append time is from_future.
inline constexpr int64_t kFutureToleranceUs = 5 * 60 * 1'000'000LL;

class Core {
  public:
    // `entries` gives the entries before those of the batch in hand. All must outlive the core. Not thread-safe.
    Core(State& state, ShardIdentity shard, EntrySource& entries) : state_(state), shard_(shard), entries_(entries) {}

    // Decides the inputs in order, appends their entries to `out` (cleared first) and folds them into the state.
    // An error is one of reading an earlier entry; the state then has folded a part and must be thrown away.
    Status apply(std::span<const Input> inputs, EntryBatch& out);

    // Moves what is mature at the clock from pending to available, looking at no more than `most` entries, so that a
    // day on which a million sales mature is spread over batches. REQUIRES: every entry below state.size() committed.
    Status mature(uint64_t most = UINT64_MAX);

  private:
    static constexpr size_t kBlock = 64;  // inputs whose table slots are fetched ahead of use
    struct Names {
        uint64_t program_hash = 0;
        uint64_t id = 0;  // fingerprints
        std::array<uint64_t, kMaxRefs> refs{};
    };

    void fetch_ahead(std::span<const Input> inputs);
    Result<Outcome> decide(const Input& input, const Names& names);
    void resolve_refs(const Payload& payload, const Names& names);
    Result<Outcome> duplicate_or_conflict(const Event& event, Sequence earlier);
    bool fits() const;
    Result<std::span<const std::byte>> entry_bytes(Sequence sequence);
    Result<bool> is_other(Sequence sequence, const Event& event);

    State& state_;
    ShardIdentity shard_;
    EntrySource& entries_;
    const EntryBatch* batch_ = nullptr;  // in hand
    Entry entry_;                        // reused, for it is large
    Resolved resolved_;
    std::array<Names, kBlock> names_;
    std::string last_program_;  // events of one program come in runs
    uint64_t last_program_hash_ = 0;
    std::vector<std::byte> scratch_;
};

}  // namespace upline
