// SPDX-License-Identifier: Apache-2.0
// Which partition of a log a program's events lie in.
#pragma once

#include <cstdint>
#include <string_view>

namespace upline {

// The key's hash as Java's org.apache.kafka.common.utils.Utils.murmur2 computes it.
uint32_t murmur2(std::string_view key);
inline uint32_t partition_of(std::string_view program, uint32_t partition_count) {
    return (murmur2(program) & 0x7fffffffU) % partition_count;
}

}  // namespace upline
