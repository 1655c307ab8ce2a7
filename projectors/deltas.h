// SPDX-License-Identifier: Apache-2.0
// What entries have added to rows since the last flush, in one of three forms:
//
//   touch        a row's first counters in a flat hash table: for rows that are few, or of which many counters change
//   add          8 bytes that say which effect on which row: for the rows of users, which are so many that each would
//                be a cache miss. They are only written down, near those of neighbours, and summed neighbourhood by
//                neighbourhood when the rows are wanted, in a processor's own cache
//   add_visitor  a visitor to unite with a row's set
//
// Memory is kept from flush to flush: folding an entry allocates nothing once it has grown.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "events/base/check.h"
#include "projectors/row.h"

namespace upline {

class Deltas {
  public:
    // What to add to a row: its counters 0 to width - 1, zero at first. Valid until the next call.
    // REQUIRES: the same width each time for a key, at most CounterSums::kLow.
    std::span<int64_t> touch(const RowKey& key, size_t width);

    // What an addition changes of a row.
    struct Effect {
        static constexpr uint8_t kNoCounter = CounterSums::kLow;  // whose sum nobody reads
        RowKey row;                                               // its key but for the sequence, whose bits are zero
        std::array<uint8_t, 4> counters{kNoCounter, kNoCounter, kNoCounter, kNoCounter};  // that take the amount
        uint8_t count = kNoCounter;                                                       // the one that takes 1
        uint32_t high = 0;  // another that takes the amount, of a number from CounterSums::kLow on; 0: none
    };
    // The number of the first of effects that go by a name. make() gives them, a container, the first time; numbers
    // are valid until clear(). REQUIRES: rows of one kind, and few different ones.
    template <class Make>
    uint32_t effects(uint64_t name, Make&& make) {
        const auto [found, is_new] = effect_names_.try_emplace(name, static_cast<uint32_t>(effects_.size()));
        if (is_new)
            for (const Effect& effect : make()) append_effect(effect);
        return found->second;
    }
    // Adds to the row of an effect and a sequence.
    void add(uint32_t effect, Sequence sequence, int64_t amount) {
        const Sequence neighbourhood = sequence >> kNeighbourBits;
        if (neighbourhood >= tails_.size() || reinterpret_cast<uintptr_t>(tails_[neighbourhood]) % kBlockBytes == 0)
            begin_block(neighbourhood);
        Addition*& tail = tails_[neighbourhood];
        // The cache line of the additions that come next: a miss would be waited for when many are on their way.
        __builtin_prefetch(tail + kAdditionsOfLine, 1);
        const bool is_wide = effect >= kWide || amount >= kAmountBound || amount < -kAmountBound;
        if (is_wide) [[unlikely]] {
            wide_.push_back({effect, amount});
            effect = kWide;
            amount = static_cast<int64_t>(wide_.size() - 1);
        }
        *tail++ = static_cast<uint64_t>(amount) << (kNeighbourBits + kEffectBits) |
                  (sequence & ((Sequence{1} << kNeighbourBits) - 1)) << kEffectBits | effect;
    }

    void add_visitor(const RowKey& key, uint64_t token) { visits_.push_back({key, token}); }

    // Memory of what is held, about.
    size_t bytes() const;
    void clear();

    // A walk through all rows in the order of keys. Nothing may be added meanwhile.
    class Walk;

  private:
    // The amount, the sequence's place in its neighbourhood, the effect. What does not fit is in wide_.
    using Addition = uint64_t;
    struct Wide {
        uint32_t effect;
        int64_t amount;
    };
    struct Visit {
        RowKey key;
        uint64_t token;
        friend auto operator<=>(const Visit&, const Visit&) = default;
    };
    static constexpr size_t kHeader = 3;  // words before a row's counters: key, width
    static constexpr size_t kLeastSlots = 1024;
    static constexpr unsigned kEffectBits = 14;
    static constexpr unsigned kNeighbourBits = 10;
    static constexpr int64_t kAmountBound = int64_t{1} << (63 - kEffectBits - kNeighbourBits);
    static constexpr uint32_t kWide = (uint32_t{1} << kEffectBits) - 1;  // the amount is a place in wide_
    // Additions to rows of one neighbourhood stand in blocks, the first place of each taken by the link to the block
    // before. A tail at a multiple of the size is at a block's end.
    static constexpr size_t kBlockBytes = 1024;
    static constexpr size_t kAdditionsOfLine = 64 / sizeof(Addition);
    static constexpr size_t kSlabBytes = size_t{2} << 20;  // a large page of memory

    void grow();
    void append_effect(const Effect& effect);
    void begin_block(Sequence neighbourhood);

    // A slot is 0 or a row's place in words_ + 1 below the first 32 bits of the key's hash: a key that is not the one
    // looked for is passed by without touching its row.
    std::vector<uint64_t> slots_ = std::vector<uint64_t>(kLeastSlots);
    std::vector<int64_t> words_;  // rows one after another
    size_t row_count_ = 0;

    struct SummedEffect : Effect {
        uint32_t row_kind = 0;  // which of row_kinds_ its row is
    };
    std::unordered_map<uint64_t, uint32_t> effect_names_;
    std::vector<SummedEffect> effects_;
    std::vector<RowKey> row_kinds_;
    std::vector<Addition*> tails_;  // of each neighbourhood, where the next addition goes
    struct Free {
        void operator()(std::byte* slab) const { std::free(slab); }
    };
    std::vector<std::unique_ptr<std::byte, Free>> slabs_;
    size_t block_count_ = 0;  // that are in use, in the order of slabs
    std::vector<Wide> wide_;

    std::vector<Visit> visits_;
};

class Deltas::Walk {
  public:
    explicit Walk(Deltas& deltas);

    // The next row; false at the end.
    bool next();
    const RowKey& key() const { return key_; }
    // Of a set of visitors: ascending, none twice.
    std::span<const uint64_t> visitors() const { return visitors_; }
    // Of any other row (no visitors), to be changed as the caller likes.
    CounterSums& sums() { return *sums_; }

  private:
    void next_added();
    void sum_neighbourhood(const Addition* tail);

    Deltas& deltas_;
    RowKey key_;
    CounterSums* sums_ = nullptr;
    std::vector<uint64_t> visitors_;

    std::vector<size_t> touched_;  // places of rows in the order of keys
    size_t next_touched_ = 0;
    CounterSums touched_sums_;
    size_t next_visit_ = 0;

    // The rows of one neighbourhood: for each sequence, and each kind of row in the order of keys, the number of its
    // sums + 1, or 0.
    std::vector<uint32_t> kind_order_;
    std::vector<uint32_t> rows_;
    std::vector<CounterSums> sums_of_rows_;
    uint32_t row_count_ = 0;
    Sequence neighbourhood_ = 0;
    size_t next_row_ = 0;
    RowKey added_key_;
    CounterSums* added_ = nullptr;  // none: at the end
};

}  // namespace upline
