// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/reading.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "events/log/event_log.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"

namespace upline {

namespace {

bool rows_are_ahead(Store& store) {
    const Result<Position> position = store.position();
    if (!position.ok()) return false;  // whoever asks for it is told
    for (const auto make_model : kModels) {
        const std::unique_ptr<Model> model = make_model();
        const Result<std::unique_ptr<Table>> table = open_table(store, model->name());
        if (!table.ok()) continue;
        const Result<ModelPosition> rows = read_position(**table, *model);
        if (rows.ok() && rows->size > position->size) return true;
    }
    return false;
}

}  // namespace

Status catch_up(Store& store) {
    constexpr int kMostAttempts = 20;
    UPLINE_TRY(store.catch_up());
    for (int attempt = 1; attempt <= kMostAttempts && rows_are_ahead(store); ++attempt) {
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

Status keep_partition(std::vector<ReadShard>& shards, int64_t partition, const std::string& data) {
    if (partition < 0) return ok_status();
    std::erase_if(shards, [&](const ReadShard& shard) { return shard.partition != partition; });
    if (!shards.empty()) return ok_status();
    return Error{ErrorCode::kNotFound, fmt::format("{}: there is no ledger of partition {}", data, partition)};
}

Status read_entry(EntrySource& source, Sequence sequence, Entry& entry) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, source.entry(sequence));
    const Status decoded = decode_entry(bytes, entry);
    if (!decoded.ok())
        return Error{ErrorCode::kCorrupt,
                     fmt::format("entry {}: {}; run `upline verify`", sequence, decoded.error().message)};
    return ok_status();
}

Status walk_entries(Store& store, uint64_t first, uint64_t size, const Progress& progress,
                    const std::function<Result<bool>(const Entry&)>& f) {
    const std::unique_ptr<EntrySource> source = store.entries();
    Entry entry;
    for (Sequence sequence = first; sequence < size; ++sequence) {
        UPLINE_TRY(read_entry(*source, sequence, entry));
        UPLINE_TRY_ASSIGN(const bool more, f(entry));
        if (!more) break;
        if (progress && sequence % 65'536 == 0) progress(sequence - first, size - first);
    }
    return ok_status();
}

Result<int64_t> parse_moment(const std::string& text) {
    constexpr size_t kDay = 10;  // "2026-01-31"
    Result<int64_t> time = parse_time(text.size() == kDay ? text + "T00:00:00Z" : text);
    if (time.ok()) return time;
    return Error{
        ErrorCode::kInvalid,
        fmt::format("\"{}\" is no time: give one like 2026-01-31T12:00:00Z, or a day like 2026-01-31 (UTC)", text)};
}

Result<FoundEntry> find_entry(std::vector<ReadShard>& shards, const std::string& program, const std::string& id,
                              const char* kind) {
    const std::optional<Uuid> uuid = parse_uuid(id);
    if (!uuid) return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not a UUID", id)};
    const Error not_found{
        ErrorCode::kNotFound,
        fmt::format("no {} {} in program {}; another one is named with --program", kind, id, program)};
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, shard.store->info());
        if (!info || info->identity.partition_count == 0 ||
            partition_of(program, info->identity.partition_count) != shard.partition)
            continue;
        FoundEntry found;
        found.shard = &shard;
        UPLINE_TRY_ASSIGN(found.state, load_current_state(*shard.store));
        const std::unique_ptr<EntrySource> source = shard.store->look_up();
        UPLINE_TRY_ASSIGN(found.thing, found.state->find(program, *uuid, *source));
        if (!found.thing) return not_found;
        found.sequence = found.state->sequence_of(found.thing);
        return found;
    }
    return Error{ErrorCode::kNotFound, fmt::format("program {} belongs to a partition that this data folder has no "
                                                   "ledger of",
                                                   program)};
}

Result<uint64_t> size_at(Store& store, int64_t clock_us) {
    UPLINE_TRY_ASSIGN(const Position position, store.position());
    const std::unique_ptr<EntrySource> source = store.look_up();
    Entry entry;
    uint64_t first = 0;  // all before it are not after the time, all from `end` on are
    for (uint64_t end = position.size; first < end;) {
        const uint64_t middle = first + (end - first) / 2;
        UPLINE_TRY(read_entry(*source, middle, entry));
        (entry.clock_us <= clock_us ? first : end) = entry.clock_us <= clock_us ? middle + 1 : middle;
    }
    return first;
}

std::string ledger_time_text(int64_t us) {
    return format_time(std::clamp<int64_t>(us, 0, kMaxTimeUs));
}

std::string type_text(uint8_t type) {
    return type >= 1 && type <= kLastEventType ? std::string(event_type_name(static_cast<EventType>(type)))
                                               : fmt::format("type {}", type);
}

std::string amount_text(int64_t minor, Currency currency) {
    std::string text = format_amount(minor, currency);
    const size_t point = std::min(text.find('.'), text.size());
    const size_t first = text.starts_with('-') ? 1 : 0;
    for (size_t i = point; i > first + 3; i -= 3) text.insert(i - 3, ",");
    return text;
}

std::string money_text(int64_t minor, Currency currency) {
    return fmt::format("{} {}", amount_text(minor, currency), currency.text());
}

std::string user_id(const State& state, Sequence sequence) {
    const auto user = state.user_by_sequence(sequence);
    return user ? to_string(state.users()[*user].id) : fmt::format("of entry {}", sequence);
}

}  // namespace upline
