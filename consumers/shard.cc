// SPDX-License-Identifier: Apache-2.0
#include "consumers/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "events/base/async.h"
#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/state_store.h"

namespace upline {
namespace {

// Entries looked at between two batches: about a millisecond's work.
constexpr uint64_t kMatureAtOnce = 2048;

}  // namespace

Shard::Shard(std::unique_ptr<Store> store, LedgerWriter writer, std::unique_ptr<State> state, merkle::Tree tree,
             LedgerHead position, const ShardInfo& info, const ShardOptions& options)
    : store_(std::move(store)),
      state_(std::move(state)),
      committer_(writer, std::move(tree), position, options),
      point_reader_(store_->point_reader(), committer_),
      walk_(store_->scan_reader(), committer_),
      core_(*state_, info.identity, point_reader_, walk_),
      state_interval_(options.state_interval) {}

Result<std::unique_ptr<Shard>> Shard::open(const DataFolder& folder, const ShardInfo& info, const Progress& progress,
                                           const ShardOptions& options, std::span<const Rules> versions) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<Store> store,
                      Store::open(folder.partition_path(info.identity.partition), Store::Access::kWrite));
    UPLINE_TRY(store->bind(info));
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, load_state(*store, versions));
    const uint64_t stored_at = state->size();
    UPLINE_TRY_ASSIGN(const LedgerHead position, store->position());
    UPLINE_TRY(fold_forward(*store, *state, position.size, progress));
    if (!state->rules()) return unknown_rules(state->rules_version(), versions);
    UPLINE_TRY_ASSIGN(merkle::Tree tree, load_tree(*store, position.size));
    if (tree.root() != position.root)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the tree's right edge gives root {}, the position says {}; run `upline "
                                 "verify`, then `upline replay` into a new folder",
                                 info.identity.partition, to_hex(tree.root()), to_hex(position.root))};
    if (state->clock_us() != position.clock_us)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the state's clock is {}, the position's {}; run `upline verify`",
                                 info.identity.partition, state->clock_us(), position.clock_us)};
    UPLINE_TRY_ASSIGN(const LedgerWriter writer, LedgerWriter::open(*store));
    std::unique_ptr<Shard> shard(
        new Shard(std::move(store), writer, std::move(state), std::move(tree), position, info, options));
    shard->state_stored_at_ = stored_at;
    return shard;
}

Status Shard::apply(std::span<const Input> inputs, std::span<const Record> records, bool more_follows) {
    UPLINE_CHECK(inputs.size() == records.size(), "an input for each record");
    applying_ = true;
    Status applied = apply_all(inputs, records, more_follows);
    applying_ = false;
    return applied;
}

Status Shard::apply_all(std::span<const Input> inputs, std::span<const Record> records, bool more_follows) {
    for (size_t done = 0; done < inputs.size();) {
        UPLINE_TRY_ASSIGN(const size_t count, apply_some(inputs.subspan(done), records.subspan(done), more_follows));
        done += count;
    }
    // Faster than entries come in, so that a day on which very much matures is caught up with over some batches.
    UPLINE_TRY(core_.mature(kMatureAtOnce + 4 * inputs.size()));
    if (storing_.valid() && storing_.wait_for(std::chrono::seconds(0)) != std::future_status::timeout)
        UPLINE_TRY(end_storing());
    if (is_time_to_store()) UPLINE_TRY(begin_storing());
    return ok_status();
}

// Applies as many inputs as the core takes at once; returns how many.
Result<size_t> Shard::apply_some(std::span<const Input> inputs, std::span<const Record> records, bool more_follows) {
    std::shared_ptr<PendingBatch> batch = committer_.new_batch();
    UPLINE_TRY(core_.apply(inputs, batch->entries));
    const size_t count = batch->entries.size();
    UPLINE_CHECK(count > 0, "rules in force that are known");
    batch->places.clear();
    for (const Record& record : records.first(count)) batch->places.push_back({record.offset, record.append_time_ms});
    const size_t last = count - 1;
    batch->position = {state_->size(), Hash{}, state_->clock_us(),
                       LogPosition{records[last].offset, records[last].append_time_ms, inputs[last].record_sha256}};
    batch->more_follows = more_follows;
    UPLINE_TRY(committer_.submit(std::move(batch)));
    if (!core_.rules()) {
        UPLINE_TRY(commit_all());
        return unknown_rules(state_->rules_version(), state_->versions());
    }
    return count;
}

Result<bool> Shard::catch_up_some() {
    UPLINE_TRY(core_.mature(kMatureAtOnce));
    return state_->holds().any_due(state_->clock_us());
}

std::unique_ptr<EntrySource> Shard::follow() {
    return std::make_unique<FollowedEntries>(committer_, store_->scan_reader());
}

Status Shard::store_state() {
    UPLINE_TRY(commit_all());
    UPLINE_TRY(end_storing());
    UPLINE_TRY(begin_storing());
    return end_storing();
}

// After some sales each, most accounts have changed, and all changed ones are written. So the interval grows with the
// number of accounts: a sale's share of the writing stays the same. While matured amounts wait to be moved, storing
// waits too, up to two intervals.
bool Shard::is_time_to_store() const {
    constexpr uint64_t kAccountsASale = 8;
    if (storing_.valid()) return false;
    const uint64_t interval = std::max<uint64_t>(state_interval_, state_->accounts().size() / kAccountsASale);
    const uint64_t unstored = state_->size() - state_stored_at_;
    if (unstored < interval) return false;
    return unstored / 2 >= interval || !state_->holds().any_due(state_->clock_us());
}

// The thread writes the changes taken here; it never sees the state.
Status Shard::begin_storing() {
    if (state_stored_at_ == state_->size()) return ok_status();
    UPLINE_TRY(core_.mature());
    state_stored_at_ = state_->size();
    if (!can_take_changes(*state_)) return ok_status();
    const auto changes = std::make_shared<const StateChanges>(take_changes(*state_));
    storing_ = run_async([this, size = state_->size(), changes]() -> Status {
        UPLINE_TRY(committer_.wait_for(size));  // a stored state is never ahead of the entries
        return write_state(*store_, *changes);
    });
    return ok_status();
}

Status Shard::end_storing() {
    return storing_.valid() ? storing_.get() : ok_status();
}

}  // namespace upline
