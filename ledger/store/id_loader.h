// SPDX-License-Identifier: Apache-2.0
// Puts the ids of a state that is being loaded into its table, by a thread beside those that load: each waits for
// memory of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "ledger/core/state.h"
#include "ledger/store/state_segments.h"

namespace upline {

class IdLoader {
  public:
    explicit IdLoader(State& state) : state_(state) {}

    // By any thread, which puts some in itself where many are waiting. REQUIRES: programs are loaded.
    void give(NewIds ids);
    // Puts in what is given, until the end. To be called once, beside those that give or after them: what waits is put
    // in by it.
    void run();
    // Nothing more is given: those that load are done, or have failed.
    void end();

  private:
    bool put_next(std::unique_lock<std::mutex>& lock);
    void put(const NewIds& ids);

    State& state_;
    std::mutex mutex_;  // of what follows
    std::condition_variable given_;
    std::deque<NewIds> waiting_;
    bool ended_ = false;
    std::mutex table_mutex_;  // of the state's table, and what follows
    std::vector<uint64_t> program_hashes_;
    std::vector<IdTable::Slot> slots_;
};

}  // namespace upline
