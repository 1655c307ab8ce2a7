// SPDX-License-Identifier: Apache-2.0
#include "consumers/shard.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "events/check.h"
#include "ledger/closing.h"

namespace upline {
namespace {

// Entries looked at between two batches: about a millisecond's work.
constexpr uint64_t kMatureAtOnce = 2048;

// Entries and leaves that may wait for a closing's hash: a second's work or two. Then the shard waits too.
constexpr size_t kMostBytesInFlight = 256 << 20;

// What has waited is caught up with over batches: twice as fast as it comes in.
constexpr size_t kMostFlightsAtOnce = 2;

size_t bytes_of(const EntryBatch& entries) {
    size_t bytes = entries.bytes.size();
    for (const EntryBatch::OpenClosing& closing : entries.closings) bytes += closing.leaves.size();
    return bytes;
}

// Some entries in a row, decoded from bytes of their own.
class DecodedEntries {
  public:
    // Of those from `first` to `end`, as many as are read at once. What is wrong with the one after them, status()
    // says.
    void read(EntrySource& source, uint64_t first, uint64_t end) {
        bytes_.clear();
        ends_.clear();
        status_ = ok_status();
        count_ = 0;
        while (ends_.size() < kMost && first + ends_.size() < end) {
            const auto bytes = source.entry(first + ends_.size());
            if (!bytes.ok()) {
                status_ = bytes.error();
                break;
            }
            bytes_.insert(bytes_.end(), bytes->begin(), bytes->end());
            ends_.push_back(bytes_.size());
        }
        if (!entries_) entries_ = std::make_unique<Entry[]>(kMost);
        for (; count_ < ends_.size(); ++count_) {
            const size_t begin = count_ == 0 ? 0 : ends_[count_ - 1];
            const Status decoded =
                decode_entry(std::span(bytes_).subspan(begin, ends_[count_] - begin), entries_[count_]);
            if (decoded.ok()) continue;
            status_ = Error{ErrorCode::kCorrupt, fmt::format("entry {}: {}", first + count_, decoded.error().message)};
            return;
        }
    }
    std::span<const Entry> entries() const { return {entries_.get(), count_}; }
    const Status& status() const { return status_; }

  private:
    static constexpr size_t kMost = 1024;
    std::vector<std::byte> bytes_;
    std::vector<size_t> ends_;
    std::unique_ptr<Entry[]> entries_;
    size_t count_ = 0;
    Status status_ = ok_status();
};

// Brings a state as it was stored forward to the first `size` entries, and what is mature then to available.
Status fold_forward(Store& store, State& state, uint64_t size, const Progress& progress,
                    std::span<const Rules> versions) {
    const std::unique_ptr<EntrySource> source = store.entries();
    const uint64_t first = state.size();
    DecodedEntries now;
    DecodedEntries next;
    if (first < size) now.read(*source, first, size);
    while (state.size() < size) {
        // The next ones are decoded by a thread beside while these are folded.
        const uint64_t begin = state.size() + now.entries().size();
        std::future<void> reading;
        if (begin < size && now.status().ok()) {
            const auto read = [&] { next.read(*source, begin, size); };
            try {
                reading = std::async(std::launch::async, read);
            } catch (const std::system_error&) {
                reading = std::async(std::launch::deferred, read);
            }
        }
        constexpr size_t kPrefetched = 32;
        for (std::span<const Entry> entries = now.entries(); !entries.empty();) {
            const std::span<const Entry> some = entries.first(std::min(kPrefetched, entries.size()));
            entries = entries.subspan(some.size());
            state.prefetch(some);
            for (const Entry& entry : some) {
                if (!find_rules(versions, state.rules_version())) return unknown_rules(state.rules_version(), versions);
                UPLINE_TRY(state.fold(entry));
            }
        }
        if (progress) progress(state.size() - first, size - first);
        if (!find_rules(versions, state.rules_version())) break;
        UPLINE_TRY(now.status());
        if (reading.valid()) reading.get();
        std::swap(now, next);
    }
    if (state.size() < size) return unknown_rules(state.rules_version(), versions);
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

Shard::Shard(std::unique_ptr<Store> store, std::unique_ptr<State> state, const ShardInfo& info, uint64_t state_interval,
             std::span<const Rules> versions)
    : store_(std::move(store)),
      state_(std::move(state)),
      look_up_(store_->look_up(), flights_),
      walk_(store_->entries(), flights_),
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
    std::unique_ptr<Shard> shard(new Shard(std::move(store), std::move(state), info, state_interval, versions));
    UPLINE_TRY_ASSIGN(shard->position_, shard->store_->position());
    UPLINE_TRY_ASSIGN(shard->tree_, shard->store_->load_tree(shard->position_.size));
    if (shard->tree_.root() != shard->position_.root)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the tree's right edge gives root {}, the position says {}; run `upline "
                                 "verify`, then `upline replay` into a new folder",
                                 info.identity.partition, to_hex(shard->tree_.root()), to_hex(shard->position_.root))};
    if (shard->state_->clock_us() != shard->position_.clock_us)
        return Error{ErrorCode::kCorrupt,
                     fmt::format("partition {}: the state's clock is {}, the position's {}; run `upline verify`",
                                 info.identity.partition, shard->state_->clock_us(), shard->position_.clock_us)};
    shard->state_stored_at_ = stored_at;
    return shard;
}

