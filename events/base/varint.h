// SPDX-License-Identifier: Apache-2.0
// Unsigned LEB128 in its shortest form, read eight bytes at a time: entries and rows are mostly such numbers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace upline {

// The number of a varint that takes the lowest `bits` bits of a word, a multiple of 8.
inline uint64_t varint_of(uint64_t word, unsigned bits) {
    word &= ~uint64_t{0} >> (64 - bits);
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    return (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
}

// Whether its last byte, of several, adds nothing.
inline bool is_padded_varint(uint64_t word, unsigned bits) {
    return bits > 8 && (word >> (bits - 8) & 0xff) == 0;
}

// Reads one of up to 56 bits from eight bytes, of which the first `size` count. Says how many bytes it took; 0 if it is
// longer, not whole or not in its shortest form: what it is then, only a look at byte after byte can tell.
inline size_t read_short_varint(const void* bytes, size_t size, uint64_t& value) {
    static_assert(std::endian::native == std::endian::little);
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    const uint64_t ends = ~word & 0x8080808080808080;
    if (ends == 0) return 0;
    const auto bits = static_cast<unsigned>(std::countr_zero(ends)) + 1;
    if (bits / 8 > size || is_padded_varint(word, bits)) return 0;
    value = varint_of(word, bits);
    return bits / 8;
}

// The same of two, one after another, that lie in the eight bytes together.
inline size_t read_short_varints(const void* bytes, uint64_t& first, uint64_t& second) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    const uint64_t ends = ~word & 0x8080808080808080;
    const uint64_t ends_after = ends & (ends - 1);
    if (ends_after == 0) return 0;
    const auto first_bits = static_cast<unsigned>(std::countr_zero(ends)) + 1;
    const auto both_bits = static_cast<unsigned>(std::countr_zero(ends_after)) + 1;
    const uint64_t rest = word >> first_bits;  // of less than 64: another ends behind it
    if (is_padded_varint(word, first_bits) || is_padded_varint(rest, both_bits - first_bits)) return 0;
    first = varint_of(word, first_bits);
    second = varint_of(rest, both_bits - first_bits);
    return both_bits / 8;
}

}  // namespace upline
