// SPDX-License-Identifier: Apache-2.0
// One partition's ledger, open for writing: state in memory, entries and tree on disk. Opening it resumes where its
// entries end, whatever happened before: what is stored less often than entries is folded forward from them.
// After an error the shard is dead: throw it away and open it again.
//
// | call                     | thread                                                      |
// |--------------------------|-------------------------------------------------------------|
// | position, is_busy        | any                                                         |
// | an EntrySource of follow | one thread each                                             |
// | the callbacks            | called by the committing thread                             |
// | store                    | any; Store says which of its calls                          |
// | all else                 | one, which applies                                          |
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "consumers/committer.h"
#include "consumers/shard_options.h"
#include "events/base/progress.h"
#include "events/log/event_log.h"
#include "ledger/core/core.h"
#include "ledger/store/data_folder.h"
#include "ledger/store/store.h"

namespace upline {

class Shard {
  public:
    // kConflict if the folder's ledger is of another partition count or log; kCorrupt if what is stored does not fit
    // together (`upline verify` says more, `upline replay` makes it again); kInvalid if rules are in force that are not
    // among `versions`.
    static Result<std::unique_ptr<Shard>> open(const DataFolder& folder, const ShardInfo& info,
                                               const Progress& progress = {}, const ShardOptions& options = {},
                                               std::span<const Rules> versions = rules_versions());

    // Decides records in order and hands their entries to the committing thread; position() tells how far it has come,
    // commit_all() waits for it. Waits itself while ShardOptions::max_unwritten_bytes() are on the way.
    // `inputs[i]` is read from `records[i]`. `more_follows`: the log has more already.
    // kInvalid after a record that activates rules which are not known: its entry is on disk, those after it are not.
    Status apply(std::span<const Input> inputs, std::span<const Record> records, bool more_follows = false);

    // Called when there is nothing to apply: moves a little of what is mature from pending to available, and says
    // whether more is waiting. apply() does its share of it too.
    Result<bool> catch_up_some();
    // Returns when all entries are on disk.
    Status commit_all() { return committer_.commit_all(); }

    // Stores the state as of the last entry, once all are on disk, so that opening has nothing to fold. apply() does it
    // too, about every ShardOptions::state_interval entries, and there a thread does the writing.
    Status store_state();

    // For reading the next records. REQUIRES: no error so far.
    const Rules& rules() const { return *core_.rules(); }
    LedgerHead position() const { return committer_.position(); }
    // See Committer::set_callbacks(). Set before the first apply(), or after commit_all().
    void set_callbacks(std::function<void(const LedgerHead&)> committed, std::function<void()> failed) {
        committer_.set_callbacks(std::move(committed), std::move(failed));
    }
    // Entries on disk for a thread that follows them in order, the newest from memory. Must not outlive the shard.
    std::unique_ptr<EntrySource> follow();
    // Whether records are being applied or entries are on their way to the disk.
    bool is_busy() const { return applying_ || committer_.is_busy(); }
    const State& state() const { return *state_; }
    Store& store() { return *store_; }

  private:
    Shard(std::unique_ptr<Store> store, LedgerWriter writer, std::unique_ptr<State> state, merkle::Tree tree,
          LedgerHead position, const ShardInfo& info, const ShardOptions& options);

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
    AllEntries point_reader_;
    AllEntries walk_;
    Core core_;
    std::atomic<bool> applying_ = false;
    uint64_t state_interval_;
    uint64_t state_stored_at_ = 0;
    std::future<Status> storing_;  // it uses what stands above
};

}  // namespace upline
