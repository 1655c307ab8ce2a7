// SPDX-License-Identifier: Apache-2.0
// The names in a block of events, hashed once, and the memory that deciding the events will touch, asked for ahead of
// use. Nothing is decided here: what a prefetch misses is only slower.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "ledger/core/input.h"
#include "ledger/core/state.h"

namespace upline {

// The fingerprints of an event's names (ledger/containers/id_table.h).
struct IdHashes {
    uint64_t program_hash = 0;
    uint64_t id = 0;
    std::array<uint64_t, kMaxRefs> refs{};  // 0: not given
};

// Not thread-safe.
class Prefetch {
  public:
    static constexpr size_t kBlock = 32;  // inputs; what they touch fits the caches

    // `state` must outlive it.
    explicit Prefetch(const State& state) : state_(state) {}

    // Begins with a block of at most kBlock inputs.
    void fetch(std::span<const Input> inputs);
    // Of input i of the block; nothing of one that is malformed.
    const IdHashes& names(size_t i) const { return names_[i]; }
    // The state's program of that name, looked up once for a run of inputs of one program.
    ProgramIndex find_program(std::string_view name);

  private:
    const State& state_;
    std::array<IdHashes, kBlock> names_;
    std::string last_program_;  // events of one program come in runs
    uint64_t last_program_hash_ = 0;
    ProgramIndex last_program_index_;  // kNoIndex while there is none
};

}  // namespace upline
