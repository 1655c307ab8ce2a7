// SPDX-License-Identifier: Apache-2.0
// How many different visitors: a set of 64-bit tokens, exact up to 256 and a HyperLogLog above.
//
//   u8 0, then the tokens ascending, u64 little-endian each     at most 256 tokens
//   u8 1, then 4096 registers of a byte                         more
//
// A register holds the largest rank seen of the tokens that fall to it: with h the mixed token (mix_token), the
// register is h's first 12 bits, the rank the position of the first set bit in the 52 that follow (1 to 53). The form
// is decided by the number of different tokens alone and the registers by the tokens alone, so the bytes of a union do
// not depend on the order in which its parts came together.
//
// The estimate has a standard error of 1.04 / sqrt(4096) = 1.6 %. It is computed when somebody reads it, never stored.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace upline {

class VisitorSet {
  public:
    static constexpr size_t kMaxExact = 256;
    static constexpr unsigned kRegisterBits = 12;
    static constexpr size_t kRegisters = size_t{1} << kRegisterBits;

    // nullopt if the bytes are no such set.
    static std::optional<VisitorSet> decode(std::string_view value);
    std::string encode() const;

    // Adds tokens. REQUIRES: ascending, none twice.
    void unite(std::span<const uint64_t> tokens);
    void unite(const VisitorSet& other);

    bool exact() const { return registers_.empty(); }
    // The number of visitors, estimated if not exact().
    uint64_t count() const;

  private:
    void register_token(uint64_t token);
    void leave_exact();

    std::vector<uint64_t> tokens_;    // ascending; none when not exact
    std::vector<uint8_t> registers_;  // none when exact
};

// Spreads a token over all 64 bits (the finaliser of SplitMix64). Part of the stored form: never changes.
uint64_t mix_token(uint64_t token);

}  // namespace upline
