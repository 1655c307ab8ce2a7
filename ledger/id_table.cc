// SPDX-License-Identifier: Apache-2.0
#include "ledger/id_table.h"

#include <xxhash.h>

#include <bit>

namespace upline {

uint64_t IdTable::program_hash(std::string_view program) {
    return XXH3_64bits(program.data(), program.size());
}

uint64_t IdTable::fingerprint(uint64_t program_hash, const Uuid& id) {
    return XXH3_64bits_withSeed(id.bytes.data(), id.bytes.size(), program_hash);
}

void IdTable::reserve(uint64_t count) {
    size_t slots = slots_.size();
    while (count * 10 > slots * 7) slots *= 2;
    if (slots != slots_.size()) grow(slots);
}

void IdTable::insert(uint64_t fingerprint, Thing thing) {
    reserve(size_ + 1);
    put({fingerprint, thing.word()});
    ++size_;
}

void IdTable::put(Slot slot) {
    uint64_t i = home(slot.fingerprint);
    while (slots_[i & (slots_.size() - 1)].thing != 0) ++i;
    slots_[i & (slots_.size() - 1)] = slot;
}

void IdTable::grow(size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    shift_ = 64 - static_cast<unsigned>(std::countr_zero(slots));
    for (const Slot& slot : old)
        if (slot.thing != 0) put(slot);
}

}  // namespace upline
