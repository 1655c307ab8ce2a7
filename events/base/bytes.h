// SPDX-License-Identifier: Apache-2.0
// Numbers as bytes. One codec for each form:
//
//   le, be          integers of fixed width, little-endian and big-endian; the order of big-endian bytes is that of the
//                   unsigned numbers
//   varint          unsigned LEB128 in its shortest form, 1 to 10 bytes
//   zigzag_varint   the varint of a signed number's zigzag form: 2n for n >= 0, else -2n - 1
//   hex             two digits per byte, small letters
//
// load_ and store_ work on memory the caller has checked, append_ on the end of a string, take_ on the front of a view.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace upline {

static_assert(std::endian::native == std::endian::little, "little-endian numbers lie in memory as they are stored");

// ---- Fixed width ----

template <std::integral T>
constexpr T swap_bytes(T value) {
    if constexpr (sizeof(T) == 1) return value;
    if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
    if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

// REQUIRES: sizeof(T) bytes at `from`.
template <std::integral T>
T load_le(const void* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
template <std::integral T>
T load_be(const void* from) {
    return swap_bytes(load_le<T>(from));
}

// REQUIRES: room for sizeof(T) bytes at `to`.
template <std::integral T>
void store_le(T value, void* to) {
    std::memcpy(to, &value, sizeof value);
}
template <std::integral T>
void store_be(T value, void* to) {
    store_le(swap_bytes(value), to);
}

template <std::integral T>
void append_le(T value, std::string& out) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <std::integral T>
void append_be(T value, std::string& out) {
    append_le(swap_bytes(value), out);
}

// Their sizeof(T) bytes alone: a database key.
template <std::integral T>
std::string be_bytes(T value) {
    std::string bytes;
    append_be(value, bytes);
    return bytes;
}

// ---- Varints: writing ----

constexpr size_t kMaxVarintBytes = 10;

constexpr uint64_t to_zigzag(int64_t value) {
    return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t from_zigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Returns the byte behind it. REQUIRES: room for kMaxVarintBytes. Byte is char or std::byte.
template <class Byte>
Byte* store_varint(uint64_t value, Byte* to) {
    for (; value >= 0x80; value >>= 7) *to++ = static_cast<Byte>(value | 0x80);
    *to++ = static_cast<Byte>(value);
    return to;
}
template <class Byte>
Byte* store_zigzag_varint(int64_t value, Byte* to) {
    return store_varint(to_zigzag(value), to);
}

inline void append_varint(uint64_t value, std::string& out) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}
inline void append_zigzag_varint(int64_t value, std::string& out) {
    append_varint(to_zigzag(value), out);
}

// ---- Varints: reading. Most are short, so eight bytes are looked at together. ----

// The number of a varint in the lowest `bits` bits of a word. REQUIRES: a multiple of 8, at most 64.
inline uint64_t varint_of(uint64_t word, unsigned bits) {
    word &= ~uint64_t{0} >> (64 - bits);
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    return (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
}

// Whether the last of several bytes adds nothing.
inline bool is_padded_varint(uint64_t word, unsigned bits) {
    return bits > 8 && (word >> (bits - 8) & 0xff) == 0;
}

// Reads a varint of at most 56 bits from the eight bytes at `bytes`, of which the first `size` count. Returns how many
// bytes it takes; 0 if it is longer, cut off or not in its shortest form, which read_varint() tells apart.
// REQUIRES: eight bytes may be read.
inline size_t read_short_varint(const void* bytes, size_t size, uint64_t& value) {
    const auto word = load_le<uint64_t>(bytes);
    const uint64_t ends = ~word & 0x8080808080808080;
    if (ends == 0) return 0;
    const auto bits = static_cast<unsigned>(std::countr_zero(ends)) + 1;
    if (bits / 8 > size || is_padded_varint(word, bits)) return 0;
    value = varint_of(word, bits);
    return bits / 8;
}

// The same for two varints that lie one after another in the eight bytes.
inline size_t read_short_varints(const void* bytes, uint64_t& first, uint64_t& second) {
    const auto word = load_le<uint64_t>(bytes);
    const uint64_t ends = ~word & 0x8080808080808080;
    const uint64_t ends_after = ends & (ends - 1);
    if (ends_after == 0) return 0;
    const auto first_bits = static_cast<unsigned>(std::countr_zero(ends)) + 1;
    const auto both_bits = static_cast<unsigned>(std::countr_zero(ends_after)) + 1;
    const uint64_t rest = word >> first_bits;  // first_bits < 64: another varint ends behind it
    if (is_padded_varint(word, first_bits) || is_padded_varint(rest, both_bits - first_bits)) return 0;
    first = varint_of(word, first_bits);
    second = varint_of(rest, both_bits - first_bits);
    return both_bits / 8;
}

// Byte after byte. As read_varint().
const char* read_long_varint(const char*& at, const char* end, uint64_t& value);

// Reads the varint at `at` and moves `at` behind what was looked at. Returns nullptr, or what was expected in its
// place.
inline const char* read_varint(const char*& at, const char* end, uint64_t& value) {
    if (end - at >= static_cast<ptrdiff_t>(sizeof value)) {
        const size_t taken = read_short_varint(at, sizeof value, value);
        at += taken;
        if (taken != 0) return nullptr;
    }
    return read_long_varint(at, end, value);
}

// nullopt if no varint in its shortest form is at the front.
inline std::optional<uint64_t> take_varint(std::string_view& bytes) {
    const char* at = bytes.data();
    uint64_t value = 0;
    const char* expected = read_varint(at, at + bytes.size(), value);
    bytes.remove_prefix(static_cast<size_t>(at - bytes.data()));
    if (expected) return std::nullopt;
    return value;
}
inline std::optional<int64_t> take_zigzag_varint(std::string_view& bytes) {
    const std::optional<uint64_t> zigzag = take_varint(bytes);
    if (!zigzag) return std::nullopt;
    return from_zigzag(*zigzag);
}

// ---- Hex ----

inline constexpr std::string_view kHexDigits = "0123456789abcdef";
inline constexpr auto kHexValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    for (int8_t i = 0; i < 16; ++i) {
        const auto digit = static_cast<uint8_t>(kHexDigits[static_cast<size_t>(i)]);
        values[digit] = i;
        if (i >= 10) values[digit & 0xdfU] = i;  // the upper-case letter
    }
    return values;
}();

// The value of a digit of either case; -1 if it is none.
inline int hex_value(char digit) {
    return kHexValues[static_cast<uint8_t>(digit)];
}
// Writes two digits.
inline void store_hex(uint8_t byte, char* to) {
    to[0] = kHexDigits[byte >> 4];
    to[1] = kHexDigits[byte & 15];
}
std::string to_hex(std::span<const std::byte> bytes);
// nullopt unless it is what to_hex() writes.
std::optional<std::vector<std::byte>> from_hex(std::string_view text);

}  // namespace upline
