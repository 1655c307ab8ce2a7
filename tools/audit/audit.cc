// SPDX-License-Identifier: Apache-2.0
// The walk over all entries is a line of stages, each a thread of its own, with a fixed number of chunks of entries
// between them:
//
//   read       entries in order and, with the log, their records in order
//   prepare    by several threads, each a chunk of its own: leaf hashes, decoded entries, hashed and decoded records
//   check      in order: form, place, clock, sums, amounts, balances, the tree
//   execute    in order, by the calling thread: the facts or records again; it alone writes the report
//
// What a stage finds, it leaves in the chunk, so what is told and in which order hangs on no thread. Beside the walk
// each read model is folded anew; what comes of it counts only if the walk finds the entries it folded to be right.
#include "tools/audit/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "events/base/bytes.h"
#include "ledger/core/closing.h"
#include "ledger/core/core.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/packed_table.h"
#include "ledger/store/rows.h"
#include "ledger/store/state_store.h"
#include "projectors/compare.h"
#include "projectors/memory_table.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"
#include "tools/audit/own_tree.h"
#include "tools/audit/recomputation.h"
#include "tools/audit/stray_keys.h"
#include "tools/transparency/checkpoints.h"

namespace upline {
namespace {

__extension__ using Int128 = __int128;

constexpr size_t kChunk = 4096;                 // entries
constexpr size_t kChunkBytes = 8 << 20;         // about, of records, or of entries where there is no log
constexpr size_t kModelStep = size_t{1} << 16;  // entries that a read model folds between two looks at whether to go on
// Memory for rows of read models that are being summed, as in the first run: the more, the fewer times a row is made.
constexpr size_t kDeltaBudgetBytes = size_t{1} << 30;
constexpr unsigned kMostPreparers = 8;  // more would wait for the stages that go in order
constexpr size_t kMostFindings = 10;

// std::ranges::equal compares std::byte one by one.
bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// Entries on their way through the stages. Each stage reads what those before it have written.
struct Chunk {
    // read
    Sequence first = 0;
    bool last = false;  // nothing is read after it
    std::vector<std::byte> bytes;
    std::vector<size_t> ends;
    std::optional<Error> unreadable;  // the entry after them, which was to be one of them
    std::vector<RecordBatch> batches;
    size_t batch_count = 0;
    std::vector<RecordPlace> log_places;     // of the records
    std::optional<Error> record_unreadable;  // the one after them; none: there the log ends

    // prepare
    std::vector<Hash> leaves;
    std::vector<Hash> tile_roots;      // of each whole tile of them
    std::unique_ptr<Entry[]> entries;  // no vector, for an entry is never moved
    size_t entries_room = 0;
    size_t decoded = 0;                // of them
    std::optional<Error> undecodable;  // the one after them
    std::vector<Input> inputs;         // records, or facts that are still to be given the ids of what they name
    std::vector<RecordPlace> places;   // as stored

    // check
    std::optional<Error> error;
    std::optional<std::string> books_wrong;  // where the stored state is as of `first`
    std::vector<Finding> findings;
    std::optional<size_t> names_nobody;       // the first entry that names what no earlier one made
    std::optional<merkle::Tile> open_leaves;  // of the tile that the chunk ends in the middle of

    std::span<const std::byte> entry(size_t i) const {
        const size_t begin = i == 0 ? 0 : ends[i - 1];
        return std::span(bytes).subspan(begin, ends[i] - begin);
    }
    bool has_wrong_entry() const {
        return std::ranges::any_of(findings, [](const Finding& finding) { return finding.entry.has_value(); });
    }
    void find(std::optional<Sequence> at, std::string what) { findings.push_back({at, std::move(what)}); }
};

// Threads that are joined however the work ends; `stop` makes them return.
class Crew {
  public:
    explicit Crew(std::function<void()> stop) : stop_(std::move(stop)) {}
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() {
        stop_();
        join();
    }
    void start(std::function<void()> work, std::function<void(const Error&)> failed) {
        threads_.emplace_back([work = std::move(work), failed = std::move(failed)] {
            try {
                work();
            } catch (const std::exception& error) {  // the standard library's: memory that is not to be had
                failed({ErrorCode::kUnavailable, error.what()});
            }
        });
    }
    void join() {
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

  private:
    std::function<void()> stop_;
    std::vector<std::thread> threads_;
};

// The chunks between the stages: chunk n lies in slot n modulo their number, from when it is read until it is executed.
class Line {
  public:
    enum class Stage { kEmpty, kRead, kPrepared, kChecked };

    explicit Line(size_t slots) : slots_(slots) {}

    // Waits until chunk `number` has passed `stage`, or for an empty one to read it into; nullptr once stopped.
    Chunk* take(uint64_t number, Stage stage) {
        std::unique_lock lock(mutex_);
        return wait(lock, number, stage);
    }
    void give(uint64_t number, Stage stage) {
        const std::lock_guard lock(mutex_);
        Slot& slot = slots_[number % slots_.size()];
        slot.stage = stage;
        slot.number = number;
        changed_.notify_all();
    }
    // The next chunk that nobody prepares, and its number.
    std::pair<Chunk*, uint64_t> take_to_prepare() {
        std::unique_lock lock(mutex_);
        const uint64_t number = next_to_prepare_++;
        return {wait(lock, number, Stage::kRead), number};
    }
    void stop() {
        const std::lock_guard lock(mutex_);
        stopped_ = true;
        changed_.notify_all();
    }
    void fail(const Error& error) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = error;
        stopped_ = true;
        changed_.notify_all();
    }
    bool stopped() {
        const std::lock_guard lock(mutex_);
        return stopped_;
    }
    Status status() {
        const std::lock_guard lock(mutex_);
        return error_ ? Status(*error_) : ok_status();
    }

