// SPDX-License-Identifier: Apache-2.0
// Entries name users and websites by the sequence of the entry that made them; memory holds them by dense index. Since
// indexes are given out in log order, the index is the number of such entries before it: a bit for each entry and a
// count for each 448 answer that in one cache line.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "events/check.h"
#include "ledger/memory.h"

namespace upline {

class SequenceRank {
  public:
    // REQUIRES: larger than any sequence added before.
    void add(uint64_t sequence) {
        const size_t block = sequence / kBlockBits;
        while (blocks_.size() <= block) blocks_.push_back({.before = count_, .bits = {}});
        uint64_t& word = blocks_[block].bits[sequence % kBlockBits / 64];
        const unsigned bit = sequence % 64;
        UPLINE_CHECK(word >> bit == 0, "sequences that grow");
        word |= uint64_t{1} << bit;
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
        uint64_t rank = block.before;
        for (size_t i = 0; i < word; ++i) rank += static_cast<uint64_t>(std::popcount(block.bits[i]));
        rank += static_cast<uint64_t>(std::popcount(block.bits[word] & ((uint64_t{1} << bit) - 1)));
        return static_cast<uint32_t>(rank);
    }

  private:
    static constexpr uint64_t kBlockBits = 448;  // with the count, a block is one cache line
    struct alignas(64) Block {
        uint64_t before;
        uint64_t bits[7];
    };
    FlatArray<Block> blocks_;
    uint64_t count_ = 0;
};

}  // namespace upline
