// SPDX-License-Identifier: Apache-2.0
#include "ledger/containers/huge_array.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace upline {
namespace {

constexpr size_t kHugePage = 2 << 20;
constexpr size_t kCacheLine = 64;
constexpr size_t kLeast = 256;

bool is_mapped(size_t capacity) {
    return capacity >= kHugePage;
}

size_t round_up(size_t bytes) {
    const size_t step = bytes <= kHugePage / 2 ? kCacheLine : kHugePage;
    return (bytes + step - 1) / step * step;
}

// Address space that begins where a huge page may.
std::byte* map(size_t bytes) {
    const size_t with_slack = bytes + kHugePage;
    void* const mapped =
        ::mmap(nullptr, with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    auto* const at = static_cast<std::byte*>(mapped);
    const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(at) % kHugePage) % kHugePage;
    if (before > 0) ::munmap(at, before);
    ::munmap(at + before + bytes, with_slack - before - bytes);
    ::madvise(at + before, bytes, MADV_HUGEPAGE);  // where there are none, small ones do
    return at + before;
}

std::byte* allocate(size_t bytes) {
    void* const data = std::aligned_alloc(kCacheLine, bytes);
    if (data == nullptr) throw std::bad_alloc();
    std::memset(data, 0, bytes);
    return static_cast<std::byte*>(data);
}

void release(std::byte* data, size_t capacity) {
    if (is_mapped(capacity))
        ::munmap(data, capacity);
    else
        std::free(data);
}

}  // namespace

Memory::~Memory() {
    release(data_, capacity_);
}

void Memory::populate(size_t bytes) const {
    if (!is_mapped(capacity_)) return;
    // In pieces, so that nobody who maps memory waits for long.
    const size_t end = std::min(bytes, capacity_) / kHugePage * kHugePage;
    for (size_t at = 0; at < end; at += kHugePage)
        if (::madvise(data_ + at, kHugePage, MADV_POPULATE_WRITE) != 0) return;
}

void Memory::grow(size_t bytes) {
    if (bytes <= capacity_) return;
    // Twice as much: once it is large, that costs addresses and no memory.
    const size_t capacity = round_up(std::max({bytes, capacity_ * 2, kLeast}));
    std::byte* const data = is_mapped(capacity) ? map(capacity) : allocate(capacity);
    if (!is_mapped(capacity_)) {
        if (capacity_ > 0) std::memcpy(data, data_, capacity_);
        release(data_, capacity_);
    } else if (::mremap(data_, capacity_, capacity_, MREMAP_MAYMOVE | MREMAP_FIXED, data) == MAP_FAILED) {
        release(data, capacity);
        throw std::bad_alloc();
    }
    data_ = data;
    capacity_ = capacity;
}

}  // namespace upline
