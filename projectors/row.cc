// SPDX-License-Identifier: Apache-2.0
#include "projectors/row.h"

#include <algorithm>

#include "events/base/varint.h"

namespace upline {
namespace {

constexpr unsigned kUnusedBits = (16 - RowKey::kBytes) * 8;

uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t from_zigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

char* write_varint(uint64_t value, char* at) {
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<char>(value | 0x80);
    *at++ = static_cast<char>(value);
    return at;
}

// Calls f(number, amount) for each counter; false if the bytes are no counters.
template <class F>
bool each_counter(std::string_view value, F&& f) {
    uint64_t next = 0;
    while (!value.empty()) {
        const auto passed_over = take_varint(value);
        const auto amount = take_varint(value);
        if (!passed_over || !amount || *amount == 0 || *passed_over > UINT32_MAX || next + *passed_over > UINT32_MAX)
            return false;
        next += *passed_over;
        f(static_cast<uint32_t>(next), from_zigzag(*amount));
        ++next;
    }
    return true;
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

bool decode_counters(std::string_view value, std::vector<Counter>& counters) {
    counters.clear();
    return each_counter(value,
                        [&](uint32_t number, int64_t amount) {
                            counters.push_back({number, amount});
                        }) &&
           !counters.empty();
}

void CounterSums::append_high(uint32_t number, int64_t amount) {
    if (high_.size() == high_.capacity()) {
        sort_high();
        if (high_.size() * 2 >= high_.capacity()) high_.reserve(std::max<size_t>(4, high_.capacity() * 2));
    }
    if (last_high_.number != 0) high_.push_back(last_high_);
    last_high_ = {number, amount};
}

// Leaves one addition for each number, in their order.
void CounterSums::sort_high() {
    if (!std::ranges::is_sorted(high_, {}, &Counter::number)) std::ranges::sort(high_, {}, &Counter::number);
    size_t kept = 0;
    for (size_t i = 0; i < high_.size(); ++i) {
        if (kept > 0 && high_[kept - 1].number == high_[i].number)
            add_to(high_[kept - 1].amount, high_[i].amount);
        else
            high_[kept++] = high_[i];
    }
    high_.resize(kept);
}

bool CounterSums::add(std::string_view value) {
    if (value.empty()) return false;
    return each_counter(value, [this](uint32_t number, int64_t amount) {
        if (number < kLow)
            add_to(low[number], amount);
        else
            high_.push_back({number, amount});
    });
}

void CounterSums::append_to(std::string& out) {
    if (last_high_.number != 0) high_.push_back(last_high_);
    last_high_ = {};
    sort_high();
    constexpr size_t kMostBytes = 5 + 10;  // of a counter
    char buffer[kLow * kMostBytes];
    char* at = buffer;
    uint32_t next = 0;
    const auto append = [&](uint32_t number, int64_t amount) {
        if (amount == 0) return;
        at = write_varint(number - next, at);
        at = write_varint(zigzag(amount), at);
        next = number + 1;
    };
    for (uint32_t number = 0; number < kLow; ++number) append(number, low[number]);
    out.append(buffer, at);
    for (const Counter& counter : high_) {
        at = buffer;
        append(counter.number, counter.amount);
        out.append(buffer, at);
    }
}

void append_varint(uint64_t value, std::string& out) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

std::optional<uint64_t> take_varint(std::string_view& bytes) {
    uint64_t value = 0;
    if (bytes.size() >= sizeof value) {
        const size_t taken = read_short_varint(bytes.data(), sizeof value, value);
        bytes.remove_prefix(taken);
        if (taken != 0) return value;
        value = 0;
    }
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

}  // namespace upline
