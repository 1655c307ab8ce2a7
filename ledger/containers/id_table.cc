// SPDX-License-Identifier: Apache-2.0
#include "ledger/containers/id_table.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace upline {

uint64_t IdTable::program_hash(std::string_view program) {
    return XXH3_64bits(program.data(), program.size());
}

uint64_t IdTable::fingerprint(uint64_t program_hash, const Uuid& id) {
    return XXH3_64bits_withSeed(id.bytes.data(), id.bytes.size(), program_hash);
}

void IdTable::reserve(uint64_t count) {
    constexpr uint64_t kHomesAtOnce = 4096;
    for (;;) {
        while (unmoved_ > 0) move_some(kHomesAtOnce);
        if (!is_full(count, homes())) return;
        begin_doubling();
        if (size_ == 0) unmoved_ = 0;
    }
}

void IdTable::insert(uint64_t fingerprint, EntityRef thing) {
    constexpr uint64_t kHomesAtOnce = 16;  // moved before the table is noticeably fuller
    if (unmoved_ > 0)
        move_some(kHomesAtOnce);
    else if (is_full(size_ + 1, homes()))
        begin_doubling();
    put({fingerprint, thing.word()});
    ++size_;
}

void IdTable::begin_doubling() {
    unmoved_ = homes();
    --shift_;
    slots_.grow(homes() + kTail);
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
        if (i + kAhead < slots.size()) fetch(slots[i + kAhead].fingerprint);
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

}  // namespace upline
