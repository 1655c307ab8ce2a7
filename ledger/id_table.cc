// SPDX-License-Identifier: Apache-2.0
#include "ledger/id_table.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace upline {

uint64_t IdTable::program_hash(std::string_view program) {
    return XXH3_64bits(program.data(), program.size());
}

uint64_t IdTable::fingerprint(uint64_t program_hash, const Uuid& id) {
    return XXH3_64bits_withSeed(id.bytes.data(), id.bytes.size(), program_hash);
}

void IdTable::reserve(uint64_t count) {
    unsigned shift = shift_;
    while (is_full(count, uint64_t{1} << (64 - shift))) --shift;
    if (shift != shift_) grow(shift);
}

void IdTable::insert(uint64_t fingerprint, Thing thing) {
    constexpr uint64_t kHomesAtOnce = 16;  // moved before the table is noticeably fuller
    if (unmoved_ > 0) {
        move_some(kHomesAtOnce);
    } else if (is_full(size_ + 1, homes())) {
        unmoved_ = homes();
        --shift_;
        slots_.grow(homes() + kTail);
    }
    put({fingerprint, thing.word()});
    ++size_;
}

// The lowest `homes` of those moved last, and what stands in one row with them: that row may go on behind them, even
// into slots of new homes, which are put in anew with the others.
void IdTable::move_some(uint64_t homes) {
    uint64_t end = unmoved_;
    while (slots_[end].thing != 0) ++end;
    uint64_t begin = unmoved_ - std::min(homes, unmoved_);
    while (begin > 0 && slots_[begin - 1].thing != 0) --begin;
    moving_.clear();
    for (uint64_t i = begin; i < end; ++i)
        if (slots_[i].thing != 0) moving_.push_back(std::exchange(slots_[i], {}));
    unmoved_ = begin;
    for (const Slot& slot : moving_) put(slot);
}

void IdTable::insert_all(std::span<const Slot> slots) {
    constexpr size_t kAhead = 16;
    reserve(size_ + slots.size());
    for (size_t i = 0; i < slots.size(); ++i) {
        if (i + kAhead < slots.size()) prefetch(slots[i + kAhead].fingerprint);
        put(slots[i]);
    }
    size_ += slots.size();
}

void IdTable::put(Slot slot) {
    uint64_t i = home(slot.fingerprint);
    while (slots_[i].thing != 0) ++i;
    if (i + 1 == slots_.size()) slots_.grow(slots_.size() + kTail);
    slots_[i] = slot;
}

// In place: from the last slot to the first each moves to a place behind all that are still to be moved. A few near the
// front would not, and are put in at the end.
void IdTable::grow(unsigned shift) {
    constexpr uint64_t kHomesAtOnce = 4096;
    while (unmoved_ > 0) move_some(kHomesAtOnce);
    const uint64_t end = slots_.size();
    shift_ = shift;
    slots_.grow(homes() + kTail);
    std::vector<Slot> late;
    for (uint64_t i = end; i-- > 0;) {
        const Slot slot = slots_[i];
        if (slot.thing == 0) continue;
        slots_[i] = {};
        if (home(slot.fingerprint) > i)
            put(slot);
        else
            late.push_back(slot);
    }
    for (const Slot& slot : late) put(slot);
}

}  // namespace upline
