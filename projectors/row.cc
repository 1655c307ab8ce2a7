// SPDX-License-Identifier: Apache-2.0
#include "projectors/row.h"

#include "events/check.h"

namespace upline {
namespace {

constexpr unsigned kUnusedBits = (16 - RowKey::kBytes) * 8;

uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t from_zigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

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

void add_counters(std::span<const Counter> a, std::span<const Counter> b, std::vector<Counter>& sum) {
    sum.clear();
    while (!a.empty() || !b.empty()) {
        const bool from_a = b.empty() || (!a.empty() && a.front().number <= b.front().number);
        const bool from_b = a.empty() || (!b.empty() && b.front().number <= a.front().number);
        Counter counter{from_a ? a.front().number : b.front().number, 0};
        if (from_a) add_to(counter.amount, a.front().amount);
        if (from_b) add_to(counter.amount, b.front().amount);
        if (counter.amount != 0) sum.push_back(counter);
        if (from_a) a = a.subspan(1);
        if (from_b) b = b.subspan(1);
    }
}

std::string encode_counters(std::span<const Counter> counters) {
    std::string out;
    out.reserve(4 * counters.size());
    uint64_t next = 0;
    for (const Counter& counter : counters) {
        UPLINE_CHECK(counter.number >= next && counter.amount != 0, "counters in their one form");
        append_varint(counter.number - next, out);
        append_varint(zigzag(counter.amount), out);
        next = uint64_t{counter.number} + 1;
    }
    return out;
}

bool decode_counters(std::string_view value, std::vector<Counter>& counters) {
    counters.clear();
    uint64_t next = 0;
    while (!value.empty()) {
        const auto passed_over = take_varint(value);
        const auto amount = take_varint(value);
        if (!passed_over || !amount || *amount == 0 || *passed_over > UINT32_MAX || next + *passed_over > UINT32_MAX)
            return false;
        next += *passed_over;
        counters.push_back({static_cast<uint32_t>(next), from_zigzag(*amount)});
        ++next;
    }
    return !counters.empty();
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
