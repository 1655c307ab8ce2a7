// SPDX-License-Identifier: Apache-2.0
// Each form has one codec, and each value one form.
#include "events/base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
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

TEST(Varint, ReadTogetherIsWhatIsReadByteAfterByte) {
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

TEST(Varint, HasOneForm) {
    for (const auto& [value, bytes] : std::vector<std::pair<uint64_t, std::string_view>>{
             {0, std::string_view("\0", 1)},
             {127, "\x7f"},
             {128, "\x80\x01"},
             {300, "\xac\x02"},
             {uint64_t{1} << 56, "\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
             {UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
         }) {
        std::string written;
        append_varint(value, written);
        EXPECT_EQ(written, bytes);
        char stored[kMaxVarintBytes];
        EXPECT_EQ(std::string_view(stored, store_varint(value, stored)), bytes);
        written += "behind it";
        std::string_view rest = written;
        EXPECT_EQ(take_varint(rest), value);
        EXPECT_EQ(rest, "behind it");
        for (size_t size = 0; size < bytes.size(); ++size) {
            rest = bytes.substr(0, size);
            EXPECT_EQ(take_varint(rest), std::nullopt) << "cut to " << size;
        }
    }
    using namespace std::string_view_literals;
    for (std::string_view bytes :
         {"\x80\0"sv, "\x80\0 and seven more"sv, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,
          "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\0"sv})
        EXPECT_EQ(take_varint(bytes), std::nullopt);
}

TEST(ZigzagVarint, PutsSmallNumbersOfBothSignsFirst) {
    for (const auto& [value, zigzag] : std::vector<std::pair<int64_t, uint64_t>>{
             {0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX}}) {
        EXPECT_EQ(to_zigzag(value), zigzag);
        EXPECT_EQ(from_zigzag(zigzag), value);
        std::string written;
        append_zigzag_varint(value, written);
        char stored[kMaxVarintBytes];
        EXPECT_EQ(std::string_view(stored, store_zigzag_varint(value, stored)), written);
        std::string_view rest = written;
        EXPECT_EQ(take_zigzag_varint(rest), value);
        EXPECT_TRUE(rest.empty());
    }
}

TEST(FixedWidth, HasBothOrders) {
    std::string bytes;
    append_le(uint32_t{0x01020304}, bytes);
    append_be(uint32_t{0x01020304}, bytes);
    append_be(uint8_t{5}, bytes);
    EXPECT_EQ(bytes, "\4\3\2\1\1\2\3\4\5");
    EXPECT_EQ(load_le<uint32_t>(bytes.data()), 0x01020304U);
    EXPECT_EQ(load_be<uint32_t>(bytes.data() + 4), 0x01020304U);
    EXPECT_EQ(load_be<int64_t>(be_bytes(int64_t{-2}).data()), -2);
    EXPECT_LT(be_bytes(uint64_t{255}), be_bytes(uint64_t{256}));
}

TEST(Hex, ReadsWhatItWrites) {
    const std::array<std::byte, 3> bytes = {std::byte{0}, std::byte{0xa5}, std::byte{0xff}};
    EXPECT_EQ(to_hex(bytes), "00a5ff");
    EXPECT_EQ(from_hex("00a5ff"), std::vector(bytes.begin(), bytes.end()));
    EXPECT_EQ(from_hex(""), std::vector<std::byte>());
    for (const std::string_view wrong : {"0", "000", "0g", "g0", "A5", "a5 ", "-1"})
        EXPECT_EQ(from_hex(wrong), std::nullopt) << wrong;
    EXPECT_EQ(hex_value('A'), 10);
    EXPECT_EQ(hex_value('f'), 15);
    EXPECT_EQ(hex_value('g'), -1);
}

}  // namespace
}  // namespace upline
