// SPDX-License-Identifier: Apache-2.0
// UUIDs as text, and name-based ones.
#include "events/values/uuid.h"

#include <openssl/evp.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/check.h"

namespace upline {
namespace {

constexpr size_t kTextSize = 36;

constexpr bool is_dash_at(size_t position) {
    return position == 8 || position == 13 || position == 18 || position == 23;
}

}  // namespace

std::optional<Uuid> parse_uuid(std::string_view text) {
    if (text.size() != kTextSize) return std::nullopt;
    Uuid id;
    size_t at = 0;
    for (uint8_t& byte : id.bytes) {
        if (is_dash_at(at) && text[at++] != '-') return std::nullopt;
        const int value = hex_value(text[at]) * 16 | hex_value(text[at + 1]);
        if (value < 0) return std::nullopt;
        byte = static_cast<uint8_t>(value);
        at += 2;
    }
    return id;
}

void format_uuid(const Uuid& id, char* out) {
    size_t at = 0;
    for (const uint8_t byte : id.bytes) {
        if (is_dash_at(at)) out[at++] = '-';
        store_hex(byte, out + at);
        at += 2;
    }
}

std::string to_string(const Uuid& id) {
    std::string text(kTextSize, '\0');
    format_uuid(id, text.data());
    return text;
}

Uuid uuid5(const Uuid& name_space, std::string_view name) {
    std::string hashed(reinterpret_cast<const char*>(name_space.bytes.data()), name_space.bytes.size());
    hashed += name;
    std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
    const int done = EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
    UPLINE_CHECK(done == 1, "SHA-1 of a text in memory cannot fail");

    Uuid id;
    std::copy_n(digest.begin(), id.bytes.size(), id.bytes.begin());
    id.bytes[6] = static_cast<uint8_t>((id.bytes[6] & 0x0f) | 0x50);  // version 5
    id.bytes[8] = static_cast<uint8_t>((id.bytes[8] & 0x3f) | 0x80);  // the variant of RFC 9562
    return id;
}

}  // namespace upline
