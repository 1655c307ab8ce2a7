// SPDX-License-Identifier: Apache-2.0
// `upline run`: feeds the ledger from the log, to its end or until asked to stop.
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "events/base/bytes.h"
#include "tools/node/commands.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/outcomes.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"

namespace upline {
namespace {

// Signs each partition's ledger when it has grown and the last signature is old enough, and at the end.
class Signer {
  public:
    Signer(const RunArgs& args, std::vector<note::SigningKey> keys)
        : data_(args.data), interval_(std::chrono::seconds(args.checkpoint_seconds)), keys_(std::move(keys)) {}

    Status committed(uint32_t partition, Store& store, uint64_t size, bool last) {
        Signed& before = signed_of(partition);
        const auto now = std::chrono::steady_clock::now();
        if (before.size == size || (!last && now - before.at < interval_)) return ok_status();
        Checkpoints checkpoints(data_, partition);
        UPLINE_TRY(sign_or_latest(checkpoints, store, keys_));
        before = {size, now};
        return ok_status();
    }

  private:
    struct Signed {
        std::optional<uint64_t> size;
        std::chrono::steady_clock::time_point at = std::chrono::steady_clock::now();
    };
    // Each partition's is used by its own thread.
    Signed& signed_of(uint32_t partition) {
        const std::lock_guard lock(mutex_);
        return signed_[partition];
    }

    std::string data_;
    std::chrono::steady_clock::duration interval_;
    std::vector<note::SigningKey> keys_;
    std::mutex mutex_;
    std::map<uint32_t, Signed> signed_;
};

// Tells the first refusal of each kind, and counts all.
class Refusals {
  public:
    explicit Refusals(std::string data) : data_(std::move(data)) {}

    // Any thread.
    void take(uint32_t partition, const Entry& entry) {
        const std::lock_guard lock(mutex_);
        ++count_;
        if (!told_.insert(entry.outcome).second) return;
        std::string advice(outcome_advice(entry.outcome));
        if (!advice.empty()) advice += ' ';
        log_of_partition(partition, LogLevel::kWarning,
                         fmt::format("entry {}: {} is refused, {}: {}. {}Others so refused are not told here: `upline "
                                     "rejected --data {}` lists them",
                                     entry.sequence, event_text(entry.outcome, entry.type, entry.id, entry.program),
                                     outcome_name(entry.outcome), outcome_meaning(entry.outcome), advice, data_));
    }
    uint64_t count() {
        const std::lock_guard lock(mutex_);
        return count_;
    }

  private:
    const std::string data_;
    std::mutex mutex_;
    std::set<Outcome> told_;
    uint64_t count_ = 0;
};

Result<std::vector<ShardReport>> run_until_stopped(const RunArgs& args, std::stop_token stop) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, {.properties = args.log.properties}));
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(args.data, DataFolder::Access::kWrite));
    ProgressBar progress("run");
    std::mutex progress_mutex;
    Refusals refusals(args.data);
    PartitionRunOptions options{.partitions = args.partitions,
                                .batch_records = args.batch_records,
                                .once = args.once,
                                .stop = std::move(stop),
                                .shard = args.shard};
    options.say = log_of_partition;
    options.refused = [&](uint32_t partition, const Entry& entry) { refusals.take(partition, entry); };
    options.applied = [&](uint64_t entries) {
        const std::lock_guard lock(progress_mutex);
        progress.update(entries, 0, fmt::format("{} refused", with_commas(refusals.count())));
    };
    std::optional<Signer> signer;
    if (!args.key.empty()) {
        UPLINE_TRY_ASSIGN(std::vector<note::SigningKey> keys, read_signing_keys(args.key));
        signer.emplace(args, std::move(keys));
        options.committed = [&](uint32_t partition, Store& store, uint64_t size, bool last) {
            return signer->committed(partition, store, size, last);
        };
    }
    return run_partitions(*log, folder, options);
}

void print_json(const std::vector<ShardReport>& reports) {
    RowPrinter rows(Format::kJsonl, stdout);
    for (const ShardReport& report : reports) {
        rows.number("partition", report.partition);
        rows.number("size", static_cast<int64_t>(report.position.size));
        rows.number("applied", static_cast<int64_t>(report.position.size - report.size_before));
        rows.json("outcomes", outcomes_json(report.outcomes));
        rows.text("root", to_hex(report.position.root));
        rows.number("clock", report.position.clock_us);
        rows.end_row();
    }
}

void print_text(const std::vector<ShardReport>& reports, const OutcomeCounts& outcomes, double seconds) {
    uint64_t applied = 0;
    for (const ShardReport& report : reports) {
        const uint64_t entries = report.position.size - report.size_before;
        applied += entries;
        fmt::print("partition {}: {} entries, {} of them new, root {}\n", report.partition,
                   with_commas(report.position.size), with_commas(entries), to_hex(report.position.root));
    }
    fmt::print("{} events in {:.2f} s{}{}\n", with_commas(applied), seconds, applied == 0 ? "" : ": ",
               applied == 0 ? "" : outcomes_text(outcomes));
}

// Whether each partition was fed to the end of the log; says of each that was not where it stands.
bool all_at_end(const std::vector<ShardReport>& reports) {
    bool all = true;
    for (const ShardReport& report : reports) {
        if (report.reached_end) continue;
        all = false;
        const Offset next = report.position.last_record ? report.position.last_record->offset + 1 : 0;
        fmt::print(stderr, "upline: stopped by a signal before the end of the log: partition {} at record {}{}\n",
                   report.partition, with_commas(static_cast<uint64_t>(next)),
                   report.log_end ? fmt::format(" of {}", with_commas(static_cast<uint64_t>(*report.log_end))) : "");
    }
    return all;
}

}  // namespace

int run(const RunArgs& args, std::stop_token stop) {
    const auto started = std::chrono::steady_clock::now();
    const auto reports = run_until_stopped(args, std::move(stop));
    if (!reports.ok()) return print_error(reports.error());
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    OutcomeCounts outcomes{};
    for (const ShardReport& report : *reports)
        for (size_t i = 0; i < outcomes.size(); ++i) outcomes[i] += report.outcomes[i];
    if (args.json)
        print_json(*reports);
    else
        print_text(*reports, outcomes, elapsed.count());
    if (args.once && !all_at_end(*reports)) return kExitCouldNot;
    return args.strict && refused_in(outcomes) > 0 ? kExitNegative : kExitDone;
}

}  // namespace upline
