// SPDX-License-Identifier: Apache-2.0
#include "events/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace upline {
namespace {

// The texts of most events are ASCII; eight bytes at a time tell.
bool is_ascii_without_nul(std::string_view text) {
    constexpr uint64_t kHighBits = 0x8080808080808080;
    constexpr uint64_t kOnes = 0x0101010101010101;
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        // Below 0x80, subtracting one sets a byte's high bit only if it was zero, or was reached by a borrow from one.
        if (((word | (word - kOnes)) & kHighBits) != 0) return false;
    }
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                       [](char c) { return c > '\0' && static_cast<uint8_t>(c) < 0x80; });
}

// The length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`, 0 if there is none.
// The second byte's range is what keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
size_t utf8_sequence(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const auto in_range = [&](size_t i, uint8_t low, uint8_t high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return in_range(1, 0x80, 0xbf) ? 2 : 0;
    if (lead < 0xf0) {
        const bool second = in_range(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
        return second && in_range(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead < 0xf5) {
        const bool second = in_range(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
        return second && in_range(2, 0x80, 0xbf) && in_range(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

// The length of the longest start of `text` that is at most `limit` bytes and ends between two characters.
size_t whole_characters(std::string_view text, size_t limit) {
    if (text.size() <= limit) return text.size();
    while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
    return limit;
}

}  // namespace

bool is_utf8_without_nul(std::string_view text) {
    if (is_ascii_without_nul(text)) return true;
    while (!text.empty()) {
        const size_t length = text.front() == '\0' ? 0 : utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

void append_json_string(std::string_view text, std::string& out) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<uint8_t>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

std::string quote_for_message(std::string_view text) {
    constexpr size_t kMaxBytes = 48;
    std::string out;
    append_json_string(text.substr(0, whole_characters(text, kMaxBytes)), out);
    if (text.size() > kMaxBytes) out += "...";
    if (is_utf8_without_nul(out)) return out;
    std::string escaped;
    for (const char c : out) {
        if (static_cast<uint8_t>(c) < 0x80)
            escaped += c;
        else
            fmt::format_to(std::back_inserter(escaped), "\\x{:02x}", static_cast<uint8_t>(c));
    }
    return escaped;
}

}  // namespace upline
