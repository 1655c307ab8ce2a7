// SPDX-License-Identifier: Apache-2.0
#include "tools/node/outcome_watch.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "ledger/proof/sha256.h"
#include "ledger/store/data_folder.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/ledger_queries.h"

namespace upline {
namespace {

constexpr auto kPause = std::chrono::milliseconds(50);

// The ledgers of a folder; none if there is no such folder, or nothing in it yet.
Result<std::vector<ReadShard>> open_if_there(const std::string& data) {
    Result<std::vector<ReadShard>> shards = open_for_reading(data);
    if (!shards.ok() && shards.error().code == ErrorCode::kNotFound) return std::vector<ReadShard>();
    return shards;
}

}  // namespace

Result<OutcomeWatch> OutcomeWatch::begin(EventLog& log, LogArgs log_args, std::string data) {
    OutcomeWatch watch(std::move(log_args), std::move(data));
    UPLINE_TRY_ASSIGN(const std::vector<ReadShard> shards, open_if_there(watch.data_));
    for (const ReadShard& shard : shards) {
        UPLINE_TRY(expect_its_log(log, *shard.store));
        UPLINE_TRY_ASSIGN(const LedgerHead position, shard.store->position());
        watch.next_[shard.partition] = position.size;
    }
    return watch;
}

size_t OutcomeWatch::add(std::span<const std::byte> record) {
    const size_t number = told_.size();
    awaited_[sha256(record)].push_back(number);
    ++awaited_count_;
    told_.emplace_back();
    return number;
}

Status OutcomeWatch::wait(int seconds) {
    using Clock = std::chrono::steady_clock;
    auto deadline = Clock::now() + std::chrono::seconds(seconds);
    while (awaited_count_ > 0) {
        UPLINE_TRY(apply());
        UPLINE_TRY_ASSIGN(const bool any_new, read_new());
        if (any_new) deadline = Clock::now() + std::chrono::seconds(seconds);
        if (awaited_count_ == 0) break;
        if (Clock::now() > deadline)
            return Error{
                ErrorCode::kUnavailable,
                fmt::format("{} of {} events are in the log and have no entry yet: nothing was applied for {} s. "
                            "Does `upline run` feed {}?",
                            awaited_count_, told_.size(), seconds, data_)};
        std::this_thread::sleep_for(kPause);
    }
    return ok_status();
}

Result<bool> OutcomeWatch::read_new() {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_if_there(data_));
    bool any_new = false;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(const LedgerHead position, shard.store->position());
        Sequence& next = next_[shard.partition];
        any_new = any_new || next < position.size;
        UPLINE_TRY(walk_entries(*shard.store, next, position.size, {}, [&](const Entry& entry) -> Result<bool> {
            const auto found = awaited_.find(entry.record_sha256);
            if (found == awaited_.end()) return true;
            told_[found->second.front()] = Told{entry.outcome, entry.sequence, shard.partition};
            found->second.pop_front();
            if (found->second.empty()) awaited_.erase(found);
            return --awaited_count_ > 0;
        }));
        next = position.size;
    }
    return any_new;
}

Status OutcomeWatch::apply() {
    if (log_.url.starts_with("kafka://")) return ok_status();  // its `run` may be on another machine, or start soon
    const Result<DataFolder> folder = DataFolder::open(data_, DataFolder::Access::kWrite);
    if (!folder.ok() && folder.error().code == ErrorCode::kConflict) return ok_status();
    UPLINE_TRY(folder);
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(log_.url, {.properties = log_.properties}));
    UPLINE_TRY(run_partitions(*log, *folder, {.once = true}));
    return ok_status();
}

}  // namespace upline
