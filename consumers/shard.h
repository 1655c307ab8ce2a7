// SPDX-License-Identifier: Apache-2.0
// One partition's ledger, open for writing: state in memory, entries and tree on disk. Opening it resumes where its
// entries end, whatever happened before: what is stored less often than entries is folded forward from them.
//
// Not thread-safe. After an error the shard is dead: throw it away and open it again.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "consumers/committer.h"
#include "events/base/progress.h"
#include "events/log/event_log.h"
#include "ledger/core/core.h"
#include "ledger/store/data_folder.h"
#include "ledger/store/store.h"

namespace upline {

class Shard {
  public:
    // Entries between two storings of the state, or more if it is large: what opening after a crash must fold.
    static constexpr uint64_t kStateInterval = 500'000;

    // kConflict if the folder's ledger is of another partition count or log; kCorrupt if what is stored does not fit
    // together (`upline verify` says more, `upline replay` makes it anew); kInvalid if rules are in force that are not
    // among `versions`.
    static Result<std::unique_ptr<Shard>> open(const DataFolder& folder, const ShardInfo& info,
                                               const Progress& progress = {}, uint64_t state_interval = kStateInterval,
                                               std::span<const Rules> versions = rules_versions());

    // Decides records in order and hands their entries to the thread that puts them on disk; position() tells how far
    // it has come, commit_all() waits for it. Waits itself when very much is on the way.
    // `inputs[i]` is read from `records[i]`. `more_follows`: the log has more already.
    // kInvalid after a record that activates rules which are not known: its entry is on disk, those after it are not.
    Status apply(std::span<const Input> inputs, std::span<const Record> records, bool more_follows = false);

    // For when there is nothing else to do: moves a little of what is mature from pending to available, and says
    // whether more is waiting. apply() does its share of it by itself.
    Result<bool> catch_up_some();
    // Returns when all entries are on disk.
    Status commit_all() { return committer_.commit_all(); }

    // Stores the state as of the last entry, once all are on disk, so that opening has nothing to fold. Done by itself
    // now and then, most of it by a thread beside.
    Status store_state();

    // For reading the next records. REQUIRES: no error so far.
    const Rules& rules() const { return *core_.rules(); }
    Position position() const { return committer_.position(); }
    // Called by a thread beside whenever entries have come to the disk, and when it cannot go on, which commit_all()
    // tells. Set before the first apply(), or after commit_all().
    void set_callbacks(std::function<void(const Position&)> committed, std::function<void()> failed) {
        committer_.set_callbacks(std::move(committed), std::move(failed));
    }
    // Entries on disk for another thread that follows them in order, the newest from memory. Must not outlive this.
    std::unique_ptr<EntrySource> follow();
    // Whether records are being applied or entries are on their way to the disk. Any thread.
    bool is_busy() const { return applying_ || committer_.is_busy(); }
    const State& state() const { return *state_; }
    Store& store() { return *store_; }

  private:
    Shard(std::unique_ptr<Store> store, LedgerWriter writer, std::unique_ptr<State> state, merkle::Tree tree,
          Position position, const ShardInfo& info, uint64_t state_interval, std::span<const Rules> versions);

    // Entries on disk and those on their way there.
    class AllEntries final : public EntrySource {
      public:
        AllEntries(std::unique_ptr<EntrySource> stored, const Committer& committer)
            : stored_(std::move(stored)), committer_(committer) {}
        Result<std::span<const std::byte>> entry(uint64_t sequence) override {
            if (committer_.read(sequence, bytes_)) return std::span<const std::byte>(bytes_);
            return stored_->entry(sequence);
        }

      private:
        std::unique_ptr<EntrySource> stored_;
        const Committer& committer_;
        std::vector<std::byte> bytes_;
    };

    Status apply_all(std::span<const Input> inputs, std::span<const Record> records, bool more_follows);
    Result<size_t> apply_some(std::span<const Input> inputs, std::span<const Record> records, bool more_follows);
    bool is_time_to_store() const;
    Status begin_storing();
    Status end_storing();

    std::unique_ptr<Store> store_;
    std::unique_ptr<State> state_;
    Committer committer_;
    AllEntries look_up_;
    AllEntries walk_;
    Core core_;
    std::atomic<bool> applying_ = false;
    uint64_t state_interval_;
    uint64_t state_stored_at_ = 0;
    std::future<Status> storing_;  // it uses what stands above
};

}  // namespace upline
