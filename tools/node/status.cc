// SPDX-License-Identifier: Apache-2.0
// `upline status`: where each ledger stands, what became of its events, and how far it is behind its log.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "events/base/bytes.h"
#include "tools/node/commands.h"
#include "tools/queries/lag.h"
#include "tools/queries/outcomes.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

struct PartitionStatus {
    uint32_t partition = 0;
    LedgerHead position;
    OutcomeCounts outcomes{};
    std::optional<Lag> lag;  // none without a log
};

int64_t seconds_behind(const Lag& lag) {
    using std::chrono::milliseconds;
    const int64_t now_ms =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    return lag.records == 0 ? 0 : std::max<int64_t>(0, now_ms - lag.oldest_append_time_ms) / 1000;
}

Result<std::vector<PartitionStatus>> read_status(const StatusArgs& args) {
    std::unique_ptr<EventLog> log;
    if (!args.log.url.empty()) {
        UPLINE_TRY_ASSIGN(log, open_log(args.log.url, {.properties = args.log.properties}));
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    std::vector<PartitionStatus> all;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        PartitionStatus status{.partition = shard.partition, .position = ledger.position(), .lag = {}};
        UPLINE_TRY_ASSIGN(status.outcomes, query_outcomes(ledger));
        if (log) {
            UPLINE_TRY(expect_its_log(*log, ledger.store()));
            UPLINE_TRY_ASSIGN(status.lag, lag_of(*log, shard.partition, status.position));
        }
        all.push_back(status);
    }
    return all;
}

void print_json(const PartitionStatus& status, RowPrinter& rows) {
    rows.number("partition", status.partition);
    rows.number("size", static_cast<int64_t>(status.position.size));
    rows.text("root", to_hex(status.position.root));
    rows.text("clock", ledger_time_text(status.position.clock_us));
    rows.json("outcomes", outcomes_json(status.outcomes));
    rows.number("refused", refused_in(status.outcomes));
    if (status.lag) {
        rows.number("behind_records", static_cast<int64_t>(status.lag->records));
        rows.number("behind_seconds", seconds_behind(*status.lag));
    } else {
        rows.absent("behind_records");
        rows.absent("behind_seconds");
    }
    rows.end_row();
}

void print_text(const PartitionStatus& status, const std::string& data) {
    fmt::print("partition {}\n  size      {} entries, root {}\n  clock     {}\n  outcomes  {}\n", status.partition,
               with_commas(status.position.size), to_hex(status.position.root),
               ledger_time_text(status.position.clock_us), outcomes_text(status.outcomes));
    if (refused_in(status.outcomes) > 0)
        fmt::print("            `upline rejected --data {}` lists the refused\n", data);
    if (!status.lag) return;
    if (status.lag->records == 0)
        fmt::print("  log       applied to its end\n");
    else
        fmt::print("  log       {} records behind its end, for {} s\n", with_commas(status.lag->records),
                   with_commas(static_cast<uint64_t>(seconds_behind(*status.lag))));
}

}  // namespace

int status(const StatusArgs& args) {
    const Result<std::vector<PartitionStatus>> all = read_status(args);
    if (!all.ok()) return print_error(all.error());
    RowPrinter rows(Format::kJsonl, stdout);
    for (const PartitionStatus& one : *all) {
        if (args.json)
            print_json(one, rows);
        else
            print_text(one, args.data);
    }
    return kExitDone;
}

}  // namespace upline
