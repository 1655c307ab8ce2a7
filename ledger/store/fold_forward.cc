// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/fold_forward.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "events/base/async.h"
#include "events/base/check.h"
#include "ledger/core/entry.h"
#include "ledger/store/state_store.h"

namespace upline {
namespace {

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
        while (ends_.size() < kMax && first + ends_.size() < end) {
            const auto bytes = source.entry(first + ends_.size());
            if (!bytes.ok()) {
                status_ = bytes.error();
                // The position counts it.
                if (status_.error().code == ErrorCode::kNotFound)
                    status_ = Error{ErrorCode::kCorrupt,
                                    fmt::format("{}: a part of the database is gone; make the ledger anew with `upline "
                                                "replay`",
                                                bytes.error().message)};
                break;
            }
            bytes_.insert(bytes_.end(), bytes->begin(), bytes->end());
            ends_.push_back(bytes_.size());
        }
        if (!entries_) entries_ = std::make_unique<Entry[]>(kMax);
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
    static constexpr size_t kMax = 1024;
    std::vector<std::byte> bytes_;
    std::vector<size_t> ends_;
    std::unique_ptr<Entry[]> entries_;
    size_t count_ = 0;
    Status status_ = ok_status();
};

}  // namespace

Status fold_forward(const Store& store, State& state, uint64_t size, const Progress& progress) {
    const std::unique_ptr<EntrySource> source = store.scan_reader();
    const uint64_t first = state.size();
    DecodedEntries now;
    DecodedEntries next;
    if (first < size) now.read(*source, first, size);
    while (state.size() < size) {
        // The next ones are decoded by a thread beside while these are folded.
        const uint64_t begin = state.size() + now.entries().size();
        std::future<void> reading;
        if (begin < size && now.status().ok()) reading = run_async([&] { next.read(*source, begin, size); });
        constexpr size_t kFetchedAhead = 32;
        for (std::span<const Entry> entries = now.entries(); !entries.empty();) {
            const std::span<const Entry> some = entries.first(std::min(kFetchedAhead, entries.size()));
            entries = entries.subspan(some.size());
            state.prefetch(some);
            for (const Entry& entry : some) {
                if (!state.rules()) return unknown_rules(state.rules_version(), state.versions());
                UPLINE_TRY(state.fold(entry));
            }
        }
        if (progress) progress(state.size() - first, size - first);
        if (!state.rules()) break;
        UPLINE_TRY(now.status());
        if (reading.valid()) reading.get();
        std::swap(now, next);
    }
    if (state.size() < size) return unknown_rules(state.rules_version(), state.versions());
    return state.mature(*source, state.clock_us(), UINT64_MAX);
}

Result<std::unique_ptr<State>> load_current_state(const Store& store, const Progress& progress,
                                                  std::span<const Rules> versions) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, load_state(store, versions));
    UPLINE_TRY_ASSIGN(const LedgerHead position, store.position());
    UPLINE_TRY(fold_forward(store, *state, position.size, progress));
    return state;
}

Result<PastState> load_past_state(const Store& store, uint64_t size, const Progress& progress) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, load_state(store));
    if (state->size() > size) state = std::make_unique<State>();
    const uint64_t folded_from = state->size();
    UPLINE_TRY(fold_forward(store, *state, size, progress));
    return PastState{std::move(state), folded_from};
}

Status mature_until(const Store& store, State& state, int64_t at_us) {
    UPLINE_CHECK(at_us >= state.clock_us(), "a time that is not past");
    const std::unique_ptr<EntrySource> source = store.scan_reader();
    return state.mature(*source, at_us, UINT64_MAX);
}

}  // namespace upline
