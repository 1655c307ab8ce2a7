// SPDX-License-Identifier: Apache-2.0
// Puts decided entries on disk in a thread of its own: hashes them into the tree and writes them while the next ones
// are decided. What arrives during a write goes into the next one together: single events when there is little to do,
// one atomic ingest of many batches when there is much.
//
// It also serves the newest entries from memory, on disk or not yet: a follower of the ledger need not read the disk.
//
// | call                                         | thread                                            |
// |----------------------------------------------|---------------------------------------------------|
// | new_batch, submit, commit_all, set_callbacks | one, which decides                                |
// | position, is_busy, wait_for                  | any                                               |
// | find, release, read                          | any; find() says what may be read from a batch    |
// | the callbacks                                | called by the committing thread, without the lock |
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "consumers/recent_batches.h"
#include "consumers/shard_options.h"
#include "ledger/core/entry_source.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/ledger_writer.h"

namespace upline {

class Committer {
  public:
    // `tree` and `position` are those of the store that is written to; it must outlive this.
    Committer(LedgerWriter writer, merkle::Tree tree, const LedgerHead& position, const ShardOptions& options);
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    // `committed` is called whenever entries have come to the disk, `failed` once, when the thread cannot go on: every
    // other call then says why. Neither is called any more when commit_all() has returned and nothing was submitted
    // since. REQUIRES: nothing was submitted since then, or ever.
    void set_callbacks(std::function<void(const LedgerHead&)> committed, std::function<void()> failed) {
        committed_ = std::move(committed);
        failed_ = std::move(failed);
    }

    // An empty batch to fill and submit.
    std::shared_ptr<PendingBatch> new_batch();
    // Hands over the batch that follows the one before. Waits while ShardOptions::max_unwritten_bytes() are on the way.
    // After the first error, every call returns that error.
    Status submit(std::shared_ptr<PendingBatch> batch);
    // Returns when all that was submitted is on disk.
    Status commit_all();
    // Returns when the first `size` entries are on disk.
    Status wait_for(uint64_t size);

    // Where the ledger on disk ends.
    LedgerHead position() const;
    // Whether entries are on their way to the disk.
    bool is_busy() const;
    // Puts the batch that holds an entry in place of `batch`; nullptr if it is not in memory. Only entries on disk may
    // be read from it: in later ones, roots of closings may still be filled in.
    void find(Sequence sequence, std::shared_ptr<const PendingBatch>& batch) const;
    void release(std::shared_ptr<const PendingBatch>& batch) const;
    // Copies an entry's bytes if it is in memory.
    bool read(Sequence sequence, std::vector<std::byte>& bytes) const;

  private:
    void run();
    Status commit_until_stopped();
    Status hash(PendingBatch& batch);
    Status write(std::span<const PendingBatch* const> batches);

    LedgerWriter writer_;  // of the committing thread
    const ShardOptions options_;
    std::function<void(const LedgerHead&)> committed_;
    std::function<void()> failed_;
    merkle::Tree tree_;  // of the committing thread

    mutable std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    RecentBatches batches_;
    bool in_a_hurry_ = false;  // somebody waits in commit_all()
    bool stopping_ = false;
    Status status_ = ok_status();
    LedgerHead position_;

    std::thread thread_;
};

// Entries on disk, the newest from memory, for one thread that follows the ledger in order.
class FollowedEntries final : public EntrySource {
  public:
    FollowedEntries(const Committer& committer, std::unique_ptr<EntrySource> stored)
        : committer_(committer), stored_(std::move(stored)) {}
    ~FollowedEntries() override { committer_.release(batch_); }
    FollowedEntries(const FollowedEntries&) = delete;
    FollowedEntries& operator=(const FollowedEntries&) = delete;
    // REQUIRES: an entry on disk.
    Result<std::span<const std::byte>> entry(uint64_t sequence) override;

  private:
    const Committer& committer_;
    std::unique_ptr<EntrySource> stored_;
    std::shared_ptr<const PendingBatch> batch_;
};

}  // namespace upline
