// SPDX-License-Identifier: Apache-2.0
#include "tools/audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "ledger/core.h"
#include "projectors/compare.h"
#include "projectors/memory_table.h"
#include "projectors/models.h"
#include "projectors/projection.h"
#include "tools/recomputation.h"

namespace upline {
namespace {

__extension__ using Int128 = __int128;

constexpr size_t kChunk = 4096;
constexpr size_t kMostFindings = 10;

class Audit {
  public:
    Audit(ReadShard& shard, EventLog* log, const Progress& progress)
        : shard_(shard),
          store_(*shard.store),
          log_(log),
          progress_(progress),
          entries_(store_.look_up()),
          named_(store_.look_up()),
          matured_(store_.entries()),
          walk_(store_.entries()),
          earlier_(*named_),
          recomputation_(earlier_) {}

    Result<AuditReport> report() {
        UPLINE_TRY(check_all());
        std::stable_sort(report_.findings.begin(), report_.findings.end(), [](const Finding& a, const Finding& b) {
            return a.entry.value_or(UINT64_MAX) < b.entry.value_or(UINT64_MAX);
        });
        if (!log_) {
            report_.not_checked.emplace_back(
                "without --log: that record hashes, offsets and append times are those of the log's records; that "
                "malformed, from_future and other refused events had to be refused");
            report_.not_checked.emplace_back(
                "a ledger rewritten as a whole, entries, tree and balances together, is caught only with --log or "
                "against a root known from before");
        }
        return std::move(report_);
    }

  private:
    // What is said of a ledger that somebody changed may hold bytes of theirs: none of them reaches a terminal or JSON.
    void find(std::optional<Sequence> entry, std::string what) {
        if (!entry && report_.findings.size() >= kMostFindings) return;
        for (char& c : what)
            if (c < ' ' || c > '~') c = '?';
        report_.findings.push_back({entry, std::move(what)});
    }

    std::optional<Sequence> first_wrong_entry() const {
        std::optional<Sequence> first;
        for (const Finding& finding : report_.findings)
            if (finding.entry && (!first || *finding.entry < *first)) first = finding.entry;
        return first;
    }

    Status check_all() {
        report_.partition = shard_.partition;
        Result<Position> position = store_.position();
        if (!position.ok()) return finding_or_error(std::nullopt, position.error());
        position_ = *position;
        report_.size = position_.size;
        UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, store_.info());
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
        stored_state_ = store_.load_state();
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
            UPLINE_TRY(check_tiles(tree_.right_edge()));  // the walk has left the partial ones out
            UPLINE_TRY(look_behind_the_end());
        }
        return check_read_models();
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

    // Every entry once, in chunks: form, place, hash, sums and amounts one by one, then the chunk executed anew.
    Status walk() {
        while (next_ < position_.size) {
            if (next_ == state_position()) check_state();
            const uint64_t until =
                next_ < state_position() ? std::min(position_.size, state_position()) : position_.size;
            const auto count = static_cast<size_t>(std::min<uint64_t>(kChunk, until - next_));
            if (progress_) progress_(next_, position_.size);
            UPLINE_TRY(read_chunk(count));
            std::vector<merkle::Tile> tiles = tree_.take_changed_tiles();
            std::erase_if(tiles, [](const merkle::Tile& tile) { return tile.hashes.size() < merkle::kTileWidth; });
            UPLINE_TRY(check_tiles(tiles));
            // Those before a wrong entry are executed, for one of them may be the first that is wrong. After it the
            // state is no longer that of the log: what follows would be noise.
            if (const auto wrong = first_wrong_entry()) ends_.resize(std::min<size_t>(ends_.size(), *wrong - next_));
            UPLINE_TRY(execute_chunk());
            if (first_wrong_entry()) UPLINE_TRY(check_last_leaves());
            if (const auto wrong = first_wrong_entry()) {
                report_.not_checked.push_back(
                    fmt::format("what follows the first wrong entry: the entries after {}, and balances", *wrong));
                return ok_status();
            }
            next_ += count;
        }
        walked_to_end_ = true;
        if (next_ == state_position()) check_state();
        return ok_status();
    }

    uint64_t state_position() const { return stored_state_->ok() ? (**stored_state_)->size() : UINT64_MAX; }

