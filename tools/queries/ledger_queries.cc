// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/ledger_queries.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "events/log/event_log.h"
#include "events/values/time.h"
#include "ledger/store/id_lookup.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"

namespace upline {

namespace {

bool rows_are_ahead(Store& store) {
    const Result<LedgerHead> position = store.position();
    if (!position.ok()) return false;  // whoever asks for it is told
    for (const auto make_model : kModels) {
        const std::unique_ptr<Model> model = make_model();
        const Result<std::unique_ptr<Table>> table = open_table(store, *model);
        if (!table.ok()) continue;
        const Result<ModelPosition> rows = read_position(**table, *model);
        if (rows.ok() && rows->size > position->size) return true;
    }
    return false;
}

Status decode(Sequence sequence, std::span<const std::byte> bytes, Entry& entry) {
    const Status decoded = decode_entry(bytes, entry);
    if (decoded.ok()) return ok_status();
    return Error{ErrorCode::kCorrupt,
                 fmt::format("entry {}: {}; run `upline verify`", sequence, decoded.error().message)};
}

// ": entry 4 refused it as over_refund (`upline show event` tells more)", of the newest refusal; empty if there is
// none.
Result<std::string> refusal_of(std::vector<ReadShard>& shards, std::string_view program, const Uuid& id) {
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY_ASSIGN(Table * table, ledger.rows(outcomes_model));
        UPLINE_TRY_ASSIGN(const std::vector<Sequence> refusals, refusals_of(*table, ledger.entries(), program, id));
        if (refusals.empty()) continue;
        Entry entry;
        UPLINE_TRY(ledger.read(refusals.back(), entry));
        return fmt::format(": entry {} refused it as {} (`upline show event {}` tells more)", entry.sequence,
                           outcome_name(entry.outcome), to_string(id));
    }
    return std::string();
}

}  // namespace

Status catch_up(Store& store) {
    constexpr int kMaxAttempts = 20;
    UPLINE_TRY(store.catch_up());
    for (int attempt = 1; attempt <= kMaxAttempts && rows_are_ahead(store); ++attempt) {
        std::this_thread::sleep_for(std::chrono::milliseconds(attempt));
        UPLINE_TRY(store.catch_up());
    }
    return ok_status();
}

Result<std::vector<ReadShard>> open_for_reading(const std::string& data) {
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(data, DataFolder::Access::kRead));
    UPLINE_TRY_ASSIGN(const std::vector<uint32_t> partitions, folder.partitions());
    if (partitions.empty())
        return Error{ErrorCode::kNotFound, fmt::format("{}: no ledger in it yet; `upline run` makes one", data)};
    std::vector<ReadShard> shards;
    for (const uint32_t partition : partitions) {
        UPLINE_TRY_ASSIGN(std::unique_ptr<Store> store,
                          Store::open(folder.partition_path(partition), Store::Access::kRead));
        if (rows_are_ahead(*store)) UPLINE_TRY(catch_up(*store));
        shards.push_back({partition, std::move(store)});
    }
    return shards;
}

Status expect_its_log(EventLog& log, const Store& store) {
    UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, store.info());
    if (!info) return ok_status();
    if (info->identity.partition_count != log.partition_count())
        return Error{ErrorCode::kConflict,
                     fmt::format("this log has {} partitions, the ledger was made from one of {}: give the log that "
                                 "`upline run` feeds this --data from",
                                 log.partition_count(), info->identity.partition_count)};
    // Kafka has no identity; there the last record tells, where the log is read.
    const std::string identity = log.identity();
    if (!identity.empty() && !info->log_identity.empty() && identity != info->log_identity)
        return Error{ErrorCode::kConflict, fmt::format("this is log {}, the ledger was made from log {}: give the log "
                                                       "that `upline run` feeds this --data from",
                                                       identity, info->log_identity)};
    return ok_status();
}

Status keep_partition(std::vector<ReadShard>& shards, int64_t partition, const std::string& data) {
    if (partition < 0) return ok_status();
    std::erase_if(shards, [&](const ReadShard& shard) { return shard.partition != partition; });
    if (!shards.empty()) return ok_status();
    return Error{ErrorCode::kNotFound, fmt::format("{}: there is no ledger of partition {}", data, partition)};
}

Status read_entry(EntrySource& source, Sequence sequence, Entry& entry) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, source.entry(sequence));
    return decode(sequence, bytes, entry);
}

