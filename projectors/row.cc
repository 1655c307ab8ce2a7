// SPDX-License-Identifier: Apache-2.0
#include "projectors/row.h"

#include <algorithm>

#include "events/base/bytes.h"

namespace upline {
namespace {

// Calls f(number, amount) for each counter; false if the bytes are no counters.
template <class F>
bool each_counter(std::string_view value, F&& f) {
    uint64_t next = 0;
    while (!value.empty()) {
        const auto passed_over = take_varint(value);
        const auto amount = take_zigzag_varint(value);
        if (!passed_over || !amount || *amount == 0 || *passed_over > UINT32_MAX || next + *passed_over > UINT32_MAX)
            return false;
        next += *passed_over;
        f(static_cast<uint32_t>(next), *amount);
        ++next;
    }
    return true;
}

}  // namespace

std::string RowKey::bytes() const {
    char out[16];
    store_be(high, out);
    store_be(low, out + 8);
    return {out, kBytes};
}

std::optional<RowKey> RowKey::parse(std::string_view bytes) {
    if (bytes.size() != kBytes) return std::nullopt;
    char padded[16] = {};
    bytes.copy(padded, kBytes);
    return RowKey{load_be<uint64_t>(padded), load_be<uint64_t>(padded + 8)};
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
            wrapping_add(high_[kept - 1].amount, high_[i].amount);
        else
            high_[kept++] = high_[i];
    }
    high_.resize(kept);
}

bool CounterSums::add(std::string_view value) {
    if (value.empty()) return false;
    return each_counter(value, [this](uint32_t number, int64_t amount) {
        if (number < kLow)
            wrapping_add(low[number], amount);
        else
            high_.push_back({number, amount});
    });
}

void CounterSums::append_to(std::string& out) {
    if (last_high_.number != 0) high_.push_back(last_high_);
    last_high_ = {};
    sort_high();
    constexpr size_t kMaxBytes = 5 + 10;  // of a counter
    char buffer[kLow * kMaxBytes];
    char* at = buffer;
    uint32_t next = 0;
    const auto append = [&](uint32_t number, int64_t amount) {
        if (amount == 0) return;
        at = store_varint(number - next, at);
        at = store_zigzag_varint(amount, at);
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

}  // namespace upline
