// SPDX-License-Identifier: Apache-2.0
// One partition's ledger, open for writing: state in memory, entries and tree on disk. Opening it resumes where its
// entries end, whatever happened before: what is stored less often than entries is folded forward from them.
//
// Not thread-safe. After an error the shard is dead: throw it away and open it again.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <span>

#include "events/event_log.h"
#include "ledger/core.h"
#include "ledger/data_folder.h"
#include "ledger/store.h"

namespace upline {

// Called now and then during long work: how much is done of how much.
using Progress = std::function<void(uint64_t done, uint64_t of)>;

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

    // Applies records in order and returns when their entries are on disk, which position() tells; but for those from a
    // BooksClosed on, whose balances are hashed by a thread beside: their entries follow with a later call.
    // `inputs[i]` is read from `records[i]`.
    // kInvalid after a record that activates rules which are not known: its entry is on disk, those after it are not.
    Status apply(std::span<const Input> inputs, std::span<const Record> records);

    // For when there is nothing else to do: puts on disk what waits for a closing's hash, moves a little of what is
    // mature from pending to available, and says whether more is waiting. apply() does its share of it by itself.
    Result<bool> catch_up_some();
    // Returns when all entries are on disk.
    Status commit_all();

    // Stores the state as of the last entry, once all are on disk, so that opening has nothing to fold. Done by itself
    // now and then, most of it by a thread beside.
    Status store_state();

    // For reading the next records. REQUIRES: no error so far.
    const Rules& rules() const { return *core_.rules(); }
    const Position& position() const { return position_; }
    const State& state() const { return *state_; }
    Store& store() { return *store_; }

  private:
    Shard(std::unique_ptr<Store> store, std::unique_ptr<State> state, const ShardInfo& info, uint64_t state_interval,
          std::span<const Rules> versions);

    // Entries of one apply() that are decided, but not on disk yet.
    struct Flight {
        EntryBatch entries;
        std::vector<RecordPlace> places;
        Position position;  // its root is not known yet
        // Roots of its closings, once it is the first in line: one thread hashes at a time, in the order of entries.
        std::future<Result<std::vector<Hash>>> roots;
    };
    // Entries on disk and those in flight.
    class AllEntries final : public EntrySource {
      public:
        AllEntries(std::unique_ptr<EntrySource> stored, const std::deque<Flight>& flights)
            : stored_(std::move(stored)), flights_(flights) {}
        Result<std::span<const std::byte>> entry(uint64_t sequence) override;

      private:
        std::unique_ptr<EntrySource> stored_;
        const std::deque<Flight>& flights_;
    };

    Result<size_t> apply_some(std::span<const Input> inputs, std::span<const Record> records);
    void hash_closings(Flight& flight);
    Status commit_ready(size_t most_bytes_in_flight, size_t most_flights);
    Status commit_first();
    bool is_time_to_store() const;
    Status begin_storing();
    Status end_storing();

    std::unique_ptr<Store> store_;
    std::unique_ptr<State> state_;
    std::deque<Flight> flights_;
    size_t bytes_in_flight_ = 0;
    AllEntries look_up_;
    AllEntries walk_;
    Core core_;
    merkle::Tree tree_;
    Position position_;
    uint64_t state_interval_;
    uint64_t state_stored_at_ = 0;
    Flight spare_;  // a flight that has landed, for its memory
    std::future<Status> storing_;
};

// The state of a store as of its last entry: what was stored, folded forward. Also for readers.
Result<std::unique_ptr<State>> load_current_state(Store& store, const Progress& progress = {});

// The state of a store's first `size` entries, exactly: what was stored folded forward, or, where that is of more
// entries, folded from the first one on (a second for a million or two). REQUIRES: size <= the store's.
struct PastState {
    std::unique_ptr<State> state;
    uint64_t folded_from = 0;  // the entry that folding began with
};
Result<PastState> load_past_state(Store& store, uint64_t size, const Progress& progress = {});

// Moves to available what is mature at `at_us`: how a payout requested then finds the balances. The clock stays.
// REQUIRES: at_us not before the state's clock.
Status mature_until(Store& store, State& state, int64_t at_us);

}  // namespace upline
