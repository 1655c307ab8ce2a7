// SPDX-License-Identifier: Apache-2.0
// `upline balances`: every balance as of a time or an entry, exact, by folding entries.
#include <fmt/format.h>

#include <charconv>
#include <chrono>

#include "tools/reports/balance_rows.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

Result<Moment> parse_as_of(const std::string& text) {
    Moment moment;
    if (text.empty()) return moment;
    Sequence entry = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), entry);
    if (parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size()) {
        moment.entry = entry;
        return moment;
    }
    UPLINE_TRY_ASSIGN(moment.time_us, parse_moment(text));
    return moment;
}

// Says on standard error from where the state was folded, and what that cost.
Result<std::unique_ptr<State>> fold_state(ReadShard& shard, const Moment& moment) {
    const auto started = std::chrono::steady_clock::now();
    ProgressBar progress(fmt::format("partition {}: folding entries", shard.partition));
    UPLINE_TRY_ASSIGN(StateAt at, state_at(shard, moment, progress.callback()));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    if (moment.entry || moment.time_us)
        fmt::print(stderr, "partition {}: as of {} entries, folded from {} in {:.2f} s\n", shard.partition,
                   with_commas(at.size),
                   at.folded_from == 0 ? "the first entry"
                                       : fmt::format("the stored state of {} entries", with_commas(at.folded_from)),
                   seconds.count());
    return std::move(at.state);
}

Status print_balances(const BalancesArgs& args) {
    UPLINE_TRY_ASSIGN(const Moment moment, parse_as_of(args.as_of));
    std::optional<Uuid> user;
    if (!args.user.empty()) {
        user = parse_uuid(args.user);
        if (!user) return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not a UUID", args.user)};
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY(keep_partition(shards, args.partition, args.data));
    if (moment.entry && shards.size() > 1)
        return Error{ErrorCode::kInvalid,
                     "entries are numbered in each partition: say which with --partition, or give a time"};
    RowPrinter rows(args.csv ? Format::kCsv : Format::kJsonl, stdout);
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, fold_state(shard, moment));
        print_balance_rows(*state, rows, [&](std::string_view program, const User& owner) {
            return (!user || owner.id == *user) && (args.program.empty() || program == args.program);
        });
    }
    rows.flush();
    if (rows.failed()) return Error{ErrorCode::kUnavailable, "standard output was closed before the last row"};
    return ok_status();
}

}  // namespace

void print_balance_rows(const State& state, RowPrinter& rows,
                        const std::function<bool(std::string_view program, const User&)>& wanted) {
    for_each_balance(state, wanted, [&rows](const BalanceRow& row) {
        rows.text("program", row.program);
        rows.text("user", to_string(row.user));
        rows.text("currency", row.currency.text());
        rows.number("pending", row.balances.pending);
        rows.number("available", row.balances.available);
        rows.number("reserved", row.balances.reserved);
        rows.number("paid", row.balances.paid);
        rows.end_row();
        return !rows.failed();
    });
}

int balances(const BalancesArgs& args) {
    return finish(print_balances(args), ErrorCode::kNotFound);
}

}  // namespace upline