Status walk_entries(Store& store, uint64_t first, uint64_t size, const Progress& progress,
                    const std::function<Result<bool>(const Entry&)>& f) {
    const std::unique_ptr<EntrySource> source = store.scan_reader();
    Entry entry;
    for (Sequence sequence = first; sequence < size; ++sequence) {
        UPLINE_TRY(read_entry(*source, sequence, entry));
        UPLINE_TRY_ASSIGN(const bool more, f(entry));
        if (!more) break;
        if (progress && sequence % 65'536 == 0) progress(sequence - first, size - first);
    }
    return ok_status();
}

bool is_record_place(std::string_view text) {
    const auto is_number = [](std::string_view digits) {
        return !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    };
    const size_t at = text.find('@');
    return at != std::string_view::npos && is_number(text.substr(0, at)) && is_number(text.substr(at + 1));
}

Result<int64_t> parse_moment(const std::string& text) {
    constexpr size_t kDay = 10;  // "2026-01-31"
    Result<int64_t> time = parse_time(text.size() == kDay ? text + "T00:00:00Z" : text);
    if (time.ok()) return time;
    return Error{
        ErrorCode::kInvalid,
        fmt::format("\"{}\" is no time: give one like 2026-01-31T12:00:00Z, or a day like 2026-01-31 (UTC)", text)};
}

Result<uint64_t> size_at(Store& store, int64_t clock_us) {
    UPLINE_TRY_ASSIGN(const LedgerHead position, store.position());
    const std::unique_ptr<EntrySource> source = store.point_reader();
    Entry entry;
    uint64_t first = 0;  // all before it are not after the time, all from `end` on are
    for (uint64_t end = position.size; first < end;) {
        const uint64_t middle = first + (end - first) / 2;
        UPLINE_TRY(read_entry(*source, middle, entry));
        (entry.clock_us <= clock_us ? first : end) = entry.clock_us <= clock_us ? middle + 1 : middle;
    }
    return first;
}

Result<ReadShard*> shard_of(std::vector<ReadShard>& shards, const std::string& program) {
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, shard.store->info());
        if (info && info->identity.partition_count > 0 &&
            partition_of(program, info->identity.partition_count) == shard.partition)
            return &shard;
    }
    return Error{ErrorCode::kNotFound, fmt::format("program {} belongs to a partition that this data folder has no "
                                                   "ledger of",
                                                   program)};
}

Result<FoundEntry> find_entry(std::vector<ReadShard>& shards, const std::string& program, const std::string& id,
                              const char* kind) {
    const std::optional<Uuid> uuid = parse_uuid(id);
    if (!uuid) return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not a UUID", id)};
    UPLINE_TRY_ASSIGN(ReadShard * shard, shard_of(shards, program));
    UPLINE_TRY_ASSIGN(const std::optional<Sequence> sequence, find_entry_of(*shard->store, program, *uuid));
    if (!sequence) {
        UPLINE_TRY_ASSIGN(const std::string refusal, refusal_of(shards, program, *uuid));
        return Error{ErrorCode::kNotFound,
                     fmt::format("no {} {} in program {}{}", kind, id, program,
                                 refusal.empty() ? "; another one is named with --program" : refusal)};
    }
    FoundEntry found{.shard = shard, .bytes = {}, .decoded = std::make_unique<Entry>()};
    UPLINE_TRY_ASSIGN(const auto bytes, shard->store->point_reader()->entry(*sequence));
    found.bytes.assign(bytes.begin(), bytes.end());
    UPLINE_TRY(decode(*sequence, found.bytes, *found.decoded));
    return found;
}

std::string type_text(uint8_t type) {
    return type >= 1 && type <= kLastEventType ? std::string(event_type_name(static_cast<EventType>(type)))
                                               : fmt::format("type {}", type);
}

Error is_another(const FoundEntry& found, const std::string& id, std::string_view kind) {
    const Entry& entry = found.entry();
    return {ErrorCode::kNotFound, fmt::format("{} is no {}: it is the id of a {} (entry {})", id, kind,
                                              type_text(entry.type), entry.sequence)};
}

Result<LedgerReader> LedgerReader::open(ReadShard& shard, std::span<const Rules> versions) {
    UPLINE_TRY_ASSIGN(const LedgerHead position, shard.store->position());
    return LedgerReader(shard, position, versions);
}

Status LedgerReader::read_user(Sequence sequence, Entry& entry) {
    UPLINE_TRY(read(sequence, entry));
    if (std::holds_alternative<UserSignedUp>(entry.payload)) return ok_status();
    return Error{ErrorCode::kCorrupt, fmt::format("entry {} made no user: run `upline verify`", sequence)};
}

Result<Uuid> LedgerReader::id_of(Sequence sequence) {
    Entry entry;
    UPLINE_TRY(read(sequence, entry));
    return entry.id;
}

Result<std::string> LedgerReader::user_text(Sequence sequence) {
    Entry entry;
    if (sequence < position_.size) UPLINE_TRY(read(sequence, entry));
    return std::holds_alternative<UserSignedUp>(entry.payload) ? to_string(entry.id)
                                                               : fmt::format("of entry {}", sequence);
}

Result<Table*> LedgerReader::rows(MakeModel make_model) {
    std::unique_ptr<Table>& table = tables_[make_model];
    if (!table) {
        UPLINE_TRY_ASSIGN(table, rows_at(make_model, position_.clock_us));
    }
    return table.get();
}

Result<std::unique_ptr<Table>> LedgerReader::rows_at(MakeModel make_model, int64_t clock_us) {
    std::unique_ptr<Model> model = make_model();
    Result<std::unique_ptr<Table>> stored = open_table(store(), *model);
    if (!stored.ok() && stored.error().code != ErrorCode::kNotFound) return stored.error();
    const std::unique_ptr<EntrySource> walk = store().scan_reader();
    return upline::rows_at(stored.ok() ? std::move(*stored) : nullptr, std::move(model), *walk, *entries_,
                           {position_.size, clock_us}, versions_);
}

}  // namespace upline
