// SPDX-License-Identifier: Apache-2.0
// A dense index into the array of one kind of record: users, accounts and all others number theirs from 0, in log
// order. Each kind has a type of its own, so that the index of one is not taken for another's; it is a bare number in
// memory.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace upline {

// Stands for "none" of any kind.
struct NoIndex {};
inline constexpr NoIndex kNoIndex;

template <class Record>
struct IndexOf {
    static constexpr uint32_t kNone = UINT32_MAX;

    uint32_t value = kNone;

    constexpr IndexOf() = default;
    constexpr IndexOf(NoIndex /*none*/) {}  // NOLINT(google-explicit-constructor): it means the same everywhere
    // kNone, or less.
    constexpr explicit IndexOf(uint64_t index) : value(static_cast<uint32_t>(index)) {}
    // The caller knows of which kind the other is.
    template <class Other>
    constexpr explicit IndexOf(IndexOf<Other> other) : value(other.value) {}

    friend constexpr auto operator<=>(const IndexOf&, const IndexOf&) = default;
};

// How arrays of a kind take an index: the kind's own or, from a loop over all of them, a number.
template <class Record>
struct ArrayIndex {
    size_t value;

    constexpr ArrayIndex(size_t index) : value(index) {}                 // NOLINT(google-explicit-constructor)
    constexpr ArrayIndex(IndexOf<Record> index) : value(index.value) {}  // NOLINT(google-explicit-constructor)
};

}  // namespace upline
