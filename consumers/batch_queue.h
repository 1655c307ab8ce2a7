// SPDX-License-Identifier: Apache-2.0
// Hands decoded batches from the thread that reads a log to the one that applies them and back, in order. The number of
// batches is fixed: the faster of the two waits.
//
// | call                                     | thread      |
// |------------------------------------------|-------------|
// | take_empty, give_filled, finish          | the reader  |
// | is_idle, take_filled, give_empty, status | the applier |
// | rules, next, note_committed, close       | any         |
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "events/log/event_log.h"
#include "ledger/core/core.h"

namespace upline {

struct DecodedBatch {
    RecordBatch records;
    std::vector<Input> inputs;  // [i] is read from record i
    bool more_follows = false;  // the log has more already
};

class BatchQueue {
  public:
    // `rules` are in force for the next record.
    explicit BatchQueue(const Rules& rules) : rules_(&rules) {}

    // The next empty batch; waits for one. nullptr once closed.
    DecodedBatch* take_empty();
    // The batch that take_empty() gave is filled.
    void give_filled();
    // Nothing more will come, and why.
    void finish(Status status);

    // Whether no batch is filled now, but one may come.
    bool is_idle() const;
    // The next filled batch; waits for one. nullptr once all are applied and the reader has finished, or once closed.
    DecodedBatch* take_filled();
    // The batch that take_filled() gave is applied.
    void give_empty(const Rules& rules);
    // What the reader finished with.
    Status status() const;

    // In force after the last applied record; the core decodes again what was read ahead under others.
    const Rules& rules() const;
    // The offset after the last record whose entry is on disk, once there is one.
    std::optional<Offset> next() const;
    void note_committed(Offset next);
    // Nothing more will be taken.
    void close();

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::array<DecodedBatch, 3> batches_;
    uint64_t filled_ = 0;   // how many ever were
    uint64_t applied_ = 0;  // how many ever were
    bool finished_ = false;
    bool closed_ = false;
    Status status_ = ok_status();
    std::optional<Offset> next_;
    const Rules* rules_;
};

}  // namespace upline
