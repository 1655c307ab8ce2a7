// SPDX-License-Identifier: Apache-2.0
// Puts decided entries on disk, in a thread of its own: hashes them into the tree and writes them, while the next ones
// are being decided. What comes in while it writes goes into the next write together: single events when there is
// little to do, one atomic ingest of many batches when there is much.
//
// Also the memory of the newest entries, on disk or not yet: whoever follows the ledger reads them from here and not
// from the disk.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "ledger/core/core.h"
#include "ledger/core/entry_source.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/ledger_writer.h"

namespace upline {

// Entries decided together, on their way to the disk.
struct Flight {
    EntryBatch entries;
    std::vector<RecordPlace> places;
    Position position;          // after them; its root is known when they are on disk
    bool more_follows = false;  // the log has more already: writing may wait for it a little
};

class Committer {
  public:
    // From so many bytes of entries on they are ingested, below written through the write-ahead log.
    static constexpr size_t kIngestBytes = 8 << 20;
    // Written at once at most, about.
    static constexpr size_t kMostBytesAtOnce = 64 << 20;
    // Entries on disk that stay in memory, about: what a follower may be behind before it reads from the disk.
    static constexpr size_t kKeptBytes = 160 << 20;

    // So many times ingest_bytes may be decided and not on disk yet, entries and leaves of closings; then submit()
    // waits. A second's work.
    static constexpr size_t kAheadOfIngest = 32;

    struct Sizes {
        size_t ingest_bytes = kIngestBytes;
        size_t most_bytes_at_once = kMostBytesAtOnce;
    };

    // `tree` and `position` are those of the store that is written to; it must outlive this.
    Committer(LedgerWriter writer, merkle::Tree tree, Position position, Sizes sizes);
    ~Committer();
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    // Called by the committing thread whenever entries have come to the disk. Set before the first submit().
    // `failed` is called by it once, when it cannot go on: every other call says why. Neither is called any more when
    // commit_all() has returned and nothing was submitted since.
    void set_callbacks(std::function<void(const Position&)> committed, std::function<void()> failed) {
        committed_ = std::move(committed);
        failed_ = std::move(failed);
    }

    // An empty flight; its memory is that of one that is not needed any more, if there is one.
    std::shared_ptr<Flight> new_flight();
    // Hands over what follows the flight before. The first error is that of every call after it.
    Status submit(std::shared_ptr<Flight> flight);
    // Returns when all is on disk that was handed over.
    Status commit_all();
    // Returns when the first `size` entries are.
    Status wait_for(uint64_t size);

    // As on disk. Any thread.
    Position position() const;
    // Whether entries are on their way to the disk. Any thread.
    bool is_busy() const;
    // Puts the flight that holds an entry in place of `flight`; nullptr if it is not in memory. Any thread, but to read
    // from it directly the entry must be on disk: before, roots of closings may still be filled in.
    void find(Sequence sequence, std::shared_ptr<const Flight>& flight) const;
    void release(std::shared_ptr<const Flight>& flight) const;
    // Copies an entry's bytes if it is in memory. Any thread.
    bool read(Sequence sequence, std::vector<std::byte>& bytes) const;

  private:
    void run();
    Status commit_until_stopped(std::unique_lock<std::mutex>& lock);
    Status take_in(Flight& flight);
    Status write(std::span<const Flight* const> flights);
    void forget_old();
    std::shared_ptr<Flight> holder(Sequence sequence) const;

    LedgerWriter writer_;  // of the committing thread
    const Sizes sizes_;
    std::function<void(const Position&)> committed_;
    std::function<void()> failed_;
    merkle::Tree tree_;  // of the committing thread

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // In the order of entries: those on disk, then those taken in, then those waiting.
    std::deque<std::shared_ptr<Flight>> flights_;
    size_t on_disk_ = 0;
    size_t taken_in_ = 0;  // those on disk included
    size_t bytes_ahead_ = 0;
    size_t bytes_kept_ = 0;
    bool in_a_hurry_ = false;  // somebody waits in commit_all()
    bool stopping_ = false;
    Status status_ = ok_status();
    Position position_;
    std::vector<std::shared_ptr<Flight>> spare_;
    std::thread thread_;
};

// Entries on disk, the newest from memory: for a thread that follows the ledger in order.
class FollowedEntries final : public EntrySource {
  public:
    FollowedEntries(const Committer& committer, std::unique_ptr<EntrySource> stored)
        : committer_(committer), stored_(std::move(stored)) {}
    ~FollowedEntries() override { committer_.release(flight_); }
    FollowedEntries(const FollowedEntries&) = delete;
    FollowedEntries& operator=(const FollowedEntries&) = delete;
    // REQUIRES: an entry on disk.
    Result<std::span<const std::byte>> entry(uint64_t sequence) override;

  private:
    const Committer& committer_;
    std::unique_ptr<EntrySource> stored_;
    std::shared_ptr<const Flight> flight_;
};

}  // namespace upline
