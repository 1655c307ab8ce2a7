// SPDX-License-Identifier: Apache-2.0
// Folds a shard's entries into its read models as they come to the disk, in a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "consumers/shard.h"
#include "projectors/projection.h"

namespace upline {

// | call            | thread                         |
// |-----------------|--------------------------------|
// | open, finish    | the shard's                    |
// | advance         | any                            |
// | the callbacks   | called by the following thread |
class ModelFollower {
  public:
    // Called when entries are folded and now and then when none are, with how many entries are on disk; `last` is the
    // call before the end. An error ends the following.
    using Committed = std::function<Status(uint64_t size, bool last)>;

    // Called by the following thread with each entry, in order, once it is on disk: those after the shard's position
    // when this was opened.
    using Seen = std::function<void(const Entry&)>;

    // Takes up to `delta_bytes` for changes of rows that are not stored yet. Asks `failed` to stop as soon as it cannot
    // go on; finish() says why. The shard must outlive it.
    static Result<std::unique_ptr<ModelFollower>> open(Shard& shard, size_t delta_bytes, Committed committed, Seen seen,
                                                       std::stop_source failed);
    ~ModelFollower();
    ModelFollower(const ModelFollower&) = delete;
    ModelFollower& operator=(const ModelFollower&) = delete;

    // `size` entries are on disk now.
    void advance(uint64_t size);
    // Folds what is left, stores it, ends the thread.
    Status finish();

  private:
    using Clock = std::chrono::steady_clock;
    // Of each model: its rows, and the two readers of entries that they use.
    struct OpenModel {
        std::unique_ptr<EntrySource> walk;
        std::unique_ptr<EntrySource> point_reader;
        std::unique_ptr<Projection> projection;
    };

    ModelFollower(Shard& shard, size_t delta_bytes, Committed committed, Seen seen, std::stop_source failed);
    void run();
    Status follow();
    Status fold(uint64_t size, bool store);
    uint64_t target();

    const Shard& shard_;
    const std::unique_ptr<EntrySource> walk_;  // of the entries to fold
    const size_t delta_bytes_;
    const Committed committed_;
    const Seen seen_;
    Sequence next_seen_;
    std::stop_source failed_;
    std::vector<OpenModel> models_;
    Clock::time_point stored_at_;
    Clock::duration storing_took_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    uint64_t size_ = 0;
    bool finishing_ = false;
    Status status_ = ok_status();

    std::thread thread_;
};

}  // namespace upline
