// SPDX-License-Identifier: Apache-2.0
#include "projectors/row.h"

#include <algorithm>

#include "events/check.h"

namespace upline {
namespace {

constexpr unsigned kUnusedBits = (16 - RowKey::kBytes) * 8;

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t from_zigzag(uint64_t value) { return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1); }

}  // namespace

std::string RowKey::bytes() const {
    std::string out(kBytes, '\0');
    for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>(high >> (56 - 8 * i));
    for (size_t i = 8; i < kBytes; ++i) out[i] = static_cast<char>(low >> (56 - 8 * (i - 8)));
    return out;
}

std::optional<RowKey> RowKey::parse(std::string_view bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    RowKey key;
    for (size_t i = 0; i < 8; ++i) key.high = key.high << 8 | static_cast<uint8_t>(bytes[i]);
    for (size_t i = 8; i < kBytes; ++i) key.low = key.low << 8 | static_cast<uint8_t>(bytes[i]);
    key.low <<= kUnusedBits;
    return key;
}

void add_to(int64_t& counter, int64_t amount) {
    counter = static_cast<int64_t>(static_cast<uint64_t>(counter) + static_cast<uint64_t>(amount));
}

bool all_zero(std::span<const int64_t> counters) {
    return std::ranges::all_of(counters, [](int64_t counter) { return counter == 0; });
}

std::string encode_counters(std::span<const int64_t> counters) {
    while (!counters.empty() && counters.back() == 0) counters = counters.first(counters.size() - 1);
    UPLINE_CHECK(!counters.empty(), "a row of zeros is not stored");
    std::string out;
    out.reserve(2 * counters.size());
    for (const int64_t counter : counters) append_varint(zigzag(counter), out);
    return out;
}

bool decode_counters(std::string_view value, std::span<int64_t> counters) {
    size_t next = 0;
    while (!value.empty()) {
        const auto number = take_varint(value);
        if (!number || next == counters.size()) return false;
        counters[next++] = from_zigzag(*number);
    }
    std::ranges::fill(counters.subspan(next), 0);
    return true;
}

void append_varint(uint64_t value, std::string& out) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

std::optional<uint64_t> take_varint(std::string_view& bytes) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

}  // namespace upline