Result<std::span<const std::byte>> Shard::AllEntries::entry(uint64_t sequence) {
    if (!flights_.empty() && sequence >= flights_.front().entries.first)
        for (const Flight& flight : flights_)
            if (sequence - flight.entries.first < flight.entries.size())
                return flight.entries[sequence - flight.entries.first];
    return stored_->entry(sequence);
}

Status Shard::apply(std::span<const Input> inputs, std::span<const Record> records) {
    UPLINE_CHECK(inputs.size() == records.size(), "an input for each record");
    for (size_t done = 0; done < inputs.size();) {
        UPLINE_TRY_ASSIGN(const size_t count, apply_some(inputs.subspan(done), records.subspan(done)));
        done += count;
    }
    // A little ahead of what comes in, so that a day on which very much matures is caught up with over batches.
    UPLINE_TRY(core_.mature(kMatureAtOnce + 4 * inputs.size()));
    if (storing_.valid() && storing_.wait_for(std::chrono::seconds(0)) != std::future_status::timeout)
        UPLINE_TRY(end_storing());
    if (is_time_to_store()) UPLINE_TRY(begin_storing());
    return ok_status();
}

// As many as the core takes at once.
Result<size_t> Shard::apply_some(std::span<const Input> inputs, std::span<const Record> records) {
    Flight flight = std::move(spare_);
    UPLINE_TRY(core_.apply(inputs, flight.entries));
    const size_t count = flight.entries.size();
    UPLINE_CHECK(count > 0, "rules in force that are known");
    flight.places.clear();
    for (const Record& record : records.first(count)) flight.places.push_back({record.offset, record.append_time_ms});
    const size_t last = count - 1;
    flight.position = {state_->size(), Hash{}, state_->clock_us(),
                       LogPosition{records[last].offset, records[last].append_time_ms, inputs[last].record_sha256}};
    bytes_in_flight_ += bytes_of(flight.entries);
    flights_.push_back(std::move(flight));
    UPLINE_TRY(commit_ready(kMostBytesInFlight, kMostFlightsAtOnce));
    if (!core_.rules()) {
        UPLINE_TRY(commit_all());
        return unknown_rules(state_->rules_version(), core_.versions());
    }
    return count;
}

// The thread reads the leaves and nothing that the shard may look at meanwhile.
void Shard::hash_closings(Flight& flight) {
    const auto work = [&closings = std::as_const(flight.entries.closings),
                       store = store_.get()]() -> Result<std::vector<Hash>> {
        std::vector<Hash> roots;
        for (const EntryBatch::OpenClosing& closing : closings) {
            UPLINE_TRY(store->keep_closing(closing.program, closing.sequence, closing.leaves));
            roots.push_back(closing_root(closing.leaves));
        }
        return roots;
    };
    try {
        flight.roots = std::async(std::launch::async, work);
    } catch (const std::system_error&) {  // no thread is to be had: then when it is asked for
        flight.roots = std::async(std::launch::deferred, work);
    }
}

