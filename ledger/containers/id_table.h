// SPDX-License-Identifier: Apache-2.0
// Which (program, id) pairs have been accepted, and what they made: a flat hash table of 64-bit fingerprints, so that
// an id never seen before costs one cache line and no disk read. A fingerprint that is found is only a candidate: the
// caller compares the whole program and id.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "events/values/uuid.h"
#include "ledger/containers/huge_array.h"

namespace upline {

// What an accepted event made. kOther: anything that is no user, website or payout; its number is its sequence.
enum class EntityKind : uint8_t { kNone = 0, kUser = 1, kWebsite = 2, kOther = 3, kPayout = 4 };

// A kind and a dense index (users, websites, payouts) or sequence, in one word. The default one is nothing.
class EntityRef {
  public:
    EntityRef() = default;
    EntityRef(EntityKind kind, uint64_t number) : word_(static_cast<uint64_t>(kind) << 56 | number) {}
    static EntityRef from_word(uint64_t word) {
        EntityRef thing;
        thing.word_ = word;
        return thing;
    }
    EntityKind kind() const { return static_cast<EntityKind>(word_ >> 56); }
    uint64_t number() const { return word_ & ((uint64_t{1} << 56) - 1); }
    uint64_t word() const { return word_; }
    explicit operator bool() const { return word_ != 0; }

  private:
    uint64_t word_ = 0;
};

class IdTable {
  public:
    struct Slot {
        uint64_t fingerprint = 0;
        uint64_t thing = 0;  // EntityRef::word; 0: empty
    };

    IdTable() { slots_.grow(kFirstHomes + kTail); }

    static uint64_t program_hash(std::string_view program);
    static uint64_t fingerprint(uint64_t program_hash, const Uuid& id);

    // Makes room so that `count` ids fit without growing.
    void reserve(uint64_t count);

    // Asks for the memory that a look-up will touch.
    void fetch(uint64_t fingerprint) const { upline::fetch(&slots_[home(fingerprint)]); }

    // The first thing with this fingerprint for which same(thing) holds, or nothing.
    template <class Same>
    EntityRef find(uint64_t fingerprint, Same&& same) const {
        for (const Slot* slot = &slots_[home(fingerprint)]; slot->thing != 0; ++slot)
            if (slot->fingerprint == fingerprint && same(EntityRef::from_word(slot->thing)))
                return EntityRef::from_word(slot->thing);
        return {};
    }

    // REQUIRES: find() with the whole comparison gave nothing.
    void insert(uint64_t fingerprint, EntityRef thing);

    // The same for many.
    void insert_all(std::span<const Slot> slots);

    uint64_t size() const { return size_; }

    // In no order that means anything.
    template <class F>
    void for_each(F&& f) const {
        for (const Slot& slot : slots_)
            if (slot.thing != 0) f(slot);
    }

  private:
    static constexpr unsigned kFirstBits = 10;
    static constexpr size_t kFirstHomes = size_t{1} << kFirstBits;
    static constexpr size_t kTail = 32;
    // The highest bits, so that twice the homes keep their order.
    uint64_t home(uint64_t fingerprint) const {
        const uint64_t half = fingerprint >> 1 >> shift_;
        return half < unmoved_ ? half : fingerprint >> shift_;
    }
    uint64_t homes() const { return uint64_t{1} << (64 - shift_); }
    static bool is_full(uint64_t count, uint64_t homes) { return count * 10 > homes * 7; }
    void put(Slot slot);
    void begin_doubling();
    void move_some(uint64_t homes);

    // A slot for each home and some behind the last, about 70 % full at most; the very last is empty.
    //
    // It doubles a little with each insert, for moving all at once would hold up everything for seconds when they are
    // many: homes of half as many that are below `unmoved_` are still in use, the others' slots have moved to behind
    // twice that.
    FlatArray<Slot> slots_;
    unsigned shift_ = 64 - kFirstBits;  // 64 - log2(homes())
    uint64_t unmoved_ = 0;
    uint64_t size_ = 0;
    std::vector<Slot> moving_;  // of move_some
};

}  // namespace upline
