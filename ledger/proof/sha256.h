// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4): one message by OpenSSL, which uses the CPU's SHA instructions; many at once by whatever the CPU
// does fastest.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace upline {

using Hash = std::array<std::byte, 32>;

Hash sha256(std::span<const std::byte> bytes);
// SHA-256 of the pieces one after another.
Hash sha256(std::span<const std::byte> first, std::span<const std::byte> second, std::span<const std::byte> third = {});

using Messages = std::span<const std::span<const std::byte>>;
// Of each message by itself, behind the prefix if there is one: hashes[i] = SHA-256(prefix || messages[i]). From about
// eight messages on two to three times as fast as one by one.
// REQUIRES: as many hashes as messages, none of them where a message lies.
void sha256_many(Messages messages, std::span<Hash> hashes, std::optional<std::byte> prefix = {});

// The ways of doing it that this CPU has, the fastest first, OpenSSL's one by one last: they differ in speed alone.
struct Sha256Way {
    std::string_view name;
    void (*hash)(Messages messages, std::span<Hash> hashes, std::optional<std::byte> prefix);
};
std::span<const Sha256Way> sha256_ways();

}  // namespace upline
