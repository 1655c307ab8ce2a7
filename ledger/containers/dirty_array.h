// SPDX-License-Identifier: Apache-2.0
// Dense arrays of plain records that know which of them have changed since they were last stored: the form in which
// users, websites and accounts live in memory, by index.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "events/base/check.h"
#include "ledger/containers/huge_array.h"
#include "ledger/containers/index.h"

namespace upline {

// Which records of an array have changed: a bit for each.
class Changes {
  public:
    void grow(size_t size) {
        if (words_.size() * 64 < size) words_.push_back(0);
    }
    void mark(size_t index) { words_[index / 64] |= uint64_t{1} << (index % 64); }
    size_t count() const {
        size_t count = 0;
        for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
        return count;
    }
    // Calls f with each changed index, in ascending order. Then none has changed.
    template <class F>
    void take(F&& f) {
        for (size_t word = 0; word < words_.size(); ++word) {
            for (uint64_t bits = words_[word]; bits != 0; bits &= bits - 1)
                f(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
            words_[word] = 0;
        }
    }
    void clear() {
        for (uint64_t& word : words_) word = 0;
    }

  private:
    FlatArray<uint64_t> words_;
};

// Records are compared, and some stored, as they lie in memory, so every byte must have a meaning.
template <class T>
concept PlainRecord = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

// What both kinds of arrays have in common; `Array` says how a record lies in memory.
template <class T, class Array>
class DirtyArray {
    static_assert(PlainRecord<T>);

  public:
    Array& array() { return static_cast<Array&>(*this); }
    const Array& array() const { return static_cast<const Array&>(*this); }

    IndexOf<T> append(const T& record) {
        const size_t index = array().size();
        add(record);
        changes_.mark(index);
        return IndexOf<T>(index);
    }
    // Takes a record as it was stored. False if the one before it is missing.
    bool load(uint64_t index, const T& record) {
        if (index > array().size()) return false;
        if (index < array().size())
            array().put(index, record);
        else
            add(record);
        return true;
    }

    size_t count_changed() const { return changes_.count(); }
    // Calls store(index, record) for each changed record, or for every one, by ascending index. Then none has changed.
    template <class Store>
    void take_changed(Store&& store) {
        changes_.take([&](size_t index) { store(index, array()[index]); });
    }
    template <class Store>
    void take_all(Store&& store) {
        for (size_t index = 0; index < array().size(); ++index) store(index, array()[index]);
        changes_.clear();
    }

  protected:
    void mark(size_t index) { changes_.mark(index); }

  private:
    void add(const T& record) {
        UPLINE_CHECK(array().size() < UINT32_MAX, "fewer than 2^32 - 1 records of a kind in one shard");
        array().push_back(record);
        changes_.grow(array().size());
    }
    Changes changes_;
};

template <class T>
class DirtyTrackedArray final : public DirtyArray<T, DirtyTrackedArray<T>> {
  public:
    size_t size() const { return records_.size(); }
    const T& operator[](ArrayIndex<T> index) const { return records_[index.value]; }
    const T* data() const { return records_.data(); }

    void reserve(size_t size) { records_.reserve(size); }
    void populate(size_t size) const { records_.populate(size); }

    // For changing a record: it will be stored again.
    T& change(ArrayIndex<T> index) {
        this->mark(index.value);
        return records_[index.value];
    }

  private:
    friend DirtyArray<T, DirtyTrackedArray<T>>;
    void put(size_t index, const T& record) { records_[index] = record; }
    void push_back(const T& record) { records_.push_back(record); }
    FlatArray<T> records_;
};

// Records of which a part is touched much oftener than the rest, and at random: the two parts lie in arrays of their
// own, so that the hot ones are few cache lines. T names them Hot and Cold, gives them with hot() and cold() and is
// made of them with of().
template <class T>
class HotColdArray final : public DirtyArray<T, HotColdArray<T>> {
    using Hot = typename T::Hot;
    using Cold = typename T::Cold;
    static_assert(PlainRecord<Hot> && PlainRecord<Cold>);
    static_assert(std::has_single_bit(sizeof(Hot)), "none lies across two cache lines");

  public:
    size_t size() const { return hot_.size(); }
    T operator[](ArrayIndex<T> index) const { return T::of(hot_[index.value], cold_[index.value]); }
    const Hot& hot(ArrayIndex<T> index) const { return hot_[index.value]; }
    const Cold& cold(ArrayIndex<T> index) const { return cold_[index.value]; }
    void reserve(size_t size) {
        hot_.reserve(size);
        cold_.reserve(size);
    }
    void populate(size_t size) const {
        hot_.populate(size);
        cold_.populate(size);
    }
    // Asks for the memory of a part, which may lie across two cache lines where it is the cold one.
    void prefetch_hot(ArrayIndex<T> index) const { fetch(hot_.data() + index.value); }
    void prefetch_cold(ArrayIndex<T> index) const {
        fetch(cold_.data() + index.value);
        fetch(reinterpret_cast<const std::byte*>(cold_.data() + index.value + 1) - 1);
    }

    // For changing a record: it will be stored again.
    Hot& change_hot(ArrayIndex<T> index) {
        this->mark(index.value);
        return hot_[index.value];
    }
    Cold& change_cold(ArrayIndex<T> index) {
        this->mark(index.value);
        return cold_[index.value];
    }
    template <class F>
    void change(ArrayIndex<T> index, F&& f) {
        T record = (*this)[index];
        f(record);
        this->mark(index.value);
        put(index.value, record);
    }
    // For changing what is not stored, but follows from other records.
    Hot& mutate_untracked(ArrayIndex<T> index) { return hot_[index.value]; }

  private:
    friend DirtyArray<T, HotColdArray<T>>;
    void put(size_t index, const T& record) {
        hot_[index] = record.hot();
        cold_[index] = record.cold();
    }
    void push_back(const T& record) {
        hot_.push_back(record.hot());
        cold_.push_back(record.cold());
    }
    FlatArray<Hot> hot_;
    FlatArray<Cold> cold_;
};

}  // namespace upline
