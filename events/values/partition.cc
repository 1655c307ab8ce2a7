// SPDX-License-Identifier: Apache-2.0
#include "events/values/partition.h"

#include <cstddef>

#include "events/base/bytes.h"

namespace upline {
uint32_t murmur2(std::string_view key) {
    constexpr uint32_t kSeed = 0x9747b28c;
    constexpr uint32_t kMultiplier = 0x5bd1e995;
    const auto* p = reinterpret_cast<const unsigned char*>(key.data());
    size_t left = key.size();
    uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k = load_le<uint32_t>(p) * kMultiplier;
        k ^= k >> 24;
        hash = (hash * kMultiplier) ^ (k * kMultiplier);
    }
    if (left > 0) {
        for (size_t i = 0; i < left; ++i) hash ^= static_cast<uint32_t>(p[i]) << (8 * i);
        hash *= kMultiplier;
    }
    hash = (hash ^ (hash >> 13)) * kMultiplier;
    return hash ^ (hash >> 15);
}

}  // namespace upline
