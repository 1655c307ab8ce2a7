// SPDX-License-Identifier: Apache-2.0
// Memory for arrays that grow for years. A std::vector that grows copies everything and holds both copies meanwhile;
// this moves page tables instead, so gigabytes grow in microseconds and nothing is there twice. Large arrays lie in
// huge pages, for they are read at random; small ones take what they need.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace upline {

// Starts loading the cache line that holds a byte, without waiting for it: what is asked for one after another is
// waited for together. A plain load, for processors may drop a prefetch of a page that their TLB does not hold, and
// what is worth asking for mostly lies in such a page. REQUIRES: memory that may be read.
inline void fetch(const void* at) {
    static_cast<void>(*static_cast<const volatile std::byte*>(at));
}

// Bytes that are zero until they are written. Only what was written, or populated, takes memory.
class Memory {
  public:
    Memory() = default;
    Memory(Memory&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
    Memory& operator=(Memory&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Memory();

    std::byte* data() const { return data_; }
    size_t capacity() const { return capacity_; }
    // Makes room for at least so many bytes; what is there keeps its value, and gets another address. Throws
    // std::bad_alloc.
    void grow(size_t bytes);
    // Has the kernel give the first `bytes` now, so that a thread beside does not wait for them to be cleared where it
    // writes first. REQUIRES: they will be written. A kernel that does not know how gives them when they are written.
    void populate(size_t bytes) const;

  private:
    std::byte* data_ = nullptr;
    size_t capacity_ = 0;
};

// A dense array of plain records in such memory. Records never written are all zero.
template <class T>
class FlatArray {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

  public:
    FlatArray() = default;
    FlatArray(const FlatArray& other) {
        grow(other.size_);
        if (size_ > 0) std::memcpy(memory_.data(), other.memory_.data(), size_ * sizeof(T));
    }
    FlatArray(FlatArray&& other) noexcept : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}
    FlatArray& operator=(FlatArray&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(size_, other.size_);
        return *this;
    }

    size_t size() const { return size_; }
    T* data() { return reinterpret_cast<T*>(memory_.data()); }
    const T* data() const { return reinterpret_cast<const T*>(memory_.data()); }
    T& operator[](size_t index) { return data()[index]; }
    const T& operator[](size_t index) const { return data()[index]; }
    T* begin() { return data(); }
    T* end() { return data() + size_; }
    const T* begin() const { return data(); }
    const T* end() const { return data() + size_; }

    // REQUIRES: size >= size().
    void grow(size_t size) {
        reserve(size);
        size_ = size;
    }
    // Makes room so that `size` records fit without growing.
    void reserve(size_t size) {
        if (size * sizeof(T) > memory_.capacity()) memory_.grow(size * sizeof(T));
    }
    // The first `size` records that there is room for, which will be written. A thread beside the one that writes may
    // do it, as long as there is room.
    void populate(size_t size) const { memory_.populate(size * sizeof(T)); }
    void push_back(const T& record) {
        const T copy = record;  // it may lie in this array
        grow(size_ + 1);
        data()[size_ - 1] = copy;
    }

  private:
    Memory memory_;
    size_t size_ = 0;
};

}  // namespace upline
