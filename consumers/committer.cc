// SPDX-License-Identifier: Apache-2.0
#include "consumers/committer.h"

#include <chrono>
#include <utility>

#include "ledger/core/closing.h"

namespace upline {
namespace {

// How long a write waits for more that follows.
constexpr auto kPatience = std::chrono::milliseconds(50);

}  // namespace

Committer::Committer(LedgerWriter writer, merkle::Tree tree, const LedgerHead& position, const ShardOptions& options)
    : writer_(writer), options_(options), tree_(std::move(tree)), position_(position), thread_([this] { run(); }) {}

Committer::~Committer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

std::shared_ptr<PendingBatch> Committer::new_batch() {
    const std::lock_guard lock(mutex_);
    return batches_.make();
}

Status Committer::submit(std::shared_ptr<PendingBatch> batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [this] { return !status_.ok() || batches_.unwritten_bytes() <= options_.max_unwritten_bytes(); });
    UPLINE_TRY(status_);
    batches_.push(std::move(batch));
    changed_.notify_all();
    return ok_status();
}

Status Committer::commit_all() {
    std::unique_lock lock(mutex_);
    in_a_hurry_ = true;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !status_.ok() || batches_.all_written(); });
    in_a_hurry_ = false;
    return status_;
}

Status Committer::wait_for(uint64_t size) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !status_.ok() || position_.size >= size; });
    return status_;
}

LedgerHead Committer::position() const {
    const std::lock_guard lock(mutex_);
    return position_;
}

bool Committer::is_busy() const {
    const std::lock_guard lock(mutex_);
    return !batches_.all_written();
}

void Committer::find(Sequence sequence, std::shared_ptr<const PendingBatch>& batch) const {
    const std::lock_guard lock(mutex_);
    batch = batches_.find(sequence);
}

// Under the lock, so that a follower's last read comes before the batch's memory is used again.
void Committer::release(std::shared_ptr<const PendingBatch>& batch) const {
    const std::lock_guard lock(mutex_);
    batch.reset();
}

bool Committer::read(Sequence sequence, std::vector<std::byte>& bytes) const {
    const std::lock_guard lock(mutex_);
    const std::shared_ptr<PendingBatch> batch = batches_.find(sequence);
    if (!batch) return false;
    const std::span<const std::byte> entry = batch->entries[sequence - batch->entries.first];
    bytes.assign(entry.begin(), entry.end());
    return true;
}

void Committer::run() {
    Status status = ok_status();
    try {
        status = commit_until_stopped();
    } catch (const std::exception& error) {  // the standard library's: no memory
        status = Error{ErrorCode::kUnavailable, error.what()};
    }
    if (status.ok()) return;
    // Called before anybody can see the failure: whoever has seen it may take the callback away.
    if (failed_) failed_();
    const std::lock_guard lock(mutex_);
    status_ = status;
    changed_.notify_all();
}

Status Committer::commit_until_stopped() {
    std::unique_lock lock(mutex_);
    size_t bytes = 0;  // hashed, not on disk
    bool more_follows = false;
    for (;;) {
        const bool may_wait =
            batches_.any_hashed() && more_follows && !in_a_hurry_ && bytes < options_.max_write_bytes();
        if (!batches_.any_hashed())
            changed_.wait(lock, [this] { return stopping_ || batches_.any_waiting(); });
        else if (may_wait)
            changed_.wait_for(lock, kPatience, [this] { return stopping_ || in_a_hurry_ || batches_.any_waiting(); });
        const bool any_more = batches_.any_waiting();
        if (stopping_ && !any_more && !batches_.any_hashed()) return ok_status();
        if (any_more && bytes < options_.max_write_bytes()) {
            PendingBatch& batch = batches_.next_waiting();
            bytes += batch.bytes();
            more_follows = batch.more_follows;
            lock.unlock();
            UPLINE_TRY(hash(batch));
            lock.lock();
            batches_.note_hashed();
            if (more_follows || batches_.any_waiting()) continue;
        }
        if (!batches_.any_hashed()) continue;
        const std::vector<const PendingBatch*> ready = batches_.hashed();
        lock.unlock();
        UPLINE_TRY(write(ready));
        if (committed_) committed_(ready.back()->position);
        lock.lock();
        bytes = 0;
        position_ = ready.back()->position;
        batches_.note_written();
        changed_.notify_all();
    }
}

// Leaves of a closing are hashed without the lock: no other thread reads them.
Status Committer::hash(PendingBatch& batch) {
    if (!batch.entries.closings.empty()) {
        const size_t leaves = batch.leaf_bytes();
        std::vector<Hash> roots;
        for (const EntryBatch::OpenClosing& closing : batch.entries.closings) {
            UPLINE_TRY(writer_.keep_closing(closing.program, closing.sequence, closing.leaves));
            roots.push_back(closing_root(closing.leaves));
        }
        const std::lock_guard lock(mutex_);
        fill_closings(batch.entries, roots);
        batches_.note_leaves_hashed(leaves);
        changed_.notify_all();
    }
    tree_.append(merkle::leaf_hashes(batch.entries.bytes, batch.entries.ends));
    batch.position.root = tree_.root();
    return ok_status();
}

Status Committer::write(std::span<const PendingBatch* const> batches) {
    size_t bytes = 0;
    std::vector<CommitPart> parts;
    for (const PendingBatch* batch : batches) {
        bytes += batch->entries.bytes.size();
        parts.push_back({&batch->entries, batch->places});
    }
    const LedgerHead& position = batches.back()->position;
    const std::vector<merkle::Tile> tiles = tree_.take_changed_tiles();
    if (bytes >= options_.ingest_bytes) return writer_.ingest(parts, tiles, tree_.right_edge(), position);
    return writer_.commit(parts, tiles, position);
}

Result<std::span<const std::byte>> FollowedEntries::entry(uint64_t sequence) {
    if (!batch_ || sequence - batch_->entries.first >= batch_->entries.size()) committer_.find(sequence, batch_);
    if (!batch_) return stored_->entry(sequence);
    return batch_->entries[sequence - batch_->entries.first];
}

}  // namespace upline
