// SPDX-License-Identifier: Apache-2.0
// A dense array of plain records that knows which of them have changed since they were last stored: the form in which
// users, websites and accounts live in memory, by index.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "events/check.h"
#include "ledger/memory.h"

namespace upline {

template <class T>
class Tracked {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>,
                  "records are compared, and some stored, as they lie in memory, so every byte must have a meaning");

  public:
    size_t size() const { return records_.size(); }
    const T& operator[](size_t index) const { return records_[index]; }
    const T* data() const { return records_.data(); }
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(data(), size())); }

    // For changing a record: it will be stored again.
    T& change(size_t index) {
        changed_[index / 64] |= uint64_t{1} << (index % 64);
        return records_[index];
    }
    // For changing what is not stored, but follows from other records.
    T& derive(size_t index) { return records_[index]; }
    uint32_t append(const T& record) {
        const auto index = static_cast<uint32_t>(size());
        add(record);
        changed_[index / 64] |= uint64_t{1} << (index % 64);
        return index;
    }
    // Takes a record as it was stored. False if the one before it is missing.
    bool load(uint64_t index, const T& record) {
        if (index > size()) return false;
        if (index < size())
            records_[index] = record;
        else
            add(record);
        return true;
    }

    size_t count_changed() const {
        size_t count = 0;
        for (const uint64_t word : changed_) count += static_cast<size_t>(std::popcount(word));
        return count;
    }
    // Calls store(index, record) for each changed record, or for every one, by ascending index. Then none has changed.
    template <class Store>
    void take_changed(Store&& store) {
        for (size_t word = 0; word < changed_.size(); ++word) {
            for (uint64_t bits = changed_[word]; bits != 0; bits &= bits - 1) {
                const size_t index = word * 64 + static_cast<size_t>(std::countr_zero(bits));
                store(index, records_[index]);
            }
            changed_[word] = 0;
        }
    }
    template <class Store>
    void take_all(Store&& store) {
        for (size_t index = 0; index < size(); ++index) store(index, records_[index]);
        for (uint64_t& word : changed_) word = 0;
    }

  private:
    void add(const T& record) {
        UPLINE_CHECK(size() < UINT32_MAX, "fewer than 2^32 - 1 records of a kind in one shard");
        records_.push_back(record);
        if (changed_.size() * 64 < size()) changed_.push_back(0);
    }

    FlatArray<T> records_;
    FlatArray<uint64_t> changed_;  // a bit for each record
};

}  // namespace upline
