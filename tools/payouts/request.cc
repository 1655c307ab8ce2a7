// SPDX-License-Identifier: Apache-2.0
// `upline payouts request`: asks the ledger for everything that is due, once for each run, user and currency.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "events/base/text.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "tools/payouts/commands.h"
#include "tools/payouts/payouts.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

struct Requested {
    uint64_t already = 0;  // the ledger has them
    uint64_t late = 0;     // due, but the run is in the ledger already, without them
    PayoutSums sums;       // of those appended now
};

// What the ledger has of a run. It is closed then for its program and currency: its file may be at the bank.
struct OfRun {
    std::set<Uuid> payouts;
    std::set<std::pair<std::string, Currency>> closed;
};
Result<OfRun> find_run(std::vector<PayoutShard>& shards, const PayoutsRequestArgs& args) {
    UPLINE_TRY_ASSIGN(const auto requested, requested_payouts(shards, args.program, [&](const RequestedPayout& payout) {
                          return is_of_run(payout, args.run);
                      }));
    OfRun run;
    for (const RequestedPayout& payout : requested) {
        run.payouts.insert(payout.id);
        run.closed.emplace(payout.program, payout.currency);
    }
    return run;
}

Result<Requested> append(const std::vector<PlanRow>& rows, const OfRun& run, const PayoutsRequestArgs& args,
                         int64_t at_us, LogWriter* writer) {
    Requested requested;
    RecordWriter records;
    for (const PlanRow& row : rows) {
        const Uuid id = payout_id(args.run, row.program, row.user, row.currency);
        const bool has = run.payouts.contains(id);
        if (has) ++requested.already;
        if (row.due != Due::kDue) continue;
        if (has || run.closed.contains({row.program, row.currency})) {
            ++requested.late;
            continue;
        }
        requested.sums[row.currency].add(row.amount);
        if (!writer) continue;
        const Event event{
            .id = id,
            .type = static_cast<uint8_t>(EventType::kPayoutRequested),
            .program = row.program,
            .occurred_at_us = at_us,
            .payload = PayoutRequested{
                .user = {row.user}, .amount = {row.amount}, .currency = row.currency, .method = args.method}};
        UPLINE_TRY(writer->append(event.program, records.encode(event)));
    }
    if (writer) UPLINE_TRY(writer->flush());
    return requested;
}

void report(const PayoutsRequestArgs& args, int64_t at_us, const Requested& requested, const LogWriter* writer) {
    uint64_t count = 0;
    for (const auto& [currency, sum] : requested.sums) count += sum.payouts;
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.text("run", args.run);
        row.text("occurred_at", format_time(at_us));
        row.number("requested", static_cast<int64_t>(count));
        row.number("already_there", static_cast<int64_t>(requested.already));
        row.number("due_in_another_run", static_cast<int64_t>(requested.late));
        row.json("sums", sums_json(requested.sums));
        row.boolean("dry_run", args.dry_run);
        row.json("written", writer ? written_json(*writer) : "[]");
        row.end_row();
        return;
    }
    fmt::print("{} payouts {} for run {}, {} already in the ledger\n", with_commas(count),
               args.dry_run ? "would be requested" : "requested", args.run, with_commas(requested.already));
    for (const auto& [currency, sum] : requested.sums)
        fmt::print("  {} {} in {} payouts\n", sum_text(sum, currency), currency.text(), with_commas(sum.payouts));
    if (requested.late > 0)
        fmt::print(
            "{} more are due by now, and this run is closed since it is in the ledger: give a new --run for them\n",
            with_commas(requested.late));
    if (!writer) return;
    print_written(*writer);
    if (count > 0) fmt::print("apply them with `upline run --once`, then write the file with `upline payouts file`\n");
}

Result<int> request(const PayoutsRequestArgs& args) {
    UPLINE_TRY(check_run_name(args.run));
    if (args.method.empty() || !is_event_text(args.method))
        return Error{ErrorCode::kInvalid, fmt::format("--method: {} is no text of 1 to {} bytes, as bank is",
                                                      quote_for_message(args.method), kMaxTextBytes)};
    PlanFilter filter{.program = args.program, .currency = {}, .payee = {}};
    UPLINE_TRY_ASSIGN(filter.currency, currency_asked_for(args.currency));
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, open_payout_shards(args.data, args.program));
    LogOptions options;
    options.properties = args.log.properties;
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, options));
    UPLINE_TRY(check_log(*log, shards));
    if (!args.allow_lag) {
        UPLINE_TRY_ASSIGN(const std::optional<uint32_t> behind, lagging_partition(*log, shards));
        if (behind) {
            fmt::print(stderr,
                       "upline: partition {} of the log has events that the ledger has not applied: what is due may "
                       "have changed. Run `upline run --once` first, or go on with --allow-lag\n",
                       *behind);
            return kExitNegative;
        }
    }
    UPLINE_TRY_ASSIGN(const int64_t at_us, event_time(shards, args.at));
    UPLINE_TRY_ASSIGN(const std::vector<PlanRow> rows, plan_payouts(shards, at_us, filter));
    std::unique_ptr<LogWriter> writer;
    if (!args.dry_run) {
        UPLINE_TRY_ASSIGN(writer, log->open_writer());
    }
    UPLINE_TRY_ASSIGN(const OfRun run, find_run(shards, args));
    UPLINE_TRY_ASSIGN(const Requested requested, append(rows, run, args, at_us, writer.get()));
    report(args, at_us, requested, writer.get());
    return kExitDone;
}

}  // namespace

int payouts_request(const PayoutsRequestArgs& args) {
    const Result<int> code = request(args);
    if (code.ok()) return *code;
    print_error(code.error());
    fmt::print(stderr,
               "upline: asking again with the same --run is harmless: what was requested is not requested twice\n");
    return kExitCouldNot;
}

}  // namespace upline
