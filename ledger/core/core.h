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

#include "events/base/result.h"
#include "events/record_reader.h"
#include "ledger/core/draft.h"
#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/input.h"
#include "ledger/core/maturity.h"
#include "ledger/core/prefetch.h"
#include "ledger/core/rules.h"
#include "ledger/core/state.h"

namespace upline {

// The entries of a batch, one after another.
struct EntryBatch {
    Sequence first = 0;
    std::vector<std::byte> bytes;
    std::vector<uint32_t> ends;  // [i]: where entry first + i ends in bytes

    // Closings whose roots are not in the bytes yet: hashing many balances takes long and may be done beside the core.
    struct OpenClosing {
        size_t root_at = 0;  // where in bytes the root belongs
        ProgramIndex program{0};
        Sequence sequence = 0;
        std::vector<std::byte> leaves;  // ledger/core/closing.h
    };
    std::vector<OpenClosing> closings;

    size_t size() const { return ends.size(); }
    std::span<const std::byte> operator[](size_t i) const {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        return std::span(bytes).subspan(begin, ends[i] - begin);
    }
};

// Puts the roots of open closings in their places: those given, in order, or hashed here.
void fill_closings(EntryBatch& batch);
void fill_closings(EntryBatch& batch, std::span<const Hash> roots);

struct ShardIdentity {
    uint32_t partition = 0;
    uint32_t partition_count = 1;
};

// An event that far ahead of its append time is from_future.
inline constexpr int64_t kFutureToleranceUs = 5 * 60 * 1'000'000LL;

class Core final : private AvailableFunds {
  public:
    // Two sources of the entries before those of the batch in hand: one asked for any entry, one walked in order. All
    // must outlive the core. Not thread-safe.
    Core(State& state, ShardIdentity shard, EntrySource& point_reader, EntrySource& walk)
        : state_(state), shard_(shard), point_reader_(point_reader), in_hand_(walk), prefetch_(state) {}
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;

    // Decides the inputs in order, appends their entries to `out` (cleared first) and folds them into the state. Stops
    // early, with fewer entries than inputs, after an event that activates rules which are not known, and after a
    // BooksClosed when the leaves of those in the batch have come to kMaxOpenLeaves.
    // The roots of closings are left open (fill_closings); no decision depends on them.
    // An error is one of reading an earlier entry; the state then has folded a part and must be thrown away.
    Status apply(std::span<const Input> inputs, EntryBatch& out);

    // The rules in force for the next event; nullptr if this release does not know them.
    const Rules* rules() const { return state_.rules(); }

    // Moves what is mature at the clock from pending to available, looking at no more than `most` entries, so that a
    // day on which a million sales mature is spread over batches. No outcome depends on how far that has come: a
    // payout that does moves the rest first. REQUIRES: every entry below state.size() committed.
    Status mature(uint64_t most = UINT64_MAX);

    static constexpr size_t kMaxOpenLeaves = 64 << 20;  // bytes

  private:
    // Entries in order, those of the batch in hand too.
    class BatchOverlaySource final : public EntrySource {
      public:
        explicit BatchOverlaySource(EntrySource& committed) : committed_(committed) {}
        Result<std::span<const std::byte>> entry(uint64_t sequence) override {
            if (batch && sequence >= batch->first) return (*batch)[sequence - batch->first];
            return committed_.entry(sequence);
        }
        const EntryBatch* batch = nullptr;

      private:
        EntrySource& committed_;
    };
    // What matures between the clock and a later time, for events that ask before the clock has moved there. Kept
    // until an event is accepted: a payout run of which many are refused looks at each entry once.
    struct MaturityLookahead {
        bool known = false;
        int64_t at_us = 0;
        MaturityCursors holds;
        std::vector<int64_t> matured;  // by account, zero but for those touched
        std::vector<AccountIndex> touched;

        void forget() {
            for (const AccountIndex account : touched) matured[account.value] = 0;
            touched.clear();
            known = false;
        }
    };

    Result<Outcome> decide(const Input& input, const IdHashes& names);
    Status resolve_refs(const Event& event, const IdHashes& names);
    Status resolve_sale(const Uuid& id, uint64_t fingerprint);
    // What an id names in the event's program.
    Result<EntityRef> find(const Uuid& id, uint64_t fingerprint);
    Result<Outcome> duplicate_or_conflict(const Event& event, Sequence earlier);
    Result<bool> covers(AccountIndex account, int64_t amount, int64_t at_us) override;
    Result<int64_t> matured_by(AccountIndex account, int64_t at_us);
    Result<bool> fits();
    Result<bool> account_fits(UserIndex user, AccountIndex account);
    Result<std::span<const std::byte>> entry_bytes(Sequence sequence);
    Status close_books(EntryBatch& out);

    State& state_;
    ShardIdentity shard_;
    EntrySource& point_reader_;
    BatchOverlaySource in_hand_;
    Prefetch prefetch_;
    const Rules* rules_ = nullptr;  // in force for the event in hand
    MaturityLookahead ahead_;
    Entry entry_;  // reused, for it is large
    Entry sale_;   // what the refund in hand names; its views point into sale_bytes_
    std::vector<std::byte> sale_bytes_;
    bool has_sale_ = false;
    ResolvedRefs resolved_;
    std::vector<std::byte> scratch_;
};

}  // namespace upline