  private:
    struct Slot {
        Chunk chunk;
        Stage stage = Stage::kEmpty;
        uint64_t number = 0;
    };
    Chunk* wait(std::unique_lock<std::mutex>& lock, uint64_t number, Stage stage) {
        Slot& slot = slots_[number % slots_.size()];
        changed_.wait(lock, [&] {
            return stopped_ || (slot.stage == stage && (stage == Stage::kEmpty || slot.number == number));
        });
        return stopped_ ? nullptr : &slot.chunk;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Slot> slots_;
    uint64_t next_to_prepare_ = 0;
    bool stopped_ = false;
    std::optional<Error> error_;
};

// A stored read model, and what came of folding the same anew.
struct ModelAudit {
    std::unique_ptr<Model> (*make)();
    std::string name;
    Result<std::unique_ptr<Table>> stored;
    std::optional<Result<ModelPosition>> position;  // if there is a table
    std::unique_ptr<EntrySource> walk;
    std::unique_ptr<EntrySource> named;
    // None if it was not folded to its position, for it stands for more than `right` entries.
    std::optional<Result<std::optional<Difference>>> difference;
};

// Folds read models that stand at one position together, by a thread of their own: each entry is read and decoded once.
void fold_models(std::span<ModelAudit* const> models, EntrySource& walk, const std::atomic<uint64_t>& right) {
    std::vector<std::unique_ptr<Projection>> again;
    std::vector<Projection*> together;
    Status status = ok_status();
    for (const ModelAudit* model : models) {
        auto table = std::make_unique<PackedTable>(std::make_unique<MemoryTable>(), page_bits(model->name));
        auto opened = Projection::open(std::move(table), model->make(), *model->walk, *model->named, kDeltaBudgetBytes);
        if (!opened.ok()) {
            status = opened.error();
            break;
        }
        again.push_back(std::move(*opened));
        together.push_back(again.back().get());
    }
    const uint64_t size = (*models.front()->position)->size;
    for (uint64_t folded = 0; status.ok() && folded < size;) {
        if (size > right) return;
        folded = std::min<uint64_t>(size, folded + kModelStep);
        status = fold_together(together, walk, folded, kDeltaBudgetBytes);
    }
    for (size_t i = 0; status.ok() && i < models.size(); ++i) status = together[i]->flush();
    if (!status.ok() && models.size() > 1) {  // each by itself, for it may be the fault of one
        for (ModelAudit* const& model : models) fold_models(std::span(&model, 1), walk, right);
        return;
    }
    for (size_t i = 0; i < models.size(); ++i)
        models[i]->difference = status.ok()
                                    ? compare_tables(**models[i]->stored, together[i]->table(), together[i]->model())
                                    : Result<std::optional<Difference>>(status.error());
}

class Audit {
  public:
    Audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints checkpoints)
        : held_(std::move(checkpoints)),
          shard_(shard),
          store_(*shard.store),
          log_(log),
          progress_(progress),
          walk_(store_.entries()),
          named_(store_.look_up()),
          earlier_(*named_),
          recomputation_(earlier_),
          stored_tiles_(store_),
          entries_(store_.look_up()),
          matured_(store_.entries()) {}

    Result<AuditReport> report() {
        UPLINE_TRY(check_all());
        std::stable_sort(report_.findings.begin(), report_.findings.end(), [](const Finding& a, const Finding& b) {
            return a.entry.value_or(UINT64_MAX) < b.entry.value_or(UINT64_MAX);
        });
        if (!log_) {
            report_.not_checked.emplace_back(
                "without --log: that record hashes, offsets and append times are those of the log's records; that "
                "malformed, from_future and other refused events had to be refused");
            if (!report_.extends_old)
                report_.not_checked.emplace_back(
                    "a ledger rewritten as a whole and signed anew is caught only with --log, or with --since against "
                    "a "
                    "checkpoint kept somewhere else");
        }
        for (std::string& text : report_.not_checked) text = printable(std::move(text));
        return std::move(report_);
    }

  private:
    // What is said of a ledger that somebody changed may hold bytes of theirs: none of them reaches a terminal or JSON.
    void find(std::optional<Sequence> entry, std::string what) {
        if (!entry && report_.findings.size() >= kMostFindings) return;
        report_.findings.push_back({entry, printable(std::move(what))});
    }

    std::optional<Sequence> first_wrong_entry() const {
        std::optional<Sequence> first;
        for (const Finding& finding : report_.findings)
            if (finding.entry && (!first || *finding.entry < *first)) first = finding.entry;
        return first;
    }

    Status check_all() {
        report_.partition = shard_.partition;
        const Result<std::optional<Head>> bulk = read_bulk_head(store_);
        if (!bulk.ok()) return finding_or_error(std::nullopt, bulk.error());
        if (*bulk)
            held_.checkpoints.push_back({.name = "the head of the last ingest",
                                         .checkpoint = {.size = (*bulk)->position.size, .root = (*bulk)->position.root},
                                         .is_own = true});
        std::ranges::sort(held_.checkpoints, {}, [](const HeldCheckpoint& held) { return held.checkpoint.size; });
        for (Finding& finding : held_.findings) find(finding.entry, std::move(finding.what));
        Result<Position> position = store_.position();
        if (!position.ok()) return finding_or_error(std::nullopt, position.error());
        position_ = *position;
        report_.size = position_.size;
        const Result<std::optional<ShardInfo>> stored_info = store_.info();
        if (!stored_info.ok()) return finding_or_error(std::nullopt, stored_info.error());
        const std::optional<ShardInfo>& info = *stored_info;
        if (!info) {
            find(std::nullopt, "the shard's identity (partition and partition count) is missing");
            return ok_status();
        }
        identity_ = info->identity;
        if (identity_.partition_count == 0) {
            find(std::nullopt, "the shard's identity says that its log has no partition");
            return ok_status();
        }
        if (identity_.partition != shard_.partition)
            find(std::nullopt, fmt::format("the ledger in the folder of partition {} says it is of partition {}",
                                           shard_.partition, identity_.partition));
        std::vector<ModelAudit> models = read_models();
        std::optional<Result<std::optional<std::string>>> wrong_places;
        std::map<uint64_t, std::vector<ModelAudit*>> by_position;
        for (ModelAudit& model : models)
            if (model.position && model.position->ok() && (*model.position)->size <= position_.size)
                by_position[(*model.position)->size].push_back(&model);
        std::vector<std::unique_ptr<EntrySource>> walks;
        Crew folders([&] { right_ = 0; });
        for (const auto& group : by_position) {
            const std::vector<ModelAudit*>& together = group.second;
            EntrySource& walk = *walks.emplace_back(store_.entries());
            folders.start([&] { fold_models(together, walk, right_); },
                          [&](const Error& error) {
                              for (ModelAudit* model : together) model->difference = error;
                          });
        }
        folders.start([&] { wrong_places = check_places(store_, position_.size); },
                      [&](const Error& error) { wrong_places = error; });
        stored_state_ = load_state(store_);
        if (!stored_state_->ok()) UPLINE_TRY(finding_or_error(std::nullopt, stored_state_->error()));
        if (log_) {
            if (log_->partition_count() != identity_.partition_count) {
                find(std::nullopt, fmt::format("the ledger is of {} partitions, the log has {}",
                                               identity_.partition_count, log_->partition_count()));
                log_ = nullptr;
            } else if (!info->log_identity.empty() && !log_->identity().empty() &&
                       info->log_identity != log_->identity()) {
                find(std::nullopt, fmt::format("the ledger was made from log {}, this is log {}", info->log_identity,
                                               log_->identity()));
            }
        }
        if (log_) {
            Result<std::unique_ptr<LogReader>> reader = log_->open_reader(shard_.partition);
            if (!reader.ok()) return reader.error();
            reader_ = std::move(*reader);
        }
        core_.emplace(state_, identity_, *entries_, *matured_);
        UPLINE_TRY(walk());
        if (walked_to_end_) {
            check_head();
            if (*bulk && (*bulk)->position.size < position_.size) UPLINE_TRY(check_earlier_head((*bulk)->position));
            check_checkpoints();
            UPLINE_TRY(check_kept_closings());
            std::vector<Finding> findings;
            UPLINE_TRY(check_tiles(tree_.partial_tiles(), findings));  // the walk has left those out
            for (Finding& finding : findings) find(finding.entry, std::move(finding.what));
            UPLINE_TRY(find_if_any(stored_tiles_.find_strange_key()));
            UPLINE_TRY(find_if_any(find_strange_key(store_, position_.size)));
            for (const std::string& name : unknown_families(store_))
                report_.not_checked.push_back(
                    fmt::format("column family {}: this program knows none of that name", name));
            UPLINE_TRY(look_behind_the_end());
        }
        right_ = next_;
        folders.join();
        if (walked_to_end_) UPLINE_TRY(find_if_any(*wrong_places));
        return report_read_models(models);
    }

