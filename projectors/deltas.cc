// SPDX-License-Identifier: Apache-2.0
#include "projectors/deltas.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>
#include <numeric>

namespace upline {
namespace {

uint64_t hash_of(uint64_t high, uint64_t low) {
    uint64_t hash = (high ^ std::rotl(low, 32)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
    hash *= 0xbf58476d1ce4e5b9;
    return hash ^ hash >> 29;
}

constexpr uint64_t kTagMask = 0xffffffff00000000;

RowKey row_of(const RowKey& kind, Sequence sequence) {
    return {.high = kind.high | sequence << 16, .low = kind.low};
}

}  // namespace

std::span<int64_t> Deltas::touch(const RowKey& key, size_t width) {
    const uint64_t hash = hash_of(key.high, key.low);
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
        if ((slots_[at] & kTagMask) != (hash & kTagMask)) continue;
        int64_t* row = words_.data() + ((slots_[at] & ~kTagMask) - 1);
        if (row[0] == static_cast<int64_t>(key.high) && row[1] == static_cast<int64_t>(key.low))
            return {row + kHeader, width};
    }
    const size_t place = words_.size();
    UPLINE_CHECK(place < UINT32_MAX && width <= CounterSums::kLow, "rows of less than 32 GiB, of few counters");
    slots_[at] = (hash & kTagMask) | (place + 1);
    words_.resize(place + kHeader + width);
    words_[place] = static_cast<int64_t>(key.high);
    words_[place + 1] = static_cast<int64_t>(key.low);
    words_[place + 2] = static_cast<int64_t>(width);
    if (++row_count_ * 2 > slots_.size()) grow();
    return {words_.data() + place + kHeader, width};
}

void Deltas::grow() {
    slots_.assign(slots_.size() * 2, 0);
    const size_t mask = slots_.size() - 1;
    for (size_t place = 0; place < words_.size(); place += kHeader + static_cast<size_t>(words_[place + 2])) {
        const uint64_t hash = hash_of(static_cast<uint64_t>(words_[place]), static_cast<uint64_t>(words_[place + 1]));
        size_t at = hash & mask;
        while (slots_[at] != 0) at = (at + 1) & mask;
        slots_[at] = (hash & kTagMask) | (place + 1);
    }
}

void Deltas::append_effect(const Effect& effect) {
    const RowKey first = row_kinds_.empty() ? effect.row : row_kinds_.front();
    UPLINE_CHECK(effect.row.high >> (16 + kSequenceBits) == first.high >> (16 + kSequenceBits), "rows of one kind");
    UPLINE_CHECK(effects_.size() < UINT32_MAX, "few different effects");
    SummedEffect summed{effect};
    summed.row_kind = static_cast<uint32_t>(std::ranges::find(row_kinds_, effect.row) - row_kinds_.begin());
    if (summed.row_kind == row_kinds_.size()) row_kinds_.push_back(effect.row);
    effects_.push_back(summed);
}

void Deltas::begin_block(Sequence neighbourhood) {
    constexpr size_t kBlocksOfSlab = kSlabBytes / kBlockBytes;
    UPLINE_CHECK(neighbourhood <= kMaxKeySequence >> kNeighbourBits, "a sequence that fits a key");
    if (neighbourhood >= tails_.size()) tails_.resize(neighbourhood + 1);
    if (block_count_ == slabs_.size() * kBlocksOfSlab) {
        auto* slab = static_cast<std::byte*>(std::aligned_alloc(kSlabBytes, kSlabBytes));
        if (!slab) throw std::bad_alloc();
        slabs_.emplace_back(slab);
        // Neighbourhoods are added to in no order: with small pages each addition would miss the TLB.
        ::madvise(slab, kSlabBytes, MADV_HUGEPAGE);
    }
    auto* block = reinterpret_cast<Addition*>(slabs_[block_count_ / kBlocksOfSlab].get() +
                                              block_count_ % kBlocksOfSlab * kBlockBytes);
    ++block_count_;
    Addition*& tail = tails_[neighbourhood];
    *block = reinterpret_cast<uintptr_t>(tail);
    tail = block + 1;
}

size_t Deltas::bytes() const {
    constexpr size_t kEffectBytes = 64;  // and its share of a name
    return words_.size() * sizeof(int64_t) + slots_.size() * sizeof(uint64_t) + block_count_ * kBlockBytes +
           tails_.size() * sizeof(Addition*) + effects_.size() * kEffectBytes + wide_.size() * sizeof(Wide) +
           visits_.size() * sizeof(Visit);
}

void Deltas::clear() {
    // As many slots as were needed last time: clearing after a small flush must not cost as much as after a large one.
    slots_.assign(std::max(kLeastSlots, std::bit_ceil(row_count_ * 2 + 1)), 0);
    words_.clear();
    row_count_ = 0;
    effect_names_.clear();
    effects_.clear();
    row_kinds_.clear();
    std::ranges::fill(tails_, nullptr);
    block_count_ = 0;
    wide_.clear();
    visits_.clear();
}

Deltas::Walk::Walk(Deltas& deltas) : deltas_(deltas) {
    for (size_t place = 0; place < deltas.words_.size();) {
        touched_.push_back(place);
        place += kHeader + static_cast<size_t>(deltas.words_[place + 2]);
    }
    const auto key_at = [&words = deltas.words_](size_t place) {
        return RowKey{static_cast<uint64_t>(words[place]), static_cast<uint64_t>(words[place + 1])};
    };
    std::ranges::sort(touched_, {}, key_at);
    std::ranges::sort(deltas.visits_);
    deltas.visits_.erase(std::unique(deltas.visits_.begin(), deltas.visits_.end()), deltas.visits_.end());
    kind_order_.resize(deltas.row_kinds_.size());
    std::iota(kind_order_.begin(), kind_order_.end(), 0);
    std::ranges::sort(kind_order_, {}, [&deltas](uint32_t kind) { return deltas.row_kinds_[kind]; });
    // Effects name the kind's place in the order from here on.
    std::vector<uint32_t> places(kind_order_.size());
    for (uint32_t place = 0; place < places.size(); ++place) places[kind_order_[place]] = place;
    for (SummedEffect& effect : deltas.effects_) effect.row_kind = places[effect.row_kind];
    next_row_ = rows_.size();
    next_added();
}

bool Deltas::Walk::next() {
    const auto& words = deltas_.words_;
    const auto& visits = deltas_.visits_;
    if (sums_ && sums_ == added_) next_added();  // not before: those of the one before were in use until here
    sums_ = nullptr;
    const RowKey* first = added_ ? &added_key_ : nullptr;
    RowKey touched;
    if (next_touched_ < touched_.size()) {
        const size_t place = touched_[next_touched_];
        touched = {static_cast<uint64_t>(words[place]), static_cast<uint64_t>(words[place + 1])};
        if (!first || touched < *first) first = &touched;
    }
    visitors_.clear();
    if (next_visit_ < visits.size() && (!first || visits[next_visit_].key < *first)) {
        key_ = visits[next_visit_].key;
        for (; next_visit_ < visits.size() && visits[next_visit_].key == key_; ++next_visit_)
            visitors_.push_back(visits[next_visit_].token);
        return true;
    }
    if (!first) return false;
    key_ = *first;
    const bool is_added = added_ && added_key_ == key_;
    sums_ = is_added ? added_ : &touched_sums_;
    if (!is_added) touched_sums_.clear();
    if (next_touched_ < touched_.size() && touched == key_) {
        const size_t place = touched_[next_touched_++];
        for (size_t i = 0; i < static_cast<size_t>(words[place + 2]); ++i)
            wrapping_add(sums_->low[i], words[place + kHeader + i]);
    }
    return true;
}

// Goes on to the next row that was added to.
void Deltas::Walk::next_added() {
    const size_t kinds = kind_order_.size();
    for (;;) {
        while (next_row_ < rows_.size() && rows_[next_row_] == 0) ++next_row_;
        if (next_row_ < rows_.size()) {
            const Sequence sequence = (neighbourhood_ - 1) << kNeighbourBits | next_row_ / kinds;
            added_key_ = row_of(deltas_.row_kinds_[kind_order_[next_row_ % kinds]], sequence);
            added_ = &sums_of_rows_[rows_[next_row_] - 1];
            ++next_row_;
            return;
        }
        while (neighbourhood_ < deltas_.tails_.size() && !deltas_.tails_[neighbourhood_]) ++neighbourhood_;
        if (neighbourhood_ == deltas_.tails_.size()) {
            added_ = nullptr;
            return;
        }
        sum_neighbourhood(deltas_.tails_[neighbourhood_++]);
    }
}

void Deltas::Walk::sum_neighbourhood(const Addition* tail) {
    constexpr uint64_t kNeighbours = uint64_t{1} << kNeighbourBits;
    const size_t kinds = kind_order_.size();
    rows_.assign(kNeighbours * kinds, 0);
    row_count_ = 0;
    next_row_ = 0;
    // Blocks are aligned, and begin with the address of the block before: numbers, not pointer arithmetic.
    // NOLINTBEGIN(performance-no-int-to-ptr)
    const auto block_of = [](const Addition* end) {
        return reinterpret_cast<const Addition*>(reinterpret_cast<uintptr_t>(end - 1) / kBlockBytes * kBlockBytes);
    };
    const auto end_before = [](const Addition* block) {
        return reinterpret_cast<const Addition*>(static_cast<uintptr_t>(*block));
    };
    // NOLINTEND(performance-no-int-to-ptr)
    while (tail) {
        const Addition* block = block_of(tail);
        const Addition* before = end_before(block);
        // Blocks lie in no order that a processor could foresee: the one after the next is fetched while this is read.
        const Addition* fetched =
            before && end_before(block_of(before)) ? block_of(end_before(block_of(before))) : block;
        for (const Addition* at = block + 1; at != tail; ++at) {
            __builtin_prefetch(fetched + (at - block));
            auto number = static_cast<uint32_t>(*at & kWide);
            int64_t amount = static_cast<int64_t>(*at) >> (kNeighbourBits + kEffectBits);
            if (number == kWide) {
                const Wide& wide = deltas_.wide_[static_cast<size_t>(amount)];
                number = wide.effect;
                amount = wide.amount;
            }
            const SummedEffect& effect = deltas_.effects_[number];
            const uint64_t neighbour = *at >> kEffectBits & (kNeighbours - 1);
            uint32_t& row = rows_[neighbour * kinds + effect.row_kind];
            if (row == 0) {
                row = ++row_count_;
                if (row_count_ > sums_of_rows_.size()) sums_of_rows_.emplace_back();
                sums_of_rows_[row - 1].clear();
            }
            CounterSums& sums = sums_of_rows_[row - 1];
            static_assert(std::tuple_size_v<decltype(effect.counters)> == 4);
            wrapping_add(sums.low[effect.counters[0]], amount);
            wrapping_add(sums.low[effect.counters[1]], amount);
            wrapping_add(sums.low[effect.counters[2]], amount);
            wrapping_add(sums.low[effect.counters[3]], amount);
            wrapping_add(sums.low[effect.count], 1);
            if (effect.high != 0) sums.add_high(effect.high, amount);
        }
        tail = before;
    }
}

}  // namespace upline