    Status read_chunk(size_t count) {
        chunk_.clear();
        ends_.clear();
        Entry entry;
        for (size_t i = 0; i < count; ++i) {
            const Sequence sequence = next_ + i;
            Result<std::span<const std::byte>> bytes = walk_->entry(sequence);
            if (!bytes.ok()) return finding_or_error(sequence, bytes.error());
            chunk_.insert(chunk_.end(), bytes->begin(), bytes->end());
            ends_.push_back(chunk_.size());
            tree_.append(merkle::leaf_hash(*bytes));
            if (first_wrong_entry()) continue;  // only its place in the tree can still be judged
            const Status decoded = decode_entry(*bytes, entry);
            if (!decoded.ok())
                find(sequence, decoded.error().message);
            else
                UPLINE_TRY(check_entry(sequence, entry));
        }
        return ok_status();
    }

    Status check_entry(Sequence sequence, const Entry& entry) {
        if (!find_rules(rules_versions(), rules_version_)) return unknown_rules(rules_version_, rules_versions());
        if (entry.sequence != sequence) {
            find(sequence, fmt::format("entry {} stands in its place", entry.sequence));
            return ok_status();
        }
        if (entry.rules_version != rules_version_) {
            find(sequence, fmt::format("rules version {}, in force is {}", entry.rules_version, rules_version_));
            return ok_status();
        }
        const int64_t clock = entry.accepted() ? std::max(clock_us_, entry.occurred_at_us) : clock_us_;
        if (entry.clock_us != clock) {
            find(sequence, fmt::format("clock is {}, the entries before it give {}", entry.clock_us, clock));
            return ok_status();
        }
        clock_us_ = clock;
        last_record_sha256_ = entry.record_sha256;
        if (!entry.accepted()) return ok_status();
        Int128 sum = 0;
        for (const Posting& posting : entry.posted()) sum += posting.amount;
        if (sum != 0) find(sequence, fmt::format("its postings sum to {} and not to zero", sum));
        UPLINE_TRY_ASSIGN(const std::optional<std::string> wrong, recomputation_.check(entry));
        if (wrong) find(sequence, *wrong);
        recomputation_.learn(entry);
        books_.post(entry);
        if (const auto* activated = std::get_if<RulesActivated>(&entry.payload)) rules_version_ = activated->version;
        return ok_status();
    }