// Commits in order what need not be waited for, and more if too much is in flight.
Status Shard::commit_ready(size_t most_bytes_in_flight, size_t most_flights) {
    while (!flights_.empty()) {
        Flight& first = flights_.front();
        if (!first.entries.closings.empty() && !first.roots.valid()) hash_closings(first);
        const bool is_ready =
            !first.roots.valid() || first.roots.wait_for(std::chrono::seconds(0)) != std::future_status::timeout;
        if ((!is_ready || most_flights == 0) && bytes_in_flight_ <= most_bytes_in_flight) return ok_status();
        most_flights -= most_flights == 0 ? 0 : 1;
        UPLINE_TRY(commit_first());
    }
    return ok_status();
}

Status Shard::commit_all() {
    return commit_ready(0, SIZE_MAX);
}

Status Shard::commit_first() {
    Flight& flight = flights_.front();
    bytes_in_flight_ -= bytes_of(flight.entries);
    if (flight.roots.valid()) {
        UPLINE_TRY_ASSIGN(const std::vector<Hash> roots, flight.roots.get());
        fill_closings(flight.entries, roots);
    }
    for (size_t i = 0; i < flight.entries.size(); ++i) tree_.append(merkle::leaf_hash(flight.entries[i]));
    flight.position.root = tree_.root();
    UPLINE_TRY(store_->commit(flight.entries, flight.places, tree_.take_changed_tiles(), flight.position));
    position_ = flight.position;
    spare_ = std::move(flight);
    flights_.pop_front();
    return ok_status();
}

Result<bool> Shard::catch_up_some() {
    UPLINE_TRY(core_.mature(kMatureAtOnce));
    const bool matures = state_->holds().any_due(state_->clock_us());
    if (!matures && !flights_.empty() && flights_.front().roots.valid())
        flights_.front().roots.wait_for(std::chrono::milliseconds(1));
    UPLINE_TRY(commit_ready(kMostBytesInFlight, kMostFlightsAtOnce));
    return matures || !flights_.empty();
}

Status Shard::store_state() {
    UPLINE_TRY(end_storing());
    UPLINE_TRY(begin_storing());
    return end_storing();
}

// Most accounts have changed after some sales each, and all that have are written: so that a sale's share of it does
// not grow, more sales must come between when there are more accounts. While closings are hashed or much is to be
// moved to available it can wait, but not for ever.
bool Shard::is_time_to_store() const {
    constexpr uint64_t kAccountsASale = 8;
    if (storing_.valid()) return false;
    const uint64_t interval = std::max<uint64_t>(state_interval_, state_->accounts().size() / kAccountsASale);
    const uint64_t unstored = state_->size() - state_stored_at_;
    if (unstored < interval) return false;
    return unstored / 2 >= interval || (flights_.empty() && !state_->holds().any_due(state_->clock_us()));
}

// The thread writes what was taken; of the state it sees nothing.
Status Shard::begin_storing() {
    UPLINE_TRY(commit_all());
    if (state_stored_at_ == state_->size()) return ok_status();
    UPLINE_TRY(core_.mature());
    state_stored_at_ = state_->size();
    if (!can_take_changes(*state_)) return ok_status();
    const auto write = [store = store_.get(), changes = take_changes(*state_)] { return store->write_state(changes); };
    try {
        storing_ = std::async(std::launch::async, write);
    } catch (const std::system_error&) {  // no thread is to be had: then when it is asked for
        storing_ = std::async(std::launch::deferred, write);
    }
    return ok_status();
}

Status Shard::end_storing() {
    return storing_.valid() ? storing_.get() : ok_status();
}

}  // namespace upline
