// SPDX-License-Identifier: Apache-2.0
// Varints read at one look are those read byte after byte, or none.
#include "events/base/varint.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <random>
#include <utility>

namespace upline {
namespace {

// The number and its bytes, if it ends within `size` bytes in its shortest form.
std::optional<std::pair<uint64_t, size_t>> byte_after_byte(const uint8_t* bytes, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) {
        value |= uint64_t{bytes[i] & 0x7fU} << (7 * i);
        if (bytes[i] >= 0x80) continue;
        if (i > 0 && bytes[i] == 0) return std::nullopt;
        return std::pair{value, i + 1};
    }
    return std::nullopt;
}

TEST(Varint, IsWhatItsBytesSay) {
    std::mt19937_64 random(1);
    for (int round = 0; round < 200'000; ++round) {
        std::array<uint8_t, 8> bytes;
        const uint64_t ends = random() % 8;
        for (uint8_t& byte : bytes)
            byte = static_cast<uint8_t>(random() % 8 <= ends ? random() | 0x80
                                        : random() % 3 == 0  ? 0
                                                             : random() & 0x7f);
        const size_t size = random() % 9;
        uint64_t value = 0;
        const size_t taken = read_short_varint(bytes.data(), size, value);
        const auto expected = byte_after_byte(bytes.data(), size);
        ASSERT_EQ(taken, expected ? expected->second : 0);
        if (expected) {
            ASSERT_EQ(value, expected->first);
        }

        uint64_t second = 0;
        const size_t both = read_short_varints(bytes.data(), value, second);
        const auto first = byte_after_byte(bytes.data(), bytes.size());
        const auto rest =
            first ? byte_after_byte(bytes.data() + first->second, bytes.size() - first->second) : std::nullopt;
        ASSERT_EQ(both, rest ? first->second + rest->second : 0);
        if (rest) {
            ASSERT_EQ(std::pair(value, second), std::pair(first->first, rest->first));
        }
    }
}

}  // namespace
}  // namespace upline