    // Our tiles against the stored ones.
    Status check_tiles(const std::vector<merkle::Tile>& tiles) {
        for (const merkle::Tile& tile : tiles) {
            Result<std::optional<merkle::Tile>> stored = store_.tile(tile.level, tile.index);
            if (!stored.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, stored.error()));
                continue;
            }
            if (!*stored) {
                find(std::nullopt, fmt::format("tile {}/{} is missing", tile.level, tile.index));
                continue;
            }
            compare_tile(tile, **stored);
        }
        return ok_status();
    }

    // Where the walk ends early, the leaves of the tile it is in the middle of: an entry whose hash is another may lie
    // before the one that was found to be wrong.
    Status check_last_leaves() {
        for (merkle::Tile& leaves : tree_.right_edge()) {
            if (leaves.level != 0) continue;
            Result<std::optional<merkle::Tile>> stored = store_.tile(0, leaves.index);
            if (!stored.ok()) return finding_or_error(std::nullopt, stored.error());
            if (!*stored) continue;
            const size_t both = std::min(leaves.hashes.size(), (*stored)->hashes.size());
            leaves.hashes.resize(both);
            (*stored)->hashes.resize(both);
            compare_tile(leaves, **stored);
        }
        return ok_status();
    }

    void compare_tile(const merkle::Tile& right, const merkle::Tile& stored) {
        const size_t both = std::min(right.hashes.size(), stored.hashes.size());
        for (size_t i = 0; i < both; ++i) {
            if (right.hashes[i] == stored.hashes[i]) continue;
            const Sequence number = right.index * merkle::kTileWidth + i;
            if (right.level == 0)
                find(number, fmt::format("its hash is {}, the tree holds {}", to_hex(right.hashes[i]),
                                         to_hex(stored.hashes[i])));
            else
                find(std::nullopt, fmt::format("tile {}/{}: hash {} is {}, the entries give {}", right.level,
                                               right.index, i, to_hex(stored.hashes[i]), to_hex(right.hashes[i])));
            return;
        }
        if (right.hashes.size() != stored.hashes.size())
            find(right.level == 0 ? std::optional(right.index * merkle::kTileWidth + both) : std::nullopt,
                 fmt::format("tile {}/{} holds {} hashes, a tree of {} entries has {} there", right.level, right.index,
                             stored.hashes.size(), position_.size, right.hashes.size()));
    }

    std::span<const std::byte> chunk_entry(size_t i) const {
        const size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::span(chunk_).subspan(begin, ends_[i] - begin);
    }

    Status execute_chunk() {
        for (size_t first = 0; first < ends_.size();) {
            UPLINE_TRY_ASSIGN(const size_t done, log_ ? execute_records(first) : execute_facts(first));
            if (done == 0) return ok_status();
            UPLINE_TRY(core_->mature(4 * done));
            first += done;
        }
        return ok_status();
    }

    // The log's records, executed again: every entry must come out to the byte, and lie where it says it does.
    Result<size_t> execute_records(size_t first) {
        bool at_end = false;
        do {
            UPLINE_TRY(reader_->read(ends_.size() - first, 32 << 20, 100, records_));
            if (!records_.empty()) break;
            UPLINE_TRY_ASSIGN(at_end, reader_->at_end());
        } while (!at_end);
        if (records_.empty()) {
            find(next_ + first, "the log has no record for it: it ends before");
            return size_t{0};
        }
        inputs_.clear();
        for (size_t i = 0; i < records_.size(); ++i) {
            const Record& record = records_.records()[i];
            const Sequence sequence = next_ + first + i;
            inputs_.push_back(read_input(record.value, record.append_time_ms, *core_->rules()));
            Result<RecordPlace> place = store_.place(sequence);
            if (!place.ok()) {
                UPLINE_TRY(finding_or_error(sequence, place.error()));
                return size_t{0};
            }
            if (place->offset != record.offset || place->append_time_ms != record.append_time_ms) {
                find(sequence,
                     fmt::format("stored as the record at offset {} of time {} ms, the log has offset {}, {} ms",
                                 place->offset, place->append_time_ms, record.offset, record.append_time_ms));
                return size_t{0};
            }
        }
        return compare_execution(first, inputs_.size());
    }

    // The facts of accepted entries, executed again. What was refused left no facts; it must have changed nothing, and
    // what is said of its id must be so.
    Result<size_t> execute_facts(size_t first) {
        Entry entry;
        UPLINE_CHECK(decode_entry(chunk_entry(first), entry).ok(), "an entry that was decoded before");
        if (!entry.accepted()) {
            if (const auto wrong = check_refusal(entry)) {
                find(entry.sequence, *wrong);
                return size_t{0};
            }
            UPLINE_TRY(state_.fold(entry));
            return size_t{1};
        }
        Input input;
        input.rules_version = entry.rules_version;
        input.record_sha256 = entry.record_sha256;
        input.append_time_ms = entry.occurred_at_us / 1000 + 1;
        input.record.event.id = entry.id;
        input.record.event.type = entry.type;
        input.record.event.program = entry.program;
        input.record.event.occurred_at_us = entry.occurred_at_us;
        input.record.event.payload = entry.payload;
        size_t next = 0;
        bool known = true;
        std::optional<Error> unreadable;
        for_each_ref(input.record.event.payload, [&]<class Ref>(Ref& ref) {
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
        if (!known) {
            find(entry.sequence, "it names a user, website, sale or payout that no earlier entry made");
            return size_t{0};
        }
        inputs_.assign(1, input);
        return compare_execution(first, 1);
    }

    Result<size_t> compare_execution(size_t first, size_t count) {
        const Status applied = core_->apply(inputs_, executed_);
        if (!applied.ok()) {
            UPLINE_TRY(finding_or_error(next_ + first, applied.error()));
            return size_t{0};
        }
        for (size_t i = 0; i < count; ++i) {
            const auto stored = chunk_entry(first + i);
            if (std::ranges::equal(stored, executed_[i])) continue;
            describe_difference(next_ + first + i, stored, executed_[i]);
            return size_t{0};
        }
        return count;
    }

    void describe_difference(Sequence sequence, std::span<const std::byte> stored, std::span<const std::byte> right) {
        Entry a;
        Entry b;
        UPLINE_CHECK(decode_entry(stored, a).ok() && decode_entry(right, b).ok(), "entries that decode");
        const char* again = log_ ? "executing the log's record again" : "executing its facts again";
        if (log_ && a.record_sha256 != b.record_sha256)
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
    void check_state() {
        const State& stored = ***stored_state_;
        if (const auto wrong = books_.compare(stored)) find(std::nullopt, *wrong);
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

    template <class T>
    void compare_records(const char* what, const Paged<T>& stored, const Paged<T>& right) {
        if (stored.size() != right.size()) {
            find(std::nullopt,
                 fmt::format("stored state: {} {}s, the entries give {}", stored.size(), what, right.size()));
            return;
        }
        for (size_t i = 0; i < stored.size(); ++i) {
            if (std::memcmp(stored.data() + i, right.data() + i, sizeof(T)) == 0) continue;
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
            const Result<RecordPlace> place = store_.place(position_.size - 1);
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

    // Each read model folded anew in memory, up to where the stored one stands, and compared row by row.
    Status check_read_models() {
        for (const auto make_model : kModels) {
            std::unique_ptr<Model> model = make_model();
            const std::string name(model->name());
            Result<std::unique_ptr<Table>> stored = store_.table(name);
            if (!stored.ok()) {
                if (stored.error().code != ErrorCode::kNotFound) return stored.error();
                report_.not_checked.push_back(fmt::format("read model {}: there is none yet", name));
                continue;
            }
            const Result<ModelPosition> position = read_position(**stored, *model);
            if (!position.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, position.error()));
                continue;
            }
            if (position->size > next_) {
                if (walked_to_end_)
                    find(std::nullopt, fmt::format("read model {} stands for {} entries, there are {}", name,
                                                   position->size, position_.size));
                else
                    report_.not_checked.push_back(fmt::format("read model {}: it folds wrong entries", name));
                continue;
            }
            const std::unique_ptr<EntrySource> source = store_.entries();
            const std::unique_ptr<EntrySource> named = store_.look_up();
            UPLINE_TRY_ASSIGN(const std::unique_ptr<Projection> again,
                              Projection::open(std::make_unique<MemoryTable>(), std::move(model), *source, *named));
            Status folded = again->fold_to(position->size);
            if (folded.ok()) folded = again->flush();
            if (!folded.ok()) {
                UPLINE_TRY(finding_or_error(std::nullopt, folded.error()));
                continue;
            }
            const auto difference = compare_tables(**stored, again->table(), again->model());
            if (!difference.ok())
                UPLINE_TRY(finding_or_error(std::nullopt, difference.error()));
            else if (*difference)
                find(std::nullopt, fmt::format("read model {}: {}", name, (*difference)->what));
            else if (position->size < position_.size)
                report_.not_checked.push_back(fmt::format("read model {}: it stands for {} of {} entries so far", name,
                                                          position->size, position_.size));
            else
                report_.read_models.push_back(name);
        }
        return ok_status();
    }

    ReadShard& shard_;
    Store& store_;
    EventLog* log_;
    const Progress& progress_;
    std::unique_ptr<EntrySource> entries_;  // for the core
    std::unique_ptr<EntrySource> named_;    // for what entries name
    std::unique_ptr<EntrySource> matured_;  // walked when sales mature
    std::unique_ptr<EntrySource> walk_;     // from the first page to the last, so that none lies beside the others
    EarlierEntries earlier_;
    AuditReport report_;
    Position position_;
    ShardIdentity identity_;
    std::optional<Result<std::unique_ptr<State>>> stored_state_;
    std::unique_ptr<LogReader> reader_;
    RecordBatch records_;

    Sequence next_ = 0;
    bool walked_to_end_ = false;
    std::vector<std::byte> chunk_;  // the entries in hand
    std::vector<size_t> ends_;
    merkle::Tree tree_;
    int64_t clock_us_ = 0;
    uint16_t rules_version_ = 1;
    Hash last_record_sha256_{};
    Recomputation recomputation_;
    OwnBooks books_;
    State state_;  // made by executing again
    std::optional<Core> core_;
    std::vector<Input> inputs_;
    EntryBatch executed_;
};

}  // namespace

Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress) {
    return Audit(shard, log, progress).report();
}

}  // namespace upline
