// SPDX-License-Identifier: Apache-2.0
#include "consumers/committer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "events/base/check.h"
#include "ledger/core/closing.h"

namespace upline {
namespace {

// How long a write waits for what is to follow.
constexpr auto kPatience = std::chrono::milliseconds(50);

size_t bytes_of(const Flight& flight) {
    constexpr size_t kOfItsOwn = 512;  // of a flight of one event, more than of the event
    return kOfItsOwn + flight.entries.bytes.size() + flight.places.size() * sizeof(RecordPlace);
}
size_t leaves_of(const Flight& flight) {
    size_t bytes = 0;
    for (const EntryBatch::OpenClosing& closing : flight.entries.closings) bytes += closing.leaves.size();
    return bytes;
}

}  // namespace

Committer::Committer(LedgerWriter writer, merkle::Tree tree, Position position, Sizes sizes)
    : writer_(writer), sizes_(sizes), tree_(std::move(tree)), position_(std::move(position)), thread_([this] {
          run();
      }) {}

Committer::~Committer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

std::shared_ptr<Flight> Committer::new_flight() {
    const std::lock_guard lock(mutex_);
    for (std::shared_ptr<Flight>& spare : spare_)
        if (spare.use_count() == 1) {  // nobody reads it any more, and nobody can begin to
            std::swap(spare, spare_.back());
            std::shared_ptr<Flight> flight = std::move(spare_.back());
            spare_.pop_back();
            return flight;
        }
    return std::make_shared<Flight>();
}

Status Committer::submit(std::shared_ptr<Flight> flight) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !status_.ok() || bytes_ahead_ <= kAheadOfIngest * sizes_.ingest_bytes; });
    UPLINE_TRY(status_);
    bytes_ahead_ += bytes_of(*flight) + leaves_of(*flight);
    flights_.push_back(std::move(flight));
    changed_.notify_all();
    return ok_status();
}

Status Committer::commit_all() {
    std::unique_lock lock(mutex_);
    in_a_hurry_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !status_.ok() || on_disk_ == flights_.size(); });
    in_a_hurry_ = false;
    return status_;
}

Status Committer::wait_for(uint64_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !status_.ok() || position_.size >= size; });
    return status_;
}

Position Committer::position() const {
    const std::lock_guard lock(mutex_);
    return position_;
}

bool Committer::is_busy() const {
    const std::lock_guard lock(mutex_);
    return on_disk_ < flights_.size();
}

// REQUIRES: the lock.
std::shared_ptr<Flight> Committer::holder(Sequence sequence) const {
    const auto after = std::ranges::upper_bound(
        flights_, sequence, {}, [](const std::shared_ptr<Flight>& flight) { return flight->entries.first; });
    if (after == flights_.begin()) return nullptr;
    const std::shared_ptr<Flight>& flight = *std::prev(after);
    return sequence - flight->entries.first < flight->entries.size() ? flight : nullptr;
}

// The lock orders a follower's last look at a flight before its memory is used again.
void Committer::find(Sequence sequence, std::shared_ptr<const Flight>& flight) const {
    const std::lock_guard lock(mutex_);
    flight = holder(sequence);
}

void Committer::release(std::shared_ptr<const Flight>& flight) const {
    const std::lock_guard lock(mutex_);
    flight.reset();
}

bool Committer::read(Sequence sequence, std::vector<std::byte>& bytes) const {
    const std::lock_guard lock(mutex_);
    const std::shared_ptr<Flight> flight = holder(sequence);
    if (!flight) return false;
    const std::span<const std::byte> entry = flight->entries[sequence - flight->entries.first];
    bytes.assign(entry.begin(), entry.end());
    return true;
}

void Committer::run() {
    std::unique_lock lock(mutex_);
    Status status = ok_status();
    try {
        status = commit_until_stopped(lock);
    } catch (const std::exception& error) {  // the standard library's: memory that is not to be had
        if (!lock.owns_lock()) lock.lock();
        status = Error{ErrorCode::kUnavailable, error.what()};
    }
    if (status.ok()) return;
    // Before anybody can see that it has failed, for then the callback may go.
    if (failed_) {
        lock.unlock();
        failed_();
        lock.lock();
    }
    status_ = status;
    changed_.notify_all();
}

