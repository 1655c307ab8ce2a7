// SPDX-License-Identifier: Apache-2.0
// `upline export`: balances, entries and read models as rows.
#include <fmt/format.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/models/payouts.h"
#include "projectors/models/sites.h"
#include "projectors/projection.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

Status export_balances(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*shard.store));
    print_balance_rows(*state, rows, [](const User&) { return true; });
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
        rows.text("clock", ledger_time_text(entry.clock_us));
        if (entry.accepted())
            rows.text("occurred_at", format_time(entry.occurred_at_us));
        else
            rows.absent("occurred_at");
        if (entry.maturity_us != kNoMaturity && entry.posting_count > 0)
            rows.text("matures_at", ledger_time_text(entry.maturity_us));
        else
            rows.absent("matures_at");
        rows.text("record_sha256", to_hex(entry.record_sha256));
        rows.json("postings", postings_json(entry, *state));
        rows.end_row();
    }
    return ok_status();
}

Result<std::unique_ptr<Table>> model_table(ReadShard& shard, const Model& model) {
    UPLINE_TRY_ASSIGN(std::unique_ptr<Table> table, open_table(*shard.store, model.name()));
    UPLINE_TRY(read_position(*table, model));
    return table;
}

template <class E, size_t N>
void amounts(RowPrinter& rows, const std::array<int64_t, N>& values) {
    for (size_t i = 0; i < N; ++i) rows.number(enum_names<E>()[i], values[i]);
}

Status export_payouts(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> table, model_table(shard, *payouts_model()));
    const std::unique_ptr<EntrySource> source = shard.store->entries();
    Entry signup;
    Status status = ok_status();
    UPLINE_TRY(read_payouts(*table, std::nullopt, [&](const Payouts& payouts) {
        status = read_entry(*source, payouts.user, signup);
        if (!status.ok()) return false;
        rows.text("program", signup.program);
        rows.text("user", to_string(signup.id));
        rows.text("currency", payouts.currency.text());
        rows.number("pending", payouts.pending);
        rows.number("available", payouts.available);
        rows.number("reserved", payouts.reserved);
        rows.number("paid", payouts.paid);
        rows.number("sales", payouts.sales);
        for (unsigned level = 1; level <= kMaxLevels; ++level)
            rows.number(fmt::format("level_{}", level), payouts.by_level[level - 1]);
        rows.number("creator", payouts.as_creator);
        rows.number("website_owner", payouts.as_website_owner);
        rows.number("adjusted", payouts.adjusted);
        for (size_t i = 0; i < kSources; ++i)
            rows.number(fmt::format("source_{}", enum_names<Source>()[i]), payouts.by_source[i]);
        amounts<Stream>(rows, payouts.by_stream);
        std::string maturing = "[";
        for (const Payouts::Maturing& part : payouts.maturing)
            maturing += fmt::format("{}{{\"day\": \"{}\", \"amount\": {}}}", maturing.size() > 1 ? ", " : "",
                                    format_day(part.day), part.amount);
        rows.json("maturing", maturing + "]");
        rows.end_row();
        return !rows.failed();
    }));
    return status;
}

void site_row(RowPrinter& rows, const Entry& website, const std::string& day, const SiteStats& stats) {
    const auto ratio = [&rows](const char* name, std::optional<int64_t> basis_points) {
        if (basis_points)
            rows.number(name, *basis_points);
        else
            rows.absent(name);
    };
    rows.text("program", website.program);
    rows.text("website", to_string(website.id));
    rows.text("day", day);
    rows.number("views", stats.count(ActivityKind::kView));
    rows.number("visitors", stats.visitors);
    rows.json("visitors_exact", stats.visitors_exact ? "true" : "false");
    rows.number("impressions", stats.count(ActivityKind::kImpression));
    rows.number("clicks", stats.count(ActivityKind::kClick));
    rows.number("shares", stats.count(ActivityKind::kShare));
    ratio("conversion_bp", stats.conversion_bp());
    std::string widgets = "[";
    for (size_t widget = 0; widget < kWidgets; ++widget) {
        const auto& kinds = stats.activity[widget];
        if (kinds == std::array<int64_t, kActivityKinds>{}) continue;
        const auto click_through = stats.click_through_bp(static_cast<Widget>(widget));
        widgets += fmt::format("{}{{\"widget\": \"{}\"", widgets.size() > 1 ? ", " : "", enum_names<Widget>()[widget]);
        for (size_t kind = 0; kind < kActivityKinds; ++kind)
            widgets += fmt::format(", \"{}s\": {}", enum_names<ActivityKind>()[kind], kinds[kind]);
        widgets += fmt::format(", \"click_through_bp\": {}}}", click_through ? std::to_string(*click_through) : "null");
    }
    rows.json("widgets", widgets + "]");
    std::string sales = "[";
    for (const SiteSales& sale : stats.sales)
        sales += fmt::format(
            "{}{{\"currency\": \"{}\", \"sales\": {}, \"revenue\": {}, \"tax\": {}, "
            "\"commission\": {}, \"website_bonus\": {}, \"refunds\": {}, \"refunded\": {}}}",
            sales.size() > 1 ? ", " : "", sale.currency.text(), sale.sales, sale.revenue, sale.tax, sale.commission,
            sale.website_bonus, sale.refunds, sale.refunded);
    rows.json("sales", sales + "]");
    rows.end_row();
}

Status export_sites(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> table, model_table(shard, *sites_model()));
    const std::unique_ptr<EntrySource> source = shard.store->entries();
    Entry website;
    Status status = ok_status();
    UPLINE_TRY(read_sites(*table, std::nullopt, [&](const Site& site) {
        status = read_entry(*source, site.website, website);
        if (!status.ok()) return false;
        site_row(rows, website, "total", site.total);
        for (const Site::Day& day : site.days) site_row(rows, website, format_day(day.day), day.stats);
        return !rows.failed();
    }));
    return status;
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
