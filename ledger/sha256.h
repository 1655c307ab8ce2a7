// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) by OpenSSL, which uses the CPU's SHA instructions.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

namespace upline {

using Hash = std::array<std::byte, 32>;

Hash sha256(std::span<const std::byte> bytes);
// SHA-256 of the pieces one after another.
Hash sha256(std::span<const std::byte> first, std::span<const std::byte> second, std::span<const std::byte> third = {});
std::string to_hex(std::span<const std::byte> bytes);

}  // namespace upline
