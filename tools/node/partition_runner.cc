// SPDX-License-Identifier: Apache-2.0
#include "tools/node/partition_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <thread>

#include "consumers/consume.h"
#include "tools/node/model_follower.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// Memory for changes of read models that are not stored yet, over all shards of a process: about nine million sales'
// worth, half of it on the way to the disk while the other fills. With more, a row takes in more sales between two
// times that it is read and written.
constexpr size_t kDeltaBudgetBytes = size_t{1} << 30;

// What the partitions of one call share.
struct Run {
    EventLog& log;
    const DataFolder& folder;
    const PartitionRunOptions& options;
    size_t delta_bytes;                 // of each partition
    std::stop_source stop;              // asked for, or one of them failed
    std::atomic<uint64_t> applied = 0;  // entries, of all
};

Status run_partition(Run& run, uint32_t partition, ShardReport& report) {
    const PartitionRunOptions& options = run.options;
    const auto say = [&](LogLevel level, const std::string& message) {
        if (options.say) options.say(partition, level, message);
    };
    const ShardInfo info{{partition, run.log.partition_count()}, run.log.identity()};
    ProgressBar progress(fmt::format("partition {}: folding entries forward", partition));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Shard> shard,
                      Shard::open(run.folder, info, progress.callback(), options.shard));
    report.size_before = shard->position().size;
    report.position = shard->position();
    if (report.size_before > 0) say(LogLevel::kInfo, fmt::format("resumes after entry {}", report.size_before - 1));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader,
                      run.log.open_reader(partition, shard->position().last_record));
    ModelFollower::Committed committed;
    if (options.committed)
        committed = [&](uint64_t size, bool last) { return options.committed(partition, shard->store(), size, last); };
    const auto seen = [&](const Entry& entry) {
        ++report.outcomes[static_cast<size_t>(entry.outcome)];
        if (options.refused && is_refusal(entry.outcome)) options.refused(partition, entry);
    };
    UPLINE_TRY_ASSIGN(const std::unique_ptr<ModelFollower> follower,
                      ModelFollower::open(*shard, run.delta_bytes, std::move(committed), seen, run.stop));

    ConsumeOptions consume_options{
        .batch_records = options.batch_records, .once = options.once, .stop = run.stop.get_token()};
    uint64_t before = report.size_before;
    std::atomic<bool> waiting = false;  // set by the reading thread, cleared by the committing one
    consume_options.applied = [&](const LedgerHead& position) {
        follower->advance(position.size);
        if (waiting.exchange(false)) say(LogLevel::kInfo, "the log is back, reading goes on");
        const uint64_t total = run.applied += position.size - std::exchange(before, position.size);
        if (options.applied) options.applied(total);
    };
    consume_options.waiting = [&](const Error& error) {
        if (!waiting.exchange(true)) say(LogLevel::kWarning, fmt::format("waits for the log: {}", error.message));
    };
    const Status consumed = consume(*shard, *reader, consume_options);
    report.position = shard->position();
    const Status followed = follower->finish();
    UPLINE_TRY(consumed);
    UPLINE_TRY(followed);
    report.reached_end = options.once;
    if (options.once && options.stop.stop_requested()) {  // it may have been at the end all the same
        const Result<bool> at_end = reader->at_end();
        const Result<Offset> end = reader->end();
        report.reached_end = at_end.ok() && *at_end;
        if (end.ok()) report.log_end = *end;
    }
    return ok_status();
}

// Each once, ascending. kInvalid if the log has no such partition.
Result<std::vector<uint32_t>> partitions_to_run(const EventLog& log, std::vector<uint32_t> asked) {
    if (asked.empty()) {
        asked.resize(log.partition_count());
        std::iota(asked.begin(), asked.end(), 0);
    }
    std::sort(asked.begin(), asked.end());
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    if (asked.back() >= log.partition_count())
        return Error{ErrorCode::kInvalid, fmt::format("partition {} of a log that has {}: they are numbered from 0",
                                                      asked.back(), log.partition_count())};
    return asked;
}

}  // namespace

void log_of_partition(uint32_t partition, LogLevel level, const std::string& message) {
    log_line(level, fmt::format("partition {}: {}", partition, message));
}

Result<std::vector<ShardReport>> run_partitions(EventLog& log, const DataFolder& folder,
                                                const PartitionRunOptions& options) {
    UPLINE_TRY_ASSIGN(const std::vector<uint32_t> partitions, partitions_to_run(log, options.partitions));
    Run run{.log = log, .folder = folder, .options = options, .delta_bytes = kDeltaBudgetBytes / partitions.size()};
    const std::stop_callback asked(options.stop, [&] { run.stop.request_stop(); });
    std::vector<ShardReport> reports(partitions.size());
    std::vector<Status> statuses(partitions.size(), ok_status());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < partitions.size(); ++i) {
        reports[i].partition = partitions[i];
        threads.emplace_back([&, i] {
            try {
                statuses[i] = run_partition(run, partitions[i], reports[i]);
            } catch (const std::exception& error) {  // the standard library's: no memory
                statuses[i] = Error{ErrorCode::kUnavailable, error.what()};
            }
            if (!statuses[i].ok()) run.stop.request_stop();
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < partitions.size(); ++i)
        if (!statuses[i].ok())
            return Error{statuses[i].error().code,
                         fmt::format("partition {}: {}", partitions[i], statuses[i].error().message)};
    return reports;
}

}  // namespace upline