    // A ledger that has not come to the log's end is none the worse, but neither is it known to be all there is.
    Status look_behind_the_end() {
        if (!reader_ || first_wrong_entry()) return ok_status();
        UPLINE_TRY_ASSIGN(const bool at_end, reader_->at_end());
        if (!at_end)
            report_.not_checked.push_back(fmt::format(
                "the records of the log that follow the {} entries: they are not in the ledger; `upline run` "
                "applies them",
                position_.size));
        return ok_status();
    }

    // A thing of the ledger that cannot be read is a finding; a machine that does not work is not.
    Status finding_or_error(std::optional<Sequence> entry, const Error& error) {
        if (error.code == ErrorCode::kUnavailable) return error;
        find(entry, error.message);
        return ok_status();
    }
    static Status finding_or_error(std::optional<Sequence> entry, const Error& error, std::vector<Finding>& findings) {
        if (error.code == ErrorCode::kUnavailable) return error;
        findings.push_back({entry, error.message});
        return ok_status();
    }

    Status find_if_any(const Result<std::optional<std::string>>& wrong) {
        if (!wrong.ok()) return finding_or_error(std::nullopt, wrong.error());
        if (*wrong) find(std::nullopt, **wrong);
        return ok_status();
    }

    // Every entry once, in chunks.
    Status walk() {
        walked_to_end_ = position_.size == 0;
        if (!walked_to_end_) {
            const unsigned preparers = std::clamp(std::thread::hardware_concurrency(), 1U, kMostPreparers);
            Line line(preparers + 4);
            const auto failed = [&](const Error& error) { line.fail(error); };
            Crew crew([&] { line.stop(); });
            crew.start([&] { read_all(line); }, failed);
            for (unsigned i = 0; i < preparers; ++i) crew.start([&] { prepare_all(line); }, failed);
            crew.start([&] { check_all_chunks(line); }, failed);
            UPLINE_TRY(execute_all(line));
        }
        if (walked_to_end_ && next_ == state_position()) check_state(books_.compare(***stored_state_));
        return ok_status();
    }

    uint64_t state_position() const { return stored_state_->ok() ? (**stored_state_)->size() : UINT64_MAX; }

    void read_all(Line& line) {
        Sequence next = 0;
        for (uint64_t number = 0;; ++number) {
            Chunk* chunk = line.take(number, Line::Stage::kEmpty);
            if (!chunk) return;
            read_chunk(line, next, *chunk);
            next += chunk->ends.size();
            const bool last = chunk->last = next == position_.size || chunk->unreadable;
            line.give(number, Line::Stage::kRead);
            if (last) return;
        }
    }

    // Chunks begin with a tile, but for one that begins where the stored state stands or the one before it was cut
    // short for its bytes.
    void read_chunk(Line& line, Sequence first, Chunk& chunk) {
        chunk.first = first;
        chunk.bytes.clear();
        chunk.ends.clear();
        chunk.unreadable.reset();
        const uint64_t until = first < state_position() ? std::min(position_.size, state_position()) : position_.size;
        uint64_t count = std::min(kChunk - first % kChunk, until - first);
        if (reader_) count = read_records(line, count, chunk);
        while (chunk.ends.size() < count && (reader_ || chunk.bytes.size() < kChunkBytes)) {
            const Result<std::span<const std::byte>> bytes = walk_->entry(first + chunk.ends.size());
            if (!bytes.ok()) {
                chunk.unreadable = bytes.error();
                return;
            }
            chunk.bytes.insert(chunk.bytes.end(), bytes->begin(), bytes->end());
            chunk.ends.push_back(chunk.bytes.size());
        }
    }

    // As many records as the chunk shall have entries, or fewer where the log ends. Returns how many entries it shall
    // have: fewer if the records are large.
    uint64_t read_records(Line& line, uint64_t count, Chunk& chunk) {
        chunk.batch_count = 0;
        chunk.log_places.clear();
        chunk.record_unreadable.reset();
        size_t bytes = 0;
        while (chunk.log_places.size() < count && !line.stopped()) {
            if (bytes >= kChunkBytes) return chunk.log_places.size();
            if (chunk.batch_count == chunk.batches.size()) chunk.batches.emplace_back();
            RecordBatch& batch = chunk.batches[chunk.batch_count];
            const Status read = reader_->read(count - chunk.log_places.size(), kChunkBytes - bytes, 100, batch);
            if (!read.ok()) {
                chunk.record_unreadable = read.error();
                return count;
            }
            if (batch.empty()) {
                const Result<bool> at_end = reader_->at_end();
                if (!at_end.ok()) chunk.record_unreadable = at_end.error();
                if (!at_end.ok() || *at_end) return count;
                continue;
            }
            for (const Record& record : batch.records())
                chunk.log_places.push_back({record.offset, record.append_time_ms});
            bytes += batch.value_bytes();
            ++chunk.batch_count;
        }
        return count;
    }

    void prepare_all(Line& line) {
        for (;;) {
            const auto [chunk, number] = line.take_to_prepare();
            if (!chunk) return;
            prepare(*chunk);
            line.give(number, Line::Stage::kPrepared);
        }
    }

