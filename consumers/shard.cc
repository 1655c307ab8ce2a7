// SPDX-License-Identifier: Apache-2.0
#include "consumers/shard.h"

#include <fmt/format.h>

#include <cstdlib>
#include <utility>

#include "events/check.h"

namespace upline {
namespace {

// Entries looked at between two batches: about a millisecond's work.
constexpr uint64_t kMatureAtOnce = 2048;

// Tests set UPLINE_INGEST_BYTES, so that a small log is committed both ways.
Committer::Sizes sizes() {
    const char* given = std::getenv("UPLINE_INGEST_BYTES");
    if (!given) return {};
    const size_t bytes = std::strtoull(given, nullptr, 10);
    return {.ingest_bytes = bytes, .most_bytes_at_once = 4 * bytes};
}

// Brings a state as it was stored forward to the first `size` entries, and what is mature then to available.
Status fold_forward(Store& store, State& state, uint64_t size, const Progress& progress,
                    std::span<const Rules> versions) {
    const std::unique_ptr<EntrySource> source = store.entries();
    Entry entry;
    const uint64_t first = state.size();
    for (uint64_t sequence = first; sequence < size; ++sequence) {
        if (!find_rules(versions, state.rules_version())) return unknown_rules(state.rules_version(), versions);
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, source->entry(sequence));
        const Status decoded = decode_entry(bytes, entry);
        if (!decoded.ok())
            return Error{ErrorCode::kCorrupt, fmt::format("entry {}: {}", sequence, decoded.error().message)};
        UPLINE_TRY(state.fold(entry));
        if (progress && sequence % 65'536 == 0) progress(sequence - first, size - first);
    }
    return Core(state, {}, *source, *source).mature();
}

}  // namespace

Result<std::unique_ptr<State>> load_current_state(Store& store, const Progress& progress) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, store.load_state());
    UPLINE_TRY_ASSIGN(const Position position, store.position());
    UPLINE_TRY(fold_forward(store, *state, position.size, progress, rules_versions()));
    return state;
}

Result<PastState> load_past_state(Store& store, uint64_t size, const Progress& progress) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, store.load_state());
    if (state->size() > size) state = std::make_unique<State>();
    const uint64_t folded_from = state->size();
    UPLINE_TRY(fold_forward(store, *state, size, progress, rules_versions()));
    return PastState{std::move(state), folded_from};
}

Status mature_until(Store& store, State& state, int64_t at_us) {
    UPLINE_CHECK(at_us >= state.clock_us(), "a time that is not past");
    const std::unique_ptr<EntrySource> source = store.entries();
    return state.mature(*source, at_us, UINT64_MAX);
}

Shard::Shard(std::unique_ptr<Store> store, std::unique_ptr<State> state, merkle::Tree tree, Position position,
             const ShardInfo& info, uint64_t state_interval, std::span<const Rules> versions)
    : store_(std::move(store)),
      state_(std::move(state)),
      committer_(*store_, std::move(tree), std::move(position), sizes()),
      look_up_(store_->look_up(), committer_),
      walk_(store_->entries(), committer_),
      core_(*state_, info.identity, look_up_, walk_, versions),
      state_interval_(state_interval) {}

Result<std::unique_ptr<Shard>> Shard::open(const DataFolder& folder, const ShardInfo& info, const Progress& progress,
                                           uint64_t state_interval, std::span<const Rules> versions) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<Store> store,
                      Store::open(folder.partition_path(info.identity.partition), Store::Access::kWrite));
    UPLINE_TRY(store->bind(info));
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, store->load_state());
    const uint64_t stored_at = state->size();
    UPLINE_TRY_ASSIGN(const Position position, store->position());
    UPLINE_TRY(fold_forward(*store, *state, position.size, progress, versions));
    if (!find_rules(versions, state->rules_version())) return unknown_rules(state->rules_version(), versions);
    UPLINE_TRY_ASSIGN(merkle::Tree tree, store->load_tree(position.size));
    if (tree.root() != position.root)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the tree's right edge gives root {}, the position says {}; run `upline "
                                 "verify`, then `upline replay` into a new folder",
                                 info.identity.partition, to_hex(tree.root()), to_hex(position.root))};
    if (state->clock_us() != position.clock_us)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the state's clock is {}, the position's {}; run `upline verify`",
                                 info.identity.partition, state->clock_us(), position.clock_us)};
    std::unique_ptr<Shard> shard(
        new Shard(std::move(store), std::move(state), std::move(tree), position, info, state_interval, versions));
    shard->state_stored_at_ = stored_at;
    return shard;
}

Status Shard::apply(std::span<const Input> inputs, std::span<const Record> records, bool more_follows) {
    UPLINE_CHECK(inputs.size() == records.size(), "an input for each record");
    for (size_t done = 0; done < inputs.size();) {
        UPLINE_TRY_ASSIGN(const size_t count, apply_some(inputs.subspan(done), records.subspan(done), more_follows));
        done += count;
    }
    // A little ahead of what comes in, so that a day on which very much matures is caught up with over batches.
    UPLINE_TRY(core_.mature(kMatureAtOnce + 4 * inputs.size()));
    // While closings are hashed it can wait, but not for ever.
    const uint64_t unstored = state_->size() - state_stored_at_;
    if (unstored >= state_interval_) UPLINE_TRY(store_state());
    return ok_status();
}

// As many as the core takes at once.
Result<size_t> Shard::apply_some(std::span<const Input> inputs, std::span<const Record> records, bool more_follows) {
    std::shared_ptr<Flight> flight = committer_.new_flight();
    UPLINE_TRY(core_.apply(inputs, flight->entries));
    const size_t count = flight->entries.size();
    UPLINE_CHECK(count > 0, "rules in force that are known");
    flight->places.clear();
    for (const Record& record : records.first(count)) flight->places.push_back({record.offset, record.append_time_ms});
    const size_t last = count - 1;
    flight->position = {state_->size(), Hash{}, state_->clock_us(),
                        LogPosition{records[last].offset, records[last].append_time_ms, inputs[last].record_sha256}};
    flight->more_follows = more_follows;
    UPLINE_TRY(committer_.submit(std::move(flight)));
    if (!core_.rules()) {
        UPLINE_TRY(commit_all());
        return unknown_rules(state_->rules_version(), core_.versions());
    }
    return count;
}

Result<bool> Shard::catch_up_some() {
    UPLINE_TRY(core_.mature(kMatureAtOnce));
    return state_->holds().any_due(state_->clock_us());
}

std::unique_ptr<EntrySource> Shard::follow() {
    return std::make_unique<FollowedEntries>(committer_, store_->entries());
}

Status Shard::store_state() {
    UPLINE_TRY(commit_all());
    if (state_stored_at_ == state_->size()) return ok_status();
    UPLINE_TRY(core_.mature());
    UPLINE_TRY(store_->store_state(*state_));
    state_stored_at_ = state_->size();
    return ok_status();
}

}  // namespace upline
