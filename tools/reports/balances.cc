// SPDX-License-Identifier: Apache-2.0
// `upline balances`: every balance as of a time or an entry, exact, by folding entries.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <tuple>

#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

struct Moment {
    std::optional<Sequence> entry;  // after this one
    std::optional<int64_t> time_us;
};

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
Result<std::unique_ptr<State>> state_at(ReadShard& shard, const Moment& moment) {
    Store& store = *shard.store;
    UPLINE_TRY_ASSIGN(const Position position, store.position());
    uint64_t size = position.size;
    if (moment.entry) {
        if (*moment.entry >= position.size)
            return Error{ErrorCode::kNotFound, fmt::format("partition {} has {} entries, numbered from 0: there is no "
                                                           "entry {}",
                                                           shard.partition, position.size, *moment.entry)};
        size = *moment.entry + 1;
    } else if (moment.time_us) {
        UPLINE_TRY_ASSIGN(size, size_at(store, *moment.time_us - 1));
    }
    const auto started = std::chrono::steady_clock::now();
    ProgressBar progress(fmt::format("partition {}: folding entries", shard.partition));
    UPLINE_TRY_ASSIGN(PastState past, load_past_state(store, size, progress.callback()));
    if (moment.time_us && *moment.time_us - 1 > past.state->clock_us())
        UPLINE_TRY(mature_until(store, *past.state, *moment.time_us - 1));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    if (moment.entry || moment.time_us)
        fmt::print(stderr, "partition {}: as of {} entries, folded from {} in {:.2f} s\n", shard.partition,
                   with_commas(size),
                   past.folded_from == 0 ? "the first entry"
                                         : fmt::format("the stored state of {} entries", with_commas(past.folded_from)),
                   seconds.count());
    return std::move(past.state);
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
        UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, state_at(shard, moment));
        print_balance_rows(*state, rows, [&](const User& owner) {
            return (!user || owner.id == *user) &&
                   (args.program.empty() || state->programs()[owner.program].name() == args.program);
        });
    }
    rows.flush();
    if (rows.failed()) return Error{ErrorCode::kUnavailable, "standard output was closed before the last row"};
    return ok_status();
}

}  // namespace

void print_balance_rows(const State& state, RowPrinter& rows, const std::function<bool(const User&)>& wanted) {
    // By program, user, currency: an order that says nothing about when or how they came to be.
    std::vector<Index> order;
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        const bool any = account.pending != 0 || account.available != 0 || account.reserved != 0 || account.paid != 0;
        if (any && wanted(state.users()[account.user])) order.push_back(static_cast<Index>(i));
    }
    const auto key = [&](Index index) {
        const Account account = state.accounts()[index];
        const User user = state.users()[account.user];
        return std::tuple(state.programs()[user.program].name(), user.id, account.currency);
    };
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
    for (const Index index : order) {
        const Account account = state.accounts()[index];
        const User user = state.users()[account.user];
        rows.text("program", state.programs()[user.program].name());
        rows.text("user", to_string(user.id));
        rows.text("currency", account.currency.text());
        rows.number("pending", account.pending);
        rows.number("available", account.available);
        rows.number("reserved", account.reserved);
        rows.number("paid", account.paid);
        rows.end_row();
        if (rows.failed()) break;
    }
}

int balances(const BalancesArgs& args) {
    return finish(print_balances(args), ErrorCode::kNotFound);
}

}  // namespace upline