    void prepare(Chunk& chunk) {
        const size_t count = chunk.ends.size();
        chunk.tile_roots.clear();
        chunk.inputs.clear();
        chunk.undecodable.reset();
        std::vector<std::span<const std::byte>> entries;
        entries.reserve(count);
        for (size_t i = 0; i < count; ++i) entries.push_back(chunk.entry(i));
        chunk.leaves.resize(count);
        merkle::leaf_hashes(entries, chunk.leaves);
        for (size_t i = 0; i < count; ++i)
            if (is_whole_tile(chunk, i))
                chunk.tile_roots.push_back(tree_hash(std::span(chunk.leaves).subspan(i, merkle::kTileWidth)));
        if (chunk.entries_room < count) {
            chunk.entries = std::make_unique<Entry[]>(count);
            chunk.entries_room = count;
        }
        for (chunk.decoded = 0; chunk.decoded < count; ++chunk.decoded) {
            const Status decoded = decode_entry(chunk.entry(chunk.decoded), chunk.entries[chunk.decoded]);
            if (decoded.ok()) continue;
            chunk.undecodable = decoded.error();
            break;
        }
        if (!reader_) {
            for (size_t i = 0; i < chunk.decoded; ++i) chunk.inputs.push_back(facts_again(chunk.entries[i]));
            return;
        }
        const Rules& rules = *rules_;
        for (size_t batch = 0; batch < chunk.batch_count; ++batch)
            read_inputs(chunk.batches[batch].records(), rules, chunk.inputs);
        chunk.places = read_places(store_, chunk.first, count);
    }

    // Whether the 256 entries from the i-th on are all those of a tile.
    static bool is_whole_tile(const Chunk& chunk, size_t i) {
        return (chunk.first + i) % merkle::kTileWidth == 0 && i + merkle::kTileWidth <= chunk.leaves.size();
    }

    // An event as an accepted entry tells it.
    static Input facts_again(const Entry& entry) {
        Input input;
        if (!entry.accepted()) return input;
        input.rules_version = entry.rules_version;
        input.record_sha256 = entry.record_sha256;
        input.append_time_ms = entry.occurred_at_us / 1000 + 1;
        input.record.event.id = entry.id;
        input.record.event.type = entry.type;
        input.record.event.program = entry.program;
        input.record.event.occurred_at_us = entry.occurred_at_us;
        input.record.event.payload = entry.payload;
        return input;
    }

    void check_all_chunks(Line& line) {
        for (uint64_t number = 0;; ++number) {
            Chunk* chunk = line.take(number, Line::Stage::kPrepared);
            if (!chunk) return;
            chunk->error.reset();
            const Status checked = check_chunk(*chunk);
            if (!checked.ok()) chunk->error = checked.error();
            const bool end = chunk->last || chunk->error || chunk->has_wrong_entry();
            line.give(number, Line::Stage::kChecked);
            if (end) return;
        }
    }

    Status check_chunk(Chunk& chunk) {
        chunk.books_wrong.reset();
        chunk.findings.clear();
        chunk.names_nobody.reset();
        chunk.open_leaves.reset();
        if (chunk.first == state_position()) chunk.books_wrong = books_.compare(***stored_state_);
        constexpr size_t kAhead = 64;
        const std::span<const Entry> entries(chunk.entries.get(), chunk.decoded);
        // After a wrong entry only the others' places in the tree can still be judged.
        for (size_t i = 0; i < chunk.decoded && !chunk.has_wrong_entry(); ++i) {
            if (i % kAhead == 0) {
                const auto some = entries.subspan(i, std::min(kAhead, entries.size() - i));
                recomputation_.fetch_ahead(some);
                books_.fetch_ahead(some);
            }
            UPLINE_TRY(check_entry(chunk, i));
        }
        if (chunk.undecodable && !chunk.has_wrong_entry())
            chunk.find(chunk.first + chunk.decoded, chunk.undecodable->message);
        if (chunk.unreadable)
            UPLINE_TRY(finding_or_error(chunk.first + chunk.ends.size(), *chunk.unreadable, chunk.findings));
        size_t tile = 0;
        for (size_t i = 0; i < chunk.leaves.size();) {
            note_roots();
            const bool whole = is_whole_tile(chunk, i);
            if (whole && !is_held_within(tree_.size() + merkle::kTileWidth)) {
                tree_.append_tile(std::span(chunk.leaves).subspan(i, merkle::kTileWidth), chunk.tile_roots[tile++]);
                i += merkle::kTileWidth;
            } else {
                if (whole) ++tile;  // its root is worked out again, for a checkpoint ends within it
                tree_.append(chunk.leaves[i++]);
            }
        }
        note_roots();
        if (tree_.size() % merkle::kTileWidth != 0) chunk.open_leaves = tree_.partial_tiles().front();
        return check_tiles(tree_.take_full_tiles(), chunk.findings);
    }

    Status check_entry(Chunk& chunk, size_t i) {
        const Sequence sequence = chunk.first + i;
        const Entry& entry = chunk.entries[i];
        if (!find_rules(rules_versions(), rules_version_)) return unknown_rules(rules_version_, rules_versions());
        if (entry.sequence != sequence) {
            chunk.find(sequence, fmt::format("entry {} stands in its place", entry.sequence));
            return ok_status();
        }
        if (entry.rules_version != rules_version_) {
            chunk.find(sequence, fmt::format("rules version {}, in force is {}", entry.rules_version, rules_version_));
            return ok_status();
        }
        const int64_t clock = entry.accepted() ? std::max(clock_us_, entry.occurred_at_us) : clock_us_;
        if (entry.clock_us != clock) {
            chunk.find(sequence, fmt::format("clock is {}, the entries before it give {}", entry.clock_us, clock));
            return ok_status();
        }
        clock_us_ = clock;
        last_record_sha256_ = entry.record_sha256;
        if (!entry.accepted()) return ok_status();
        Int128 sum = 0;
        for (const Posting& posting : entry.posted()) sum += posting.amount;
        if (sum != 0) chunk.find(sequence, fmt::format("its postings sum to {} and not to zero", sum));
        UPLINE_TRY_ASSIGN(const std::optional<std::string> wrong, recomputation_.check(entry));
        if (wrong) chunk.find(sequence, *wrong);
        if (!reader_ && !chunk.names_nobody) {
            UPLINE_TRY_ASSIGN(const bool known, give_ids(entry, chunk.inputs[i].record.event.payload));
            if (!known) chunk.names_nobody = i;
        }
        recomputation_.learn(entry);
        books_.post(entry);
        if (std::holds_alternative<BooksClosed>(entry.payload))
            if (const auto wrong_closing = books_.check_closing(entry, recomputation_))
                chunk.find(sequence, *wrong_closing);
        if (const auto* activated = std::get_if<RulesActivated>(&entry.payload)) rules_version_ = activated->version;
        return ok_status();
    }

