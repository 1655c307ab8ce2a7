// SPDX-License-Identifier: Apache-2.0
// Entries name users and websites by the sequence of the entry that made them; memory holds them by dense index. Since
// indexes are given out in log order, the index is the number of such entries before it: a bit for each entry, a count
// for each 64 and one for each 384 answer that in one cache line, with one word's bits to count.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "events/base/check.h"
#include "ledger/containers/huge_array.h"

namespace upline {

class SequenceRank {
  public:
    // REQUIRES: larger than any sequence added before.
    void add(uint64_t sequence) {
        const size_t block = sequence / kBlockBits;
        while (blocks_.size() <= block) blocks_.push_back({.before = count_, .before_word = {}, .bits = {}});
        size_t word = sequence % kBlockBits / 64;
        uint64_t& bits = blocks_[block].bits[word];
        const unsigned bit = sequence % 64;
        UPLINE_CHECK(bits >> bit == 0, "sequences that grow");
        bits |= uint64_t{1} << bit;
        while (++word < kWords) ++blocks_[block].before_word[word];
        ++count_;
    }

    // Asks for the memory that rank() will touch.
    void fetch(uint64_t sequence) const {
        if (sequence / kBlockBits < blocks_.size()) upline::fetch(&blocks_[sequence / kBlockBits]);
    }

    // How many were added before `sequence`, if it was added.
    std::optional<uint32_t> rank(uint64_t sequence) const {
        const uint64_t block_number = sequence / kBlockBits;
        if (block_number >= blocks_.size()) return std::nullopt;
        const Block& block = blocks_[block_number];
        const size_t word = sequence % kBlockBits / 64;
        const unsigned bit = sequence % 64;
        if ((block.bits[word] >> bit & 1) == 0) return std::nullopt;
        const uint64_t before_bit = block.bits[word] & ((uint64_t{1} << bit) - 1);
        return block.before + block.before_word[word] + static_cast<uint32_t>(std::popcount(before_bit));
    }

  private:
    static constexpr size_t kWords = 6;
    static constexpr uint64_t kBlockBits = 64 * kWords;
    struct alignas(64) Block {  // a cache line
        uint32_t before;
        uint16_t before_word[kWords];  // in the block
        uint64_t bits[kWords];
    };
    FlatArray<Block> blocks_;
    uint32_t count_ = 0;  // indexes have 32 bits
};

}  // namespace upline