Status Committer::commit_until_stopped(std::unique_lock<std::mutex>& lock) {
    size_t bytes = 0;  // taken in, not on disk
    for (;;) {
        const bool may_wait = taken_in_ > on_disk_ && flights_[taken_in_ - 1]->more_follows && !in_a_hurry_ &&
                              bytes < sizes_.most_bytes_at_once;
        const auto something = [this] { return stopping_ || in_a_hurry_ || taken_in_ < flights_.size(); };
        if (taken_in_ == on_disk_)
            changed_.wait(lock, [this] { return stopping_ || taken_in_ < flights_.size(); });
        else if (may_wait)
            changed_.wait_for(lock, kPatience, something);
        const bool any_more = taken_in_ < flights_.size();
        if (stopping_ && !any_more && taken_in_ == on_disk_) return ok_status();
        if (any_more && bytes < sizes_.most_bytes_at_once) {
            Flight& flight = *flights_[taken_in_];
            bytes += bytes_of(flight);
            lock.unlock();
            const Status taken = take_in(flight);
            lock.lock();
            UPLINE_TRY(taken);
            ++taken_in_;
            if (flights_[taken_in_ - 1]->more_follows || taken_in_ < flights_.size()) continue;
        }
        if (taken_in_ == on_disk_) continue;
        std::vector<const Flight*> ready;
        for (size_t i = on_disk_; i < taken_in_; ++i) ready.push_back(flights_[i].get());
        lock.unlock();
        const Status written = write(ready);
        lock.lock();
        UPLINE_TRY(written);
        if (committed_) {
            lock.unlock();
            committed_(ready.back()->position);
            lock.lock();
        }
        on_disk_ += ready.size();
        for (const Flight* flight : ready) {
            bytes_ahead_ -= bytes_of(*flight);
            bytes_kept_ += bytes_of(*flight);
        }
        bytes = 0;
        position_ = ready.back()->position;
        forget_old();
        changed_.notify_all();
    }
}

// Hashes a flight into the tree. The leaves of a closing are hashed without a lock, for nobody else reads them.
Status Committer::take_in(Flight& flight) {
    if (!flight.entries.closings.empty()) {
        const size_t leaves = leaves_of(flight);
        std::vector<Hash> roots;
        for (const EntryBatch::OpenClosing& closing : flight.entries.closings) {
            UPLINE_TRY(writer_.keep_closing(closing.program, closing.sequence, closing.leaves));
            roots.push_back(closing_root(closing.leaves));
        }
        const std::lock_guard lock(mutex_);
        fill_closings(flight.entries, roots);
        bytes_ahead_ -= leaves;
        changed_.notify_all();
    }
    tree_.append(merkle::leaf_hashes(flight.entries.bytes, flight.entries.ends));
    flight.position.root = tree_.root();
    return ok_status();
}

Status Committer::write(std::span<const Flight* const> flights) {
    size_t bytes = 0;
    std::vector<CommitPart> parts;
    for (const Flight* flight : flights) {
        bytes += flight->entries.bytes.size();
        parts.push_back({&flight->entries, flight->places});
    }
    const Position& position = flights.back()->position;
    const std::vector<merkle::Tile> tiles = tree_.take_changed_tiles();
    if (bytes >= sizes_.ingest_bytes) return writer_.ingest(parts, tiles, tree_.right_edge(), position);
    return writer_.commit(parts, tiles, position);
}

// REQUIRES: the lock.
void Committer::forget_old() {
    constexpr size_t kMostSpare = 8;
    while (bytes_kept_ > kKeptBytes && on_disk_ > 1) {
        bytes_kept_ -= bytes_of(*flights_.front());
        if (spare_.size() < kMostSpare) spare_.push_back(std::move(flights_.front()));
        flights_.pop_front();
        --on_disk_;
        --taken_in_;
    }
}

Result<std::span<const std::byte>> FollowedEntries::entry(uint64_t sequence) {
    if (!flight_ || sequence - flight_->entries.first >= flight_->entries.size()) committer_.find(sequence, flight_);
    if (!flight_) return stored_->entry(sequence);
    return flight_->entries[sequence - flight_->entries.first];
}

}  // namespace upline