    // Gives facts the ids of what the entry names; whether earlier entries made it all.
    Result<bool> give_ids(const Entry& entry, Payload& payload) {
        size_t next = 0;
        bool known = true;
        std::optional<Error> unreadable;
        for_each_ref(payload, [&]<class Ref>(Ref& ref) {
            const Sequence sequence = entry.refs[next++];
            if (sequence == kNoSequence) return;
            const Uuid* id = nullptr;
            if constexpr (std::is_same_v<Ref, UserRef>) {
                const auto* user = recomputation_.user(sequence);
                id = user ? &user->id : nullptr;
            }
            if constexpr (std::is_same_v<Ref, WebsiteRef>) {
                const auto* website = recomputation_.website(sequence);
                id = website ? &website->id : nullptr;
            }
            if constexpr (std::is_same_v<Ref, PayoutRef>) {
                const auto* payout = recomputation_.payout(sequence);
                id = payout ? &payout->id : nullptr;
            }
            if constexpr (std::is_same_v<Ref, TransactionRef>) {
                const auto sale = earlier_.sale(sequence);
                if (!sale.ok() && sale.error().code == ErrorCode::kUnavailable) unreadable = sale.error();
                id = sale.ok() ? &(*sale)->id : nullptr;
            }
            known = known && id != nullptr && sequence < entry.sequence;
            if (id) ref.id = *id;
        });
        if (unreadable) return *unreadable;
        return known;
    }

    // Our tiles against the stored ones.
    Status check_tiles(const std::vector<merkle::Tile>& tiles, std::vector<Finding>& findings) {
        for (const merkle::Tile& tile : tiles) {
            Result<std::optional<merkle::Tile>> stored = stored_tiles_.tile(tile.level, tile.index);
            if (!stored.ok())
                UPLINE_TRY(finding_or_error(std::nullopt, stored.error(), findings));
            else if (!*stored)
                findings.push_back({std::nullopt, fmt::format("tile {}/{} is missing", tile.level, tile.index)});
            else if (std::optional<Finding> wrong = compare_tile(tile, **stored))
                findings.push_back(std::move(*wrong));
        }
        return ok_status();
    }

    // Where the walk ends early, the leaves of the tile it is in the middle of: an entry whose hash is another may lie
    // before the one that was found to be wrong.
    Status check_last_leaves(merkle::Tile leaves) {
        Result<std::optional<merkle::Tile>> stored = read_tile(store_, 0, leaves.index);
        if (!stored.ok()) return finding_or_error(std::nullopt, stored.error());
        if (!*stored) return ok_status();
        const size_t both = std::min(leaves.hashes.size(), (*stored)->hashes.size());
        leaves.hashes.resize(both);
        (*stored)->hashes.resize(both);
        if (std::optional<Finding> wrong = compare_tile(leaves, **stored)) find(wrong->entry, std::move(wrong->what));
        return ok_status();
    }

    std::optional<Finding> compare_tile(const merkle::Tile& right, const merkle::Tile& stored) const {
        const auto [differs, other] = std::ranges::mismatch(right.hashes, stored.hashes);
        const auto at = static_cast<size_t>(differs - right.hashes.begin());
        const std::optional<Sequence> entry =
            right.level == 0 ? std::optional(right.index * merkle::kTileWidth + at) : std::nullopt;
        if (differs != right.hashes.end() && other != stored.hashes.end())
            return Finding{
                entry, entry ? fmt::format("its hash is {}, the tree holds {}", to_hex(*differs), to_hex(*other))
                             : fmt::format("tile {}/{}: hash {} is {}, the entries give {}", right.level, right.index,
                                           at, to_hex(*other), to_hex(*differs))};
        if (right.hashes.size() == stored.hashes.size()) return std::nullopt;
        return Finding{entry, fmt::format("tile {}/{} holds {} hashes, a tree of {} entries has {} there", right.level,
                                          right.index, stored.hashes.size(), position_.size, right.hashes.size())};
    }

    Status execute_all(Line& line) {
        for (uint64_t number = 0; !walked_to_end_; ++number) {
            Chunk* chunk = line.take(number, Line::Stage::kChecked);
            if (!chunk) return line.status();
            if (progress_) progress_(next_, position_.size);
            UPLINE_TRY(finish_chunk(*chunk));
            if (const auto wrong = first_wrong_entry()) {
                report_.not_checked.push_back(
                    fmt::format("what follows the first wrong entry: the entries after {}, and balances", *wrong));
                return ok_status();
            }
            next_ += chunk->ends.size();
            walked_to_end_ = chunk->last;
            line.give(number, Line::Stage::kEmpty);
        }
        return ok_status();
    }

    Status finish_chunk(Chunk& chunk) {
        if (chunk.error) return *chunk.error;
        if (next_ == state_position()) check_state(chunk.books_wrong);
        for (Finding& finding : chunk.findings) find(finding.entry, std::move(finding.what));
        // Those before a wrong entry are executed, for one of them may be the first that is wrong. After it the state
        // is no longer that of the log: what follows would be noise.
        size_t count = chunk.ends.size();
        if (const auto wrong = first_wrong_entry()) count = std::min<size_t>(count, *wrong - std::min(*wrong, next_));
        for (size_t first = 0; first < count;) {
            UPLINE_TRY_ASSIGN(const size_t done,
                              reader_ ? execute_records(chunk, first, count) : execute_facts(chunk, first, count));
            if (done == 0) break;
            UPLINE_TRY(core_->mature(4 * done));
            first += done;
        }
        if (core_->rules()) rules_ = core_->rules();
        if (first_wrong_entry() && chunk.open_leaves) return check_last_leaves(std::move(*chunk.open_leaves));
        return ok_status();
    }

    // The log's records, executed again: every entry must come out to the byte, and lie where it says it does. Returns
    // how many entries from `first` on are right; 0 if that one is wrong.
    Result<size_t> execute_records(Chunk& chunk, size_t first, size_t count) {
        const size_t placed = std::min({count, chunk.inputs.size(), chunk.places.size()});
        const auto in_place = [&](const RecordPlace& place, size_t i) {
            return place.offset == chunk.log_places[i].offset &&
                   place.append_time_ms == chunk.log_places[i].append_time_ms;
        };
        size_t end = first;
        while (end < placed && in_place(chunk.places[end], end)) ++end;
        if (end > first) return compare_execution(chunk, first, end - first);
        const Sequence sequence = next_ + first;
        if (first == chunk.inputs.size()) {
            if (chunk.record_unreadable) return *chunk.record_unreadable;
            find(sequence, "the log has no record for it: it ends before");
            return size_t{0};
        }
        const Result<RecordPlace> place = read_place(store_, sequence);
        if (!place.ok()) {
            UPLINE_TRY(finding_or_error(sequence, place.error()));
            return size_t{0};
        }
        if (in_place(*place, first)) return compare_execution(chunk, first, 1);
        find(sequence, fmt::format("stored as the record at offset {} of time {} ms, the log has offset {}, {} ms",
                                   place->offset, place->append_time_ms, chunk.log_places[first].offset,
                                   chunk.log_places[first].append_time_ms));
        return size_t{0};
    }

