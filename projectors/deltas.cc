// SPDX-License-Identifier: Apache-2.0
#include "projectors/deltas.h"

#include <algorithm>
#include <bit>

#include "events/check.h"

namespace upline {
namespace {

uint64_t hash_of(uint64_t high, uint64_t low) {
    uint64_t hash = (high ^ std::rotl(low, 32)) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
    hash *= 0xbf58476d1ce4e5b9;
    return hash ^ hash >> 29;
}

constexpr uint64_t kTagMask = 0xffffffff00000000;

}  // namespace

Deltas::Touched Deltas::touch(const RowKey& key, size_t width) {
    const uint64_t hash = hash_of(key.high, key.low);
    const size_t mask = slots_.size() - 1;
    size_t at = hash & mask;
    for (; slots_[at] != 0; at = (at + 1) & mask) {
        if ((slots_[at] & kTagMask) != (hash & kTagMask)) continue;
        const auto place = static_cast<uint32_t>((slots_[at] & ~kTagMask) - 1);
        int64_t* row = words_.data() + place;
        if (row[0] == static_cast<int64_t>(key.high) && row[1] == static_cast<int64_t>(key.low))
            return {{row + kHeader, width}, place};
    }
    const size_t place = words_.size();
    UPLINE_CHECK(place < UINT32_MAX, "rows of less than 32 GiB");
    slots_[at] = (hash & kTagMask) | (place + 1);
    words_.resize(place + kHeader + width);
    words_[place] = static_cast<int64_t>(key.high);
    words_[place + 1] = static_cast<int64_t>(key.low);
    words_[place + 2] = static_cast<int64_t>(width);
    if (++row_count_ * 2 > slots_.size()) grow();
    return {{words_.data() + place + kHeader, width}, static_cast<uint32_t>(place)};
}

void Deltas::grow() {
    slots_.assign(slots_.size() * 2, 0);
    const size_t mask = slots_.size() - 1;
    for (size_t place = 0; place < words_.size(); place += kHeader + static_cast<size_t>(words_[place + 2])) {
        const uint64_t hash = hash_of(static_cast<uint64_t>(words_[place]), static_cast<uint64_t>(words_[place + 1]));
        size_t at = hash & mask;
        while (slots_[at] != 0) at = (at + 1) & mask;
        slots_[at] = (hash & kTagMask) | (place + 1);
    }
}

size_t Deltas::bytes() const {
    return words_.size() * sizeof(int64_t) + slots_.size() * sizeof(uint64_t) + higher_.size() * sizeof(Higher) +
           visits_.size() * sizeof(Visit);
}

void Deltas::clear() {
    // As many slots as were needed last time: clearing after a small flush must not cost as much as after a large one.
    slots_.assign(std::max(kLeastSlots, std::bit_ceil(row_count_ * 2 + 1)), 0);
    words_.clear();
    row_count_ = 0;
    higher_.clear();
    visits_.clear();
    sums_.clear();
    tokens_.clear();
    sorted_.clear();
}

// Leaves one addition of each row and number, in their order.
void Deltas::sum_higher() {
    std::ranges::sort(higher_, {}, [](const Higher& h) { return uint64_t{h.place} << 32 | h.number; });
    size_t kept = 0;
    for (size_t i = 0; i < higher_.size(); ++i) {
        if (kept > 0 && higher_[kept - 1].place == higher_[i].place && higher_[kept - 1].number == higher_[i].number)
            add_to(higher_[kept - 1].amount, higher_[i].amount);
        else
            higher_[kept++] = higher_[i];
    }
    higher_.resize(kept);
}

const std::vector<Deltas::Row>& Deltas::sorted() {
    sorted_.clear();
    sum_higher();
    sums_.clear();
    sums_.reserve(higher_.size());  // spans into it must stay
    for (size_t place = 0; place < words_.size();) {
        const auto width = static_cast<size_t>(words_[place + 2]);
        const size_t first = sums_.size();
        while (sums_.size() < higher_.size() && higher_[sums_.size()].place == place)
            sums_.push_back({higher_[sums_.size()].number, higher_[sums_.size()].amount});
        sorted_.push_back({.key = {static_cast<uint64_t>(words_[place]), static_cast<uint64_t>(words_[place + 1])},
                           .counters = std::span(words_).subspan(place + kHeader, width),
                           .higher = std::span(sums_).subspan(first),
                           .visitors = {}});
        place += kHeader + width;
    }
    std::ranges::sort(visits_);
    visits_.erase(std::unique(visits_.begin(), visits_.end()), visits_.end());
    tokens_.clear();
    tokens_.reserve(visits_.size());
    for (size_t first = 0; first < visits_.size();) {
        size_t last = first;
        for (; last < visits_.size() && visits_[last].key == visits_[first].key; ++last)
            tokens_.push_back(visits_[last].token);
        sorted_.push_back({.key = visits_[first].key,
                           .counters = {},
                           .higher = {},
                           .visitors = std::span(tokens_).subspan(first, last - first)});
        first = last;
    }
    std::ranges::sort(sorted_, {}, &Row::key);
    return sorted_;
}

}  // namespace upline
