// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/id_loader.h"
#include "ledger/core/state_storage.h"

#include <utility>

namespace upline {
namespace {

constexpr size_t kMaxWaiting = 128;  // of some 64 KiB

}  // namespace

void IdLoader::give(NewIds ids) {
    std::unique_lock lock(mutex_);
    waiting_.push_back(std::move(ids));
    given_.notify_one();
    if (waiting_.size() > kMaxWaiting) put_next(lock);
}

void IdLoader::run() {
    std::unique_lock lock(mutex_);
    do given_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
    while (put_next(lock));
}

void IdLoader::end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    given_.notify_all();
}

// False if none is waiting.
bool IdLoader::put_next(std::unique_lock<std::mutex>& lock) {
    if (waiting_.empty()) return false;
    const NewIds ids = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    put(ids);
    lock.lock();
    return true;
}

void IdLoader::put(const NewIds& ids) {
    const std::lock_guard lock(table_mutex_);
    if (program_hashes_.empty())
        for (size_t i = 0; i < state_.programs().size(); ++i) {
            const Program& program = state_.programs()[i];
            const bool has_name = program.name_size <= kMaxProgramBytes;  // else the state is refused
            program_hashes_.push_back(has_name ? IdTable::program_hash(program.name()) : 0);
        }
    slots_.clear();
    uint64_t index = ids.first;
    for (const NewIds::Named& thing : ids.things) {
        const EntityRef made(ids.kind, index++);
        if (thing.program.value < program_hashes_.size())  // else the state is refused
            slots_.push_back({IdTable::fingerprint(program_hashes_[thing.program.value], thing.id), made.word()});
    }
    StateStorage(state_).restore_ids(slots_);
    StateStorage(state_).restore_ids(ids.others);
}

}  // namespace upline