    // The facts of accepted entries, executed again. What was refused left no facts; it must have changed nothing, and
    // what is said of its id must be so. Returns as execute_records.
    Result<size_t> execute_facts(Chunk& chunk, size_t first, size_t count) {
        const Entry& entry = chunk.entries[first];
        if (!entry.accepted()) {
            if (const auto wrong = check_refusal(entry)) {
                find(entry.sequence, *wrong);
                return size_t{0};
            }
            UPLINE_TRY(state_.fold(entry));
            return size_t{1};
        }
        size_t end = first;
        while (end < count && chunk.entries[end].accepted() && end != chunk.names_nobody) ++end;
        if (end > first) return compare_execution(chunk, first, end - first);
        find(entry.sequence, "it names a user, website, sale or payout that no earlier entry made");
        return size_t{0};
    }

    Result<size_t> compare_execution(const Chunk& chunk, size_t first, size_t count) {
        const Status applied = core_->apply(std::span(chunk.inputs).subspan(first, count), executed_);
        fill_closings(executed_);
        for (size_t i = 0; i < executed_.size(); ++i) {
            const auto stored = chunk.entry(first + i);
            if (same_bytes(stored, executed_[i])) continue;
            describe_difference(next_ + first + i, stored, executed_[i]);
            return size_t{0};
        }
        if (!applied.ok()) {
            UPLINE_TRY(finding_or_error(next_ + first + executed_.size(), applied.error()));
            return size_t{0};
        }
        if (!core_->rules() && executed_.size() < count) return unknown_rules(state_.rules_version(), rules_versions());
        return executed_.size();
    }

    // Roots at the sizes that checkpoints are of, as the tree grows past them.
    void note_roots() {
        while (roots_.size() < held_.checkpoints.size() &&
               held_.checkpoints[roots_.size()].checkpoint.size <= tree_.size())
            roots_.push_back(tree_.root());
    }
    bool is_held_within(uint64_t size) const {
        return roots_.size() < held_.checkpoints.size() && held_.checkpoints[roots_.size()].checkpoint.size < size;
    }

    void check_checkpoints() {
        note_roots();  // of a ledger without entries
        for (size_t i = 0; i < held_.checkpoints.size(); ++i) {
            const auto& [name, checkpoint, is_old, is_own] = held_.checkpoints[i];
            if (i >= roots_.size()) {
                find(std::nullopt, fmt::format("{} is of {} entries, the ledger has {}: entries were taken away", name,
                                               checkpoint.size, position_.size));
            } else if (roots_[i] != checkpoint.root) {
                find(std::nullopt,
                     fmt::format("{} says that {} entries have root {}, they have {}: the past was changed", name,
                                 checkpoint.size, to_hex(checkpoint.root), to_hex(roots_[i])));
            } else if (!is_own) {
                ++report_.checkpoints;
                report_.extends_old = report_.extends_old || is_old;
            }
        }
        report_.signers = held_.signers;
        for (std::string& text : held_.not_checked) report_.not_checked.push_back(std::move(text));
    }

    // The leaves kept of each program's last closing, for proofs. A writer keeps them just before their entry, so that
    // those of an entry to come may stand in their place, wholly or in part.
    Status check_kept_closings() {
        std::set<std::string, std::less<>> kept_of;
        const Status walked = for_each_kept_closing(store_, [&](const KeptLeaves& kept) {
            const bool known = kept.program < state_.programs().size();
            const std::string name =
                known ? std::string(state_.programs()[kept.program].name()) : fmt::format("number {}", kept.program);
            kept_of.insert(name);
            const auto last = books_.last_closings().find(name);
            if (kept.sequence >= position_.size)
                report_.not_checked.push_back(fmt::format(
                    "closing of program {}: leaves are kept of entry {}, which is still to come", name, kept.sequence));
            else if (!known || last == books_.last_closings().end() || last->second.sequence != kept.sequence)
                find(std::nullopt,
                     fmt::format("leaves are kept of entry {}, which is not the last closing of program {}",
                                 kept.sequence, name));
            else if (!kept.whole || closing_root(kept.leaves) != last->second.root)
                find(std::nullopt,
                     fmt::format("the leaves kept of the closing of entry {} do not give its root", kept.sequence));
        });
        if (!walked.ok()) return finding_or_error(std::nullopt, walked.error());
        for (const auto& [name, closing] : books_.last_closings())
            if (!kept_of.contains(name))
                find(std::nullopt, fmt::format("the leaves of the closing of entry {} are missing", closing.sequence));
        return ok_status();
    }

    void describe_difference(Sequence sequence, std::span<const std::byte> stored, std::span<const std::byte> right) {
        Entry a;
        Entry b;
        UPLINE_CHECK(decode_entry(stored, a).ok() && decode_entry(right, b).ok(), "entries that decode");
        const char* again = reader_ ? "executing the log's record again" : "executing its facts again";
        if (reader_ && a.record_sha256 != b.record_sha256)
            find(sequence, fmt::format("it says its record has SHA-256 {}, the log's has {}", to_hex(a.record_sha256),
                                       to_hex(b.record_sha256)));
        else if (a.outcome != b.outcome)
            find(sequence,
                 fmt::format("outcome is {}, {} gives {}", outcome_name(a.outcome), again, outcome_name(b.outcome)));
        else if (postings_text(a) != postings_text(b))
            find(sequence, fmt::format("its postings are {}; {} gives {}", postings_text(a), again, postings_text(b)));
        else
            find(sequence, fmt::format("its bytes are not those that {} gives", again));
    }

    std::optional<std::string> check_refusal(const Entry& entry) {
        if (!entry.readable()) return std::nullopt;
        const bool other_partition = entry.type != static_cast<uint8_t>(EventType::kRulesActivated) &&
                                     partition_of(entry.program, identity_.partition_count) != identity_.partition;
        if (other_partition != (entry.outcome == Outcome::kWrongPartition))
            return fmt::format("outcome is {}, but program {} {} to this partition", outcome_name(entry.outcome),
                               entry.program, other_partition ? "does not belong" : "belongs");
        if (other_partition) return std::nullopt;
        const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(entry.program), entry.id);
        Entry earlier;
        const Thing thing =
            state_.find(state_.find_program(entry.program), entry.id, fingerprint, [&](Sequence sequence) {
                return read_entry(*entries_, sequence, earlier).ok() && earlier.id == entry.id &&
                       earlier.program == entry.program;
            });
        const bool repeated = entry.outcome == Outcome::kDuplicate || entry.outcome == Outcome::kConflict;
        if (static_cast<bool>(thing) != repeated)
            return fmt::format("outcome is {}, but {} accepted event has its id", outcome_name(entry.outcome),
                               thing ? "an" : "no");
        return std::nullopt;
    }

