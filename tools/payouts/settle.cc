// SPDX-License-Identifier: Apache-2.0
// `upline payouts settle`: loads what a bank or provider made of payouts; each line settled or failed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "events/record_writer.h"
#include "events/values/time.h"
#include "tools/payouts/commands.h"
#include "tools/payouts/csv.h"
#include "tools/payouts/payout_result.h"
#include "tools/payouts/payouts.h"
#include "tools/queries/payout.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

struct Loaded {
    uint64_t settled = 0;
    uint64_t failed = 0;
    uint64_t already = 0;
    uint64_t wrong = 0;  // unknown or malformed
};

// Payouts of every program have ids of their own: that of a run and user is in one program only.
using Found = std::multimap<Uuid, RequestedPayout>;
Result<Found> find_payouts(std::vector<PayoutShard>& shards, const std::string& program,
                           const std::vector<CsvRow>& rows) {
    std::set<Uuid> ids;
    for (const CsvRow& row : rows)
        if (const PayoutResult result = parse_payout_result(row); result.wrong.empty()) ids.insert(result.payout);
    UPLINE_TRY_ASSIGN(auto payouts, requested_payouts(shards, program, [&](const RequestedPayout& payout) {
                          return ids.contains(payout.id);
                      }));
    Found found;
    for (RequestedPayout& payout : payouts) found.emplace(payout.id, std::move(payout));
    return found;
}

class Loader {
  public:
    Loader(const PayoutsSettleArgs& args, const Found& payouts, LogWriter& writer, int64_t at_us)
        : args_(args), payouts_(payouts), writer_(writer), at_us_(at_us) {}

    Status load(const std::vector<CsvRow>& rows) {
        for (const CsvRow& row : rows) UPLINE_TRY(take(row));
        return writer_.flush();
    }
    const Loaded& loaded() const { return loaded_; }

  private:
    void tell(const CsvRow& row, const std::string& what) {
        fmt::print(stderr, "upline: {}:{}: {}\n", args_.file, row.line, what);
    }
    Status wrong(const CsvRow& row, const std::string& what) {
        ++loaded_.wrong;
        tell(row, what);
        return ok_status();
    }

    Status take(const CsvRow& row) {
        const PayoutResult result = parse_payout_result(row);
        if (!result.wrong.empty()) return wrong(row, result.wrong);
        const auto [found, end] = payouts_.equal_range(result.payout);
        if (found == end)
            return wrong(row, fmt::format("payout {} is unknown: the ledger has none of that id", row.cells[0]));
        if (std::next(found) != end)
            return wrong(row, fmt::format("payout {} is in several programs: say which with --program", row.cells[0]));
        return append(row, found->second, result);
    }

    Status append(const CsvRow& row, const RequestedPayout& payout, const PayoutResult& result) {
        const bool settled = result.settled;
        const Uuid id = payout_result_id(payout.program, result.payout, settled ? "settled" : "failed",
                                         result.reference, result.reason);
        Entry request;
        UPLINE_TRY(payout.shard->ledger->read(payout.entry, request));
        UPLINE_TRY_ASSIGN(const PayoutAnswer known, query_payout(*payout.shard->ledger, request));
        const bool has = std::ranges::count(known.results, id, &PayoutAnswer::ProviderResult::id) > 0;
        // As of the ledger, or of a line before.
        PayoutStatus& status = statuses_.try_emplace(payout.id, known.status).first->second;
        const bool same = status == (settled ? PayoutStatus::kSettled : PayoutStatus::kFailed);
        // Where the ledger lags it is the ledger's to say whether the same result comes twice.
        if (has || (same && !args_.allow_lag)) {
            ++loaded_.already;
            if (!has)
                tell(row, fmt::format("payout {} is {} already, by another result: nothing to do", row.cells[0],
                                      settled ? "settled" : "failed"));
            else if (!same)
                tell(row, fmt::format("this result was loaded before, and a later one says that payout {} {}: if the "
                                      "provider now says {} again, give the line another reference or reason",
                                      row.cells[0], settled ? "failed" : "settled", row.cells[1]));
            return ok_status();
        }
        const Event event{.id = id,
                          .type = static_cast<uint8_t>(settled ? EventType::kPayoutSettled : EventType::kPayoutFailed),
                          .program = payout.program,
                          .occurred_at_us = at_us_,
                          .payload = payload_of(result)};
        UPLINE_TRY(writer_.append(event.program, records_.encode(event)));
        ++(settled ? loaded_.settled : loaded_.failed);
        status = settled ? PayoutStatus::kSettled : PayoutStatus::kFailed;
        return ok_status();
    }

    const PayoutsSettleArgs& args_;
    const Found& payouts_;
    LogWriter& writer_;
    int64_t at_us_;
    RecordWriter records_;
    std::map<Uuid, PayoutStatus> statuses_;
    Loaded loaded_;
};

Result<int> settle(const PayoutsSettleArgs& args) {
    UPLINE_TRY_ASSIGN(const std::vector<CsvRow> rows, read_csv(args.file, kPayoutResultColumns));
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, open_payout_shards(args.data, args.program));
    LogOptions options;
    options.properties = args.log.properties;
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, options));
    UPLINE_TRY(check_log(*log, shards));
    if (!args.allow_lag) {
        UPLINE_TRY_ASSIGN(const std::optional<uint32_t> behind, lagging_partition(*log, shards));
        if (behind) {
            fmt::print(stderr,
                       "upline: partition {} of the log has events that the ledger has not applied, results perhaps. "
                       "Run `upline run --once` first, or go on with --allow-lag\n",
                       *behind);
            return kExitNegative;
        }
    }
    UPLINE_TRY_ASSIGN(const int64_t at_us, event_time(shards, args.at));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogWriter> writer, log->open_writer());
    UPLINE_TRY_ASSIGN(const Found payouts, find_payouts(shards, args.program, rows));
    Loader loader(args, payouts, *writer, at_us);
    UPLINE_TRY(loader.load(rows));
    const Loaded& loaded = loader.loaded();
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.number("settled", static_cast<int64_t>(loaded.settled));
        row.number("failed", static_cast<int64_t>(loaded.failed));
        row.number("already_there", static_cast<int64_t>(loaded.already));
        row.number("unknown_or_malformed", static_cast<int64_t>(loaded.wrong));
        row.json("written", written_json(*writer));
        row.end_row();
    } else {
        fmt::print("{} settled, {} failed, {} already there, {} lines unknown or malformed\n",
                   with_commas(loaded.settled), with_commas(loaded.failed), with_commas(loaded.already),
                   with_commas(loaded.wrong));
        print_written(*writer);
        if (loaded.settled + loaded.failed > 0) fmt::print("apply them with `upline run --once`\n");
    }
    return loaded.wrong > 0 ? kExitNegative : kExitDone;
}

}  // namespace

int payouts_settle(const PayoutsSettleArgs& args) {
    const Result<int> code = settle(args);
    if (code.ok()) return *code;
    print_error(code.error());
    fmt::print(stderr, "upline: loading the same file again is harmless: a result counts once\n");
    return kExitCouldNot;
}

}  // namespace upline
