// SPDX-License-Identifier: Apache-2.0
// The newest entries in memory, in batches as they were decided: those on disk that are kept for followers, then those
// that are hashed into the tree, then those that wait.
//
// Not thread-safe: Committer guards it with its mutex. It alone changes the content of a batch.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "ledger/core/core.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/ledger_head.h"

namespace upline {

// Entries decided together, on their way to the disk.
struct PendingBatch {
    EntryBatch entries;
    std::vector<LogLocation> places;
    LedgerHead position;        // after them; its root is known when they are hashed
    bool more_follows = false;  // the log has more already: writing may wait for it a little

    // Of its entries, about.
    size_t bytes() const;
    // Of the balances of closings that are not hashed yet.
    size_t leaf_bytes() const;
};

class RecentBatches {
  public:
    // An empty batch, in the memory of one that nobody needs any more if there is one.
    std::shared_ptr<PendingBatch> make();
    void push(std::shared_ptr<PendingBatch> batch);
    // The batch that holds an entry; nullptr if it is not in memory.
    std::shared_ptr<PendingBatch> find(Sequence sequence) const;

    bool any_waiting() const { return hashed_ < batches_.size(); }
    bool any_hashed() const { return written_ < hashed_; }
    bool all_written() const { return written_ == batches_.size(); }
    // Decided and not on disk, leaves included.
    size_t unwritten_bytes() const { return unwritten_bytes_; }

    // The first that waits. REQUIRES: any_waiting().
    PendingBatch& next_waiting() { return *batches_[hashed_]; }
    void note_hashed() { ++hashed_; }
    void note_leaves_hashed(size_t bytes) { unwritten_bytes_ -= bytes; }
    // Those that are hashed and not on disk.
    std::vector<const PendingBatch*> hashed() const;
    // All of hashed() are on disk. Gives up the oldest above kKeptBytes.
    void note_written();

  private:
    // Entries on disk that stay in memory, about: how far behind a follower may be before it reads from the disk.
    static constexpr size_t kKeptBytes = 160 << 20;

    std::deque<std::shared_ptr<PendingBatch>> batches_;
    size_t written_ = 0;  // how many of the first batches are on disk
    size_t hashed_ = 0;   // how many are hashed, those on disk included
    size_t unwritten_bytes_ = 0;
    size_t kept_bytes_ = 0;
    std::vector<std::shared_ptr<PendingBatch>> spare_;  // given up, for make()
};

}  // namespace upline