    // The stored state, as of this entry: its balances against the sums of postings, the rest against the state that
    // executing again has made.
    void check_state(const std::optional<std::string>& books_wrong) {
        const State& stored = ***stored_state_;
        if (books_wrong) find(std::nullopt, *books_wrong);
        const Status matured = core_->mature();
        if (!matured.ok()) {
            find(std::nullopt, matured.error().message);
            return;
        }
        if (stored.clock_us() != state_.clock_us())
            find(std::nullopt,
                 fmt::format("stored state: clock is {}, the entries give {}", stored.clock_us(), state_.clock_us()));
        if (stored.rules_version() != state_.rules_version())
            find(std::nullopt, fmt::format("stored state: rules version {} is in force, the entries give {}",
                                           stored.rules_version(), state_.rules_version()));
        if (stored.holds().all() != state_.holds().all())
            find(std::nullopt, "stored state: the sales that are held are not those the entries and the clock give");
        compare_records("program", stored.programs(), state_.programs());
        compare_records("user", stored.users(), state_.users());
        compare_records("website", stored.websites(), state_.websites());
        compare_records("account", stored.accounts(), state_.accounts());
        compare_records("book", stored.books(), state_.books());
        compare_records("plan", stored.plans(), state_.plans());
        compare_records("payout", stored.payouts(), state_.payouts());
        compare_records("refunded sale", stored.refunded_sales(), state_.refunded_sales());
        uint64_t strange = 0;
        stored.ids().for_each([&](const IdTable::Slot& slot) {
            if (!state_.ids().find(slot.fingerprint, [&](Thing thing) { return thing.word() == slot.thing; }))
                ++strange;
        });
        if (strange != 0 || stored.ids().size() != state_.ids().size())
            find(std::nullopt, fmt::format("stored state: {} ids, {} of them wrong; the entries give {}",
                                           stored.ids().size(), strange, state_.ids().size()));
    }

    template <class Array>
    void compare_records(const char* what, const Array& stored, const Array& right) {
        if (stored.size() != right.size()) {
            find(std::nullopt,
                 fmt::format("stored state: {} {}s, the entries give {}", stored.size(), what, right.size()));
            return;
        }
        for (size_t i = 0; i < stored.size(); ++i) {
            const auto& is = stored[i];
            const auto& must = right[i];
            if (std::memcmp(&is, &must, sizeof is) == 0) continue;
            find(std::nullopt, fmt::format("stored state: {} {} is not what the entries give", what, i));
            return;
        }
    }

    void check_head() {
        report_.root = tree_.root();
        if (report_.root != position_.root)
            find(std::nullopt, fmt::format("the head says root {}, the entries give {}", to_hex(position_.root),
                                           to_hex(report_.root)));
        if (clock_us_ != position_.clock_us)
            find(std::nullopt,
                 fmt::format("the head says clock {}, the entries give {}", position_.clock_us, clock_us_));
        if (position_.last_record) {
            const Result<RecordPlace> place = read_place(store_, position_.size - 1);
            if (!place.ok())
                find(position_.size - 1, place.error().message);
            else if (place->offset != position_.last_record->offset ||
                     place->append_time_ms != position_.last_record->append_time_ms ||
                     last_record_sha256_ != position_.last_record->value_sha256)
                find(std::nullopt,
                     fmt::format("the head's place in the log is not that of entry {}'s record", position_.size - 1));
        }
        // The walk has come to the end of the last page: whatever follows it does not belong to the ledger.
        const auto behind = walk_->entry(position_.size);
        if (behind.ok())
            find(position_.size, "it is stored, but the head does not count it");
        else if (behind.error().code != ErrorCode::kNotFound)
            find(std::nullopt, behind.error().message);
    }

    // What the root is checked with, check_checkpoints says.
    Status check_earlier_head(const Position& head) {
        const std::unique_ptr<EntrySource> source = store_.look_up();
        const auto bytes = source->entry(head.size - 1);
        if (!bytes.ok()) return finding_or_error(head.size - 1, bytes.error());
        Entry last;
        const Status decoded = decode_entry(*bytes, last);
        const Result<RecordPlace> place = read_place(store_, head.size - 1);
        if (!decoded.ok() || !place.ok() || !head.last_record || last.clock_us != head.clock_us ||
            place->offset != head.last_record->offset || place->append_time_ms != head.last_record->append_time_ms ||
            last.record_sha256 != head.last_record->value_sha256)
            find(std::nullopt, fmt::format("the head of the last ingest is not that of entry {}", head.size - 1));
        return ok_status();
    }

    // The stored read models, none of them folded yet.
    std::vector<ModelAudit> read_models() {
        std::vector<ModelAudit> models;
        for (const auto make_model : kModels) {
            const std::unique_ptr<Model> model = make_model();
            Result<std::unique_ptr<Table>> stored = open_table(store_, model->name());
            std::optional<Result<ModelPosition>> position;
            if (stored.ok()) position = read_position(**stored, *model);
            models.push_back({make_model, std::string(model->name()), std::move(stored), std::move(position),
                              store_.entries(), store_.look_up(), std::nullopt});
        }
        return models;
    }

