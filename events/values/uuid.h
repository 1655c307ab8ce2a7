// SPDX-License-Identifier: Apache-2.0
// UUIDs (RFC 9562) as 16 bytes in network order. The nil UUID names nothing: inside decoded events it stands for
// "absent"; one that arrives from outside is malformed.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace upline {

struct Uuid {
    std::array<uint8_t, 16> bytes{};

    bool is_nil() const { return *this == Uuid{}; }
    friend auto operator<=>(const Uuid&, const Uuid&) = default;
    // Compares two words: the standard library would call memcmp.
    friend bool operator==(const Uuid& a, const Uuid& b) {
        return std::bit_cast<Words>(a.bytes) == std::bit_cast<Words>(b.bytes);
    }

  private:
    struct Words {
        uint64_t high;
        uint64_t low;
        friend bool operator==(const Words&, const Words&) = default;
    };
};

// The 36 characters form with dashes, either case of hex digits; nothing else (no braces, no urn:).
std::optional<Uuid> parse_uuid(std::string_view text);

// Writes exactly 36 characters, lower case.
void format_uuid(const Uuid& id, char* out);
std::string to_string(const Uuid& id);

// Name-based UUID version 5 (RFC 9562 section 5.5): SHA-1 of namespace and name.
Uuid uuid5(const Uuid& name_space, std::string_view name);

}  // namespace upline
