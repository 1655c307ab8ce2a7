// SPDX-License-Identifier: Apache-2.0
#include "ledger/id_table.h"

#include <xxhash.h>

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
    while (count * 10 > (uint64_t{1} << (64 - shift)) * 7) --shift;
    if (shift != shift_) grow(shift);
}

void IdTable::insert(uint64_t fingerprint, Thing thing) {
    reserve(size_ + 1);
    put({fingerprint, thing.word()});
    ++size_;
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
