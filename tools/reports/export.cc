// SPDX-License-Identifier: Apache-2.0
// `upline export`: balances, entries and read models as rows.
#include <fmt/format.h>

#include <array>
#include <vector>

#include "events/base/bytes.h"
#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "projectors/models/payouts.h"
#include "projectors/models/sites.h"
#include "tools/reports/balance_rows.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

Status export_balances(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*shard.store));
    print_balance_rows(*state, rows, [](std::string_view, const User&) { return true; });
    return ok_status();
}

std::string postings_json(const Entry& entry, const State& state) {
    return json_objects(entry.posted(), [&](JsonWriter& json, const Posting& posting) {
        json.text("account", account_name(posting.account));
        if (posting.role != Role::kNone) json.text("role", role_name(posting.role));
        if (is_user_account(posting.account)) {
            const UserIndex user = state.user_by_sequence(posting.user);
            json.text("user", user == kNoIndex ? "unknown" : to_string(state.users()[user].id));
        }
        json.text("currency", entry.currency.text());
        json.number("amount", posting.amount);
    });
}

Status export_entries(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*shard.store));
    const std::unique_ptr<EntrySource> source = shard.store->scan_reader();
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

template <class E, size_t N>
void amounts(RowPrinter& rows, const std::array<int64_t, N>& values) {
    for (size_t i = 0; i < N; ++i) rows.number(enum_names<E>()[i], values[i]);
}

Status export_payouts(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
    UPLINE_TRY_ASSIGN(Table * table, ledger.rows(payouts_model));
    const std::unique_ptr<EntrySource> source = shard.store->scan_reader();
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
        rows.json("maturing", json_objects(payouts.maturing, [](JsonWriter& json, const Payouts::Maturing& part) {
                      json.text("day", format_day(part.day));
                      json.number("amount", part.amount);
                  }));
        rows.end_row();
        return !rows.failed();
    }));
    return status;
}

std::string widgets_json(const SiteStats& stats) {
    std::vector<size_t> used;
    for (size_t widget = 0; widget < kWidgets; ++widget)
        if (stats.activity[widget] != std::array<int64_t, kActivityKinds>{}) used.push_back(widget);
    return json_objects(used, [&stats](JsonWriter& json, size_t widget) {
        json.text("widget", enum_names<Widget>()[widget]);
        for (size_t kind = 0; kind < kActivityKinds; ++kind)
            json.number(fmt::format("{}s", enum_names<ActivityKind>()[kind]), stats.activity[widget][kind]);
        if (const auto click_through = stats.click_through_bp(enum_at<Widget>(widget)))
            json.number("click_through_bp", *click_through);
        else
            json.null("click_through_bp");
    });
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
    rows.boolean("visitors_exact", stats.visitors_exact);
    rows.number("impressions", stats.count(ActivityKind::kImpression));
    rows.number("clicks", stats.count(ActivityKind::kClick));
    rows.number("shares", stats.count(ActivityKind::kShare));
    ratio("conversion_bp", stats.conversion_bp());
    rows.json("widgets", widgets_json(stats));
    rows.json("sales", json_objects(stats.sales, [](JsonWriter& json, const SiteSales& sale) {
                  json.text("currency", sale.currency.text());
                  json.number("sales", sale.sales);
                  json.number("revenue", sale.revenue);
                  json.number("tax", sale.tax);
                  json.number("commission", sale.commission);
                  json.number("website_bonus", sale.website_bonus);
                  json.number("refunds", sale.refunds);
                  json.number("refunded", sale.refunded);
              }));
    rows.end_row();
}

Status export_sites(ReadShard& shard, RowPrinter& rows) {
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
    UPLINE_TRY_ASSIGN(Table * table, ledger.rows(sites_model));
    const std::unique_ptr<EntrySource> source = shard.store->scan_reader();
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
    if (!shards.ok()) return print_error(shards.error());
    RowPrinter rows(args.csv ? Format::kCsv : Format::kJsonl, stdout);
    for (ReadShard& shard : *shards) {
        Status status = ok_status();
        if (args.what == "balances") status = export_balances(shard, rows);
        if (args.what == "entries") status = export_entries(shard, rows);
        if (args.what == "payouts") status = export_payouts(shard, rows);
        if (args.what == "sites") status = export_sites(shard, rows);
        if (!status.ok()) return print_error(status.error());
    }
    rows.flush();
    if (rows.failed()) return print_error({ErrorCode::kUnavailable, "standard output was closed before the last row"});
    return kExitDone;
}

}  // namespace upline
