// SPDX-License-Identifier: Apache-2.0
// A dense array of plain records that knows which of its pages have changed since they were last stored: the form in
// which users, websites and accounts live in memory (flat, by index) and are written (one page for many records).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "events/check.h"
#include "ledger/memory.h"

namespace upline {

template <class T>
class Paged {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>,
                  "records are stored as they lie in memory, so every byte must have a meaning");

  public:
    static constexpr size_t kPageRecords = 128;

    size_t size() const { return records_.size(); }
    const T& operator[](size_t index) const { return records_[index]; }
    const T* data() const { return records_.data(); }

    // For changing a record: its page will be stored again.
    T& change(size_t index) {
        mark(index);
        return records_[index];
    }
    uint32_t append(const T& record) {
        UPLINE_CHECK(records_.size() < UINT32_MAX, "fewer than 2^32 - 1 records of a kind in one shard");
        records_.push_back(record);
        mark(records_.size() - 1);
        return static_cast<uint32_t>(records_.size() - 1);
    }

    // Calls store(page number, bytes) for each changed page in ascending order, then counts all as stored.
    template <class Store>
    void store_changes(Store&& store) {
        for (size_t word = 0; word < changed_.size(); ++word) {
            for (uint64_t bits = changed_[word]; bits != 0; bits &= bits - 1) {
                const size_t page = word * 64 + static_cast<size_t>(__builtin_ctzll(bits));
                store(page, page_bytes(page));
            }
            changed_[word] = 0;
        }
    }
    // Takes the bytes of the next page, as store_changes gave them. False if they cannot be that page's.
    bool load(uint64_t page, std::span<const std::byte> bytes) {
        const size_t first = records_.size();
        if (first % kPageRecords != 0 || page != first / kPageRecords || bytes.empty() ||
            bytes.size() % sizeof(T) != 0 || bytes.size() > kPageRecords * sizeof(T))
            return false;
        records_.grow(first + bytes.size() / sizeof(T));
        std::memcpy(records_.data() + first, bytes.data(), bytes.size());
        changed_.resize(page / 64 + 1);
        return true;
    }
    std::span<const std::byte> page_bytes(size_t page) const {
        const size_t first = page * kPageRecords;
        return std::as_bytes(std::span(data() + first, std::min(kPageRecords, records_.size() - first)));
    }
    size_t page_count() const { return (records_.size() + kPageRecords - 1) / kPageRecords; }

  private:
    void mark(size_t index) {
        const size_t page = index / kPageRecords;
        if (page / 64 >= changed_.size()) changed_.resize(page / 64 + 1);
        changed_[page / 64] |= uint64_t{1} << (page % 64);
    }

    FlatArray<T> records_;
    std::vector<uint64_t> changed_;  // a bit for each page
};

}  // namespace upline
