// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/chunk_pipeline.h"

#include <algorithm>
#include <exception>

namespace upline {

void JoiningThreads::start(std::function<void()> work, std::function<void(const Error&)> failed) {
    threads_.emplace_back([work = std::move(work), failed = std::move(failed)] {
        try {
            work();
        } catch (const std::exception& error) {
            failed({ErrorCode::kUnavailable, error.what()});
        }
    });
}

void JoiningThreads::join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

ChunkPipeline::ChunkPipeline()
    // More preparers than eight would wait for the stages that go in order.
    : preparers_(std::clamp(std::thread::hardware_concurrency(), 1U, 8U)), slots_(preparers_ + 4) {}

Status ChunkPipeline::run(const Stages& stages) {
    const auto failed = [this](const Error& error) { stop(error); };
    JoiningThreads threads([this] { stop(std::nullopt); });
    threads.start([&] { read_all(stages); }, failed);
    for (unsigned i = 0; i < preparers_; ++i) threads.start([&] { prepare_all(stages); }, failed);
    threads.start([&] { check_all(stages); }, failed);
    return execute_all(stages);
}

bool ChunkPipeline::stopped() {
    const std::lock_guard lock(mutex_);
    return stopped_;
}

void ChunkPipeline::stop(const std::optional<Error>& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    stopped_ = true;
    changed_.notify_all();
}

Chunk* ChunkPipeline::take(uint64_t number, Stage stage) {
    std::unique_lock lock(mutex_);
    return wait(lock, number, stage);
}

std::pair<Chunk*, uint64_t> ChunkPipeline::take_to_prepare() {
    std::unique_lock lock(mutex_);
    const uint64_t number = next_to_prepare_++;
    return {wait(lock, number, Stage::kRead), number};
}

Chunk* ChunkPipeline::wait(std::unique_lock<std::mutex>& lock, uint64_t number, Stage stage) {
    Slot& slot = slots_[number % slots_.size()];
    changed_.wait(
        lock, [&] { return stopped_ || (slot.stage == stage && (stage == Stage::kEmpty || slot.number == number)); });
    return stopped_ ? nullptr : &slot.chunk;
}

void ChunkPipeline::give(uint64_t number, Stage stage) {
    const std::lock_guard lock(mutex_);
    Slot& slot = slots_[number % slots_.size()];
    slot.stage = stage;
    slot.number = number;
    changed_.notify_all();
}

void ChunkPipeline::read_all(const Stages& stages) {
    for (uint64_t number = 0;; ++number) {
        Chunk* chunk = take(number, Stage::kEmpty);
        if (!chunk) return;
        stages.read(*chunk);
        const bool last = chunk->last;  // once given, it is another stage's
        give(number, Stage::kRead);
        if (last) return;
    }
}

void ChunkPipeline::prepare_all(const Stages& stages) {
    for (;;) {
        const auto [chunk, number] = take_to_prepare();
        if (!chunk) return;
        stages.prepare(*chunk);
        give(number, Stage::kPrepared);
    }
}

void ChunkPipeline::check_all(const Stages& stages) {
    for (uint64_t number = 0;; ++number) {
        Chunk* chunk = take(number, Stage::kPrepared);
        if (!chunk) return;
        stages.check(*chunk);
        const bool end = chunk->last || chunk->error || chunk->findings.first_wrong_entry();
        give(number, Stage::kChecked);
        if (end) return;
    }
}

Status ChunkPipeline::execute_all(const Stages& stages) {
    for (uint64_t number = 0;; ++number) {
        Chunk* chunk = take(number, Stage::kChecked);
        if (!chunk) {
            const std::lock_guard lock(mutex_);
            return error_ ? Status(*error_) : ok_status();
        }
        UPLINE_TRY_ASSIGN(const bool go_on, stages.execute(*chunk));
        if (!go_on) return ok_status();
        give(number, Stage::kEmpty);
    }
}

}  // namespace upline
