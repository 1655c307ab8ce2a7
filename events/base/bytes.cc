// SPDX-License-Identifier: Apache-2.0
#include "events/base/bytes.h"

namespace upline {
const char* read_long_varint(const char*& at, const char* end, uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == end) return "more bytes";
        const auto byte = static_cast<uint8_t>(*at++);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte >= 0x80) continue;
        if (byte == 0 && shift > 0) return "a varint in its shortest form";
        if (shift == 63 && byte > 1) break;
        return nullptr;
    }
    return "a varint of 64 bits";
}

std::string to_hex(std::span<const std::byte> bytes) {
    std::string text(bytes.size() * 2, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) store_hex(std::to_integer<uint8_t>(bytes[i]), &text[2 * i]);
    return text;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    std::vector<std::byte> bytes(text.size() / 2);
    for (size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(hex_value(text[2 * i]) << 4 | hex_value(text[2 * i + 1]));
    if (to_hex(bytes) != text) return std::nullopt;  // an odd digit, a capital or no digit
    return bytes;
}

}  // namespace upline