    // Each read model as folded anew in memory, up to where the stored one stands, and compared row by row.
    Status report_read_models(const std::vector<ModelAudit>& models) {
        for (const ModelAudit& model : models) {
            if (!model.stored.ok()) {
                if (model.stored.error().code != ErrorCode::kNotFound) return model.stored.error();
                report_.not_checked.push_back(fmt::format("read model {}: there is none yet", model.name));
                continue;
            }
            const Result<ModelPosition>& position = *model.position;
            if (!position.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, position.error()));
                continue;
            }
            if (position->size > next_) {
                if (walked_to_end_)
                    find(std::nullopt, fmt::format("read model {} stands for {} entries, there are {}", model.name,
                                                   position->size, position_.size));
                else
                    report_.not_checked.push_back(fmt::format("read model {}: it folds wrong entries", model.name));
                continue;
            }
            const auto& difference = *model.difference;
            if (!difference.ok())
                UPLINE_TRY(finding_or_error(
                    std::nullopt, {difference.error().code,
                                   difference.error().message.starts_with("read model")
                                       ? difference.error().message
                                       : fmt::format("read model {}: {}", model.name, difference.error().message)}));
            else if (*difference)
                find(std::nullopt, fmt::format("read model {}: {}", model.name, (*difference)->what));
            else if (position->size < position_.size)
                report_.not_checked.push_back(fmt::format("read model {}: it stands for {} of {} entries so far",
                                                          model.name, position->size, position_.size));
            else
                report_.read_models.push_back(model.name);
        }
        return ok_status();
    }

    HeldCheckpoints held_;     // by size
    std::vector<Hash> roots_;  // of the entries at those sizes, as far as they go
    ReadShard& shard_;
    Store& store_;
    EventLog* log_;
    const Progress& progress_;
    AuditReport report_;
    Position position_;
    ShardIdentity identity_;
    std::optional<Result<std::unique_ptr<State>>> stored_state_;

    // Each of the following is used by one stage alone while the walk goes on: by that which reads,
    std::unique_ptr<EntrySource> walk_;  // from the first page to the last, so that none lies beside the others
    std::unique_ptr<LogReader> reader_;  // none without the log

    // by that which checks,
    std::unique_ptr<EntrySource> named_;  // for what entries name
    EarlierEntries earlier_;
    OwnTree tree_;
    int64_t clock_us_ = 0;
    uint16_t rules_version_ = 1;
    Hash last_record_sha256_{};
    Recomputation recomputation_;
    StoredTiles stored_tiles_;
    OwnBooks books_;

    // and by that which executes.
    std::unique_ptr<EntrySource> entries_;  // for the core
    std::unique_ptr<EntrySource> matured_;  // walked when sales mature
    Sequence next_ = 0;
    bool walked_to_end_ = false;
    State state_;  // made by executing again
    std::optional<Core> core_;
    EntryBatch executed_;

    // How many entries read models may stand for: those found right, when the walk has ended.
    std::atomic<uint64_t> right_ = UINT64_MAX;
    // In force after the last executed chunk; the core decodes again what was read ahead under others.
    std::atomic<const Rules*> rules_ = &rules_versions().front();
};

}  // namespace

Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints checkpoints) {
    return Audit(shard, log, progress, std::move(checkpoints)).report();
}

Result<HeldCheckpoints> read_checkpoints(const std::string& data, uint32_t partition,
                                         std::span<const note::VerifierKey> vkeys,
                                         std::span<const HeldCheckpoint> since) {
    HeldCheckpoints held;
    const Checkpoints stored(data, partition);
    UPLINE_TRY_ASSIGN(const std::vector<uint64_t> sizes, stored.sizes());
    std::string origin;
    std::map<std::pair<std::string, uint32_t>, size_t> of_others;  // signatures by keys that were not given
    for (const uint64_t size : sizes) {
        const auto read = stored.read(size);
        if (!read.ok()) {
            if (read.error().code != ErrorCode::kCorrupt) return read.error();
            held.findings.push_back({std::nullopt, read.error().message});
            continue;
        }
        const std::string name = fmt::format("checkpoint {}", size);
        held.checkpoints.push_back({name, read->checkpoint});
        if (origin.empty()) origin = read->checkpoint.origin;
        if (read->checkpoint.origin != origin)
            held.findings.push_back({std::nullopt, fmt::format("{} is of origin {}, others are of {}", name,
                                                               read->checkpoint.origin, origin)});
        if (const auto wrong = check_signatures(*read, vkeys, held.signers))
            held.findings.push_back({std::nullopt, fmt::format("{}: {}", name, *wrong)});
        for (const note::Signature& signature : read->note.signatures)
            if (!vkeys.empty() && std::ranges::none_of(vkeys, [&](const note::VerifierKey& key) {
                    return key.name == signature.name && key.id == signature.key_id;
                }))
                ++of_others[{signature.name, signature.key_id}];
    }
    for (const auto& [signer, count] : of_others)
        held.not_checked.push_back(
            fmt::format("without its --vkey: {} signatures of {} (key {:08x})", count, signer.first, signer.second));
    if (!sizes.empty() && vkeys.empty())
        held.not_checked.push_back(
            fmt::format("without --vkey: the signatures of {} checkpoints of {}", sizes.size(), origin));
    const std::string suffix = fmt::format("/{}", partition);
    for (const HeldCheckpoint& old : since) {
        if (!old.checkpoint.origin.ends_with(suffix)) continue;
        held.checkpoints.push_back(old);
        if (!origin.empty() && old.checkpoint.origin != origin)
            held.findings.push_back({std::nullopt, fmt::format("{} is of {}, this ledger signs as {}", old.name,
                                                               old.checkpoint.origin, origin)});
    }
    if (sizes.empty() && !vkeys.empty()) held.not_checked.push_back("signatures: no checkpoint lies with this ledger");
    return held;
}

std::optional<std::string> check_signatures(const SignedCheckpoint& checkpoint,
                                            std::span<const note::VerifierKey> vkeys,
                                            std::vector<std::string>& signers) {
    if (vkeys.empty()) return std::nullopt;
    std::vector<note::VerifierKey> of_log;
    std::vector<note::VerifierKey> of_witnesses;
    for (const note::VerifierKey& key : vkeys) {
        if (key.type == note::KeyType::kCosignature) of_witnesses.push_back(key);
        if (key.type == note::KeyType::kEd25519 && key.name == checkpoint.checkpoint.origin) of_log.push_back(key);
    }
    if (of_log.empty()) return fmt::format("no --vkey is of its origin, {}", checkpoint.checkpoint.origin);
    const auto add = [&signers](const std::vector<note::Verified>& verified) {
        for (const note::Verified& one : verified) {
            const std::string name = fmt::format("{} (key {:08x})", one.key->name, one.key->id);
            if (std::ranges::find(signers, name) == signers.end()) signers.push_back(name);
        }
    };
    const auto signed_by = note::verify(checkpoint.note, of_log);
    if (!signed_by.ok()) return signed_by.error().message + " (--vkey may be given for each key the log has had)";
    add(*signed_by);
    const auto cosigned_by = note::verify(checkpoint.note, of_witnesses);
    const bool any_of_witnesses = std::ranges::any_of(checkpoint.note.signatures, [&](const note::Signature& line) {
        return std::ranges::any_of(
            of_witnesses, [&](const note::VerifierKey& key) { return key.name == line.name && key.id == line.key_id; });
    });
    if (any_of_witnesses && !cosigned_by.ok()) return cosigned_by.error().message;
    if (cosigned_by.ok()) add(*cosigned_by);
    return std::nullopt;
}

}  // namespace upline
