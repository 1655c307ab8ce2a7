// SPDX-License-Identifier: Apache-2.0
// Keys of the store, and byte views of values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace upline {

inline std::string big_endian(uint64_t value) {
    std::string key(8, '\0');
    for (size_t i = 8; i-- > 0; value >>= 8) key[i] = static_cast<char>(value & 0xff);
    return key;
}

// Of the first eight bytes.
inline uint64_t from_big_endian(std::string_view key) {
    uint64_t value = 0;
    for (const char byte : key.substr(0, 8)) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
}

inline std::string tile_key(unsigned level, uint64_t index) {
    return std::string(1, static_cast<char>(level)) + big_endian(index);
}

inline std::string_view view(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A value of fixed fields, as it lies in memory.
template <class T>
std::string bytes_of(const T& record) {
    static_assert(std::has_unique_object_representations_v<T>);
    return {reinterpret_cast<const char*>(&record), sizeof record};
}

}  // namespace upline
