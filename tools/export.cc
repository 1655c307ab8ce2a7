// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "events/json.h"
#include "events/time.h"
#include "projectors/payouts.h"
#include "projectors/sites.h"
#include "tools/commands.h"
#include "tools/print.h"
#include "tools/reading.h"

namespace upline {
namespace {

Status export_balances(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*shard.store));
    // By program, user, currency: an order that says nothing about when or how they came to be.
    std::vector<Index> order;
    for (size_t i = 0; i < state->accounts().size(); ++i) {
        const Account& account = state->accounts()[i];
        if (account.pending != 0 || account.available != 0 || account.reserved != 0 || account.paid != 0)
            order.push_back(static_cast<Index>(i));
    }
    const auto key = [&](Index index) {
        const Account& account = state->accounts()[index];
        const User& user = state->users()[account.user];
        return std::tuple(state->programs()[user.program].name(), user.id, account.currency);
    };
    std::sort(order.begin(), order.end(), [&](Index a, Index b) { return key(a) < key(b); });
    for (const Index index : order) {
        const Account& account = state->accounts()[index];
        const User& user = state->users()[account.user];
        rows.text("program", state->programs()[user.program].name());
        rows.text("user", to_string(user.id));
        rows.text("currency", account.currency.text());
        rows.number("pending", account.pending);
        rows.number("available", account.available);
        rows.number("reserved", account.reserved);
        rows.number("paid", account.paid);
        rows.end_row();
        if (rows.failed()) break;
    }
    return ok_status();
}

std::string postings_json(const Entry& entry, const State& state) {
    std::string text = "[";
    for (const Posting& posting : entry.posted()) {
        text += fmt::format("{}{{\"account\": \"{}\"", text.size() > 1 ? ", " : "", account_name(posting.account));
        if (posting.role != Role::kNone) text += fmt::format(", \"role\": \"{}\"", role_name(posting.role));
        if (is_user_account(posting.account)) {
            const auto user = state.user_by_sequence(posting.user);
            text += fmt::format(", \"user\": \"{}\"", user ? to_string(state.users()[*user].id) : "unknown");
        }
        text += fmt::format(", \"currency\": \"{}\", \"amount\": {}}}", entry.currency.text(), posting.amount);
    }
    return text + "]";
}

Status export_entries(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*shard.store));
    const std::unique_ptr<EntrySource> source = shard.store->entries();
    Entry entry;
    for (Sequence sequence = 0; sequence < state->size() && !rows.failed(); ++sequence) {
        UPLINE_TRY(read_entry(*source, sequence, entry));
        rows.number("partition", shard.partition);
        rows.number("sequence", static_cast<int64_t>(entry.sequence));
        if (!entry.readable()) {
            rows.absent("type");
            rows.absent("id");
            rows.absent("program");
        } else {
            if (entry.type <= kLastEventType)
                rows.text("type", event_type_name(static_cast<EventType>(entry.type)));
            else
                rows.number("type", entry.type);
            rows.text("id", to_string(entry.id));
            rows.text("program", entry.program);
        }
        rows.text("outcome", outcome_name(entry.outcome));
        rows.number("rules_version", entry.rules_version);
        rows.text("clock", format_time(entry.clock_us));
        if (entry.accepted())
            rows.text("occurred_at", format_time(entry.occurred_at_us));
        else
            rows.absent("occurred_at");
        if (entry.maturity_us != kNoMaturity && entry.posting_count > 0)
            rows.text("matures_at", format_time(std::min(entry.maturity_us, kMaxTimeUs)));
        else
            rows.absent("matures_at");
        rows.text("record_sha256", to_hex(entry.record_sha256));
        rows.json("postings", postings_json(entry, *state));
        rows.end_row();
    }
    return ok_status();
}

}  // namespace

int export_rows(const ExportArgs& args) {
    auto shards = open_for_reading(args.data);
    if (!shards.ok()) return complain(shards.error());
    RowPrinter rows(args.csv ? Format::kCsv : Format::kJsonl, stdout);
    for (ReadShard& shard : *shards) {
        Status status = ok_status();
        if (args.what == "balances") status = export_balances(shard, rows);
        if (args.what == "entries") status = export_entries(shard, rows);
        if (args.what == "payouts") status = export_payouts(shard, rows);
        if (args.what == "sites") status = export_sites(shard, rows);
        if (!status.ok()) return complain(status.error());
    }
    rows.flush();
    if (rows.failed()) return complain({ErrorCode::kUnavailable, "standard output was closed before the last row"});
    return kExitDone;
}

}  // namespace upline
