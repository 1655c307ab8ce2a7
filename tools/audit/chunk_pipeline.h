// SPDX-License-Identifier: Apache-2.0
// Every entry passes four stages, each with threads of its own, in chunks. A fixed number of chunks is under way:
//
//   read       one thread: entries in order and, with the log, their records in order
//   prepare    several threads, each a chunk of its own: leaf hashes, decoded entries, hashed and decoded records
//   check      one thread, in order: form, place, clock, sums, amounts, balances, the tree
//   execute    the calling thread, in order: the facts or records again; it alone takes the findings out
//
// A stage writes its findings into the chunk. So the report and its order do not depend on the timing of threads.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "events/log/event_log.h"
#include "ledger/core/core.h"
#include "ledger/core/entry.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/store.h"
#include "tools/audit/findings.h"
#include "tools/audit/independent/tree.h"

namespace upline {

// Entries on their way through the stages. Each stage reads the fields that earlier stages wrote. It has more than
// fifteen fields because a later chunk uses their memory again.
struct Chunk {
    // read
    Sequence first = 0;
    bool last = false;  // nothing is read after it
    std::vector<std::byte> bytes;
    std::vector<size_t> ends;
    std::optional<Error> unreadable;  // the entry after them, which was to be one of them
    std::vector<RecordBatch> batches;
    size_t batch_count = 0;
    std::vector<LogLocation> log_places;     // of the records
    std::optional<Error> record_unreadable;  // the one after them; none: there the log ends

    // prepare
    std::vector<Hash> leaves;
    std::vector<Hash> tile_roots;      // of each whole tile of them
    std::unique_ptr<Entry[]> entries;  // no vector, because an entry is never moved
    size_t entries_room = 0;
    size_t decoded = 0;                // of them
    std::optional<Error> undecodable;  // the one after them
    std::vector<Input> inputs;         // records, or facts that do not have the ids of what they name yet
    std::vector<LogLocation> places;   // as stored

    // check
    std::optional<Error> error;
    std::optional<std::string> books_wrong;  // where the stored state is as of `first`
    Findings findings;
    std::optional<size_t> names_nobody;    // the first entry that names what no earlier one made
    std::optional<AuditTile> open_leaves;  // of the tile that the chunk ends in the middle of

    std::span<const std::byte> entry(size_t i) const {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        return std::span(bytes).subspan(begin, ends[i] - begin);
    }
    // Whether the 256 entries from the i-th on are all those of a tile.
    bool is_whole_tile(size_t i) const {
        return (first + i) % kAuditTileWidth == 0 && i + kAuditTileWidth <= leaves.size();
    }
};

// Threads that are joined however the work ends; `stop` makes them return.
class JoiningThreads {
  public:
    explicit JoiningThreads(std::function<void()> stop) : stop_(std::move(stop)) {}
    JoiningThreads(const JoiningThreads&) = delete;
    JoiningThreads& operator=(const JoiningThreads&) = delete;
    ~JoiningThreads() {
        stop_();
        join();
    }
    // `failed` is called with what `work` throws (std::bad_alloc, for example).
    void start(std::function<void()> work, std::function<void(const Error&)> failed);
    void join();

  private:
    std::function<void()> stop_;
    std::vector<std::thread> threads_;
};

// Chunk n lies in slot n modulo their number, from when it is read until it is executed. stopped() may be called by any
// thread.
class ChunkPipeline {
  public:
    struct Stages {
        std::function<void(Chunk&)> read;             // sets Chunk::last
        std::function<void(Chunk&)> prepare;          // called by several threads
        std::function<void(Chunk&)> check;            // not called after a chunk with an error or a wrong entry
        std::function<Result<bool>(Chunk&)> execute;  // false: no further chunk
    };

    ChunkPipeline();

    // Returns when no stage runs any more. An error is one of a stage.
    Status run(const Stages& stages);
    // Whether no chunk is wanted any more: what may wait long in `read` asks it.
    bool stopped();

  private:
    enum class Stage { kEmpty, kRead, kPrepared, kChecked };
    struct Slot {
        Chunk chunk;
        Stage stage = Stage::kEmpty;
        uint64_t number = 0;
    };
    // Waits until chunk `number` has passed `stage`, or for an empty slot to read it into; nullptr once stopped.
    Chunk* take(uint64_t number, Stage stage);
    // The next chunk that nobody prepares, and its number.
    std::pair<Chunk*, uint64_t> take_to_prepare();
    Chunk* wait(std::unique_lock<std::mutex>& lock, uint64_t number, Stage stage);
    void give(uint64_t number, Stage stage);
    void stop(const std::optional<Error>& error);

    void read_all(const Stages& stages);
    void prepare_all(const Stages& stages);
    void check_all(const Stages& stages);
    Status execute_all(const Stages& stages);

    const unsigned preparers_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Slot> slots_;
    uint64_t next_to_prepare_ = 0;
    bool stopped_ = false;
    std::optional<Error> error_;
};

}  // namespace upline
