// SPDX-License-Identifier: Apache-2.0
// ISO 4217 currencies, those withdrawn since 1999 too, from a table pinned in currency.cc: an event's outcome must not
// change with a system's locale data. Codes without a minor unit (XAU, XDR, XXX ...) are not in it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace upline {

// The three letters of a code. Ordered by letters. A default one ("\0\0\0") is no currency.
struct Currency {
    std::array<char, 3> code{};

    std::string_view text() const { return {code.data(), 3}; }
    // Every code as a number below 2^24, for use in tables; order is that of the letters.
    uint32_t packed() const {
        return static_cast<uint32_t>(static_cast<uint8_t>(code[0])) << 16 |
               static_cast<uint32_t>(static_cast<uint8_t>(code[1])) << 8 | static_cast<uint8_t>(code[2]);
    }
    friend auto operator<=>(const Currency&, const Currency&) = default;
    friend bool operator==(const Currency& a, const Currency& b) { return a.packed() == b.packed(); }
};

// A code of the table, upper case; nothing else.
std::optional<Currency> parse_currency(std::string_view text);

// Digits after the point of a currency of the table: JPY 0, USD 2, KWD 3, CLF 4.
int currency_exponent(Currency currency);

}  // namespace upline
