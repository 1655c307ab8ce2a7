// SPDX-License-Identifier: Apache-2.0
// `upline show`: one user, sale, website, payout or event, or the head of the ledger.
#include <fmt/format.h>

#include <array>

#include "events/base/bytes.h"
#include "events/base/text.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "tools/queries/outcomes.h"
#include "tools/queries/payout.h"
#include "tools/queries/sale.h"
#include "tools/queries/user.h"
#include "tools/queries/website.h"
#include "tools/reports/commands.h"
#include "tools/reports/refused.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

std::string_view status_name(PayoutStatus status) {
    constexpr std::array<std::string_view, 3> kNames = {"requested", "settled", "failed"};
    return kNames.at(static_cast<size_t>(status));
}

Status show_head(std::vector<ReadShard>& shards, bool json) {
    RowPrinter rows(Format::kJsonl, stdout);
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        const LedgerHead& position = ledger.position();
        UPLINE_TRY_ASSIGN(const OutcomeCounts outcomes, query_outcomes(ledger));
        if (json) {
            rows.number("partition", shard.partition);
            rows.number("size", static_cast<int64_t>(position.size));
            rows.text("root", to_hex(position.root));
            rows.number("clock", position.clock_us);
            rows.json("outcomes", outcomes_json(outcomes));
            rows.end_row();
        } else {
            fmt::print("partition {}\n  size      {} entries\n  outcomes  {}\n  root      {}\n  clock     {}\n",
                       shard.partition, with_commas(position.size), outcomes_text(outcomes), to_hex(position.root),
                       ledger_time_text(position.clock_us));
        }
    }
    return ok_status();
}

std::string json_ids(const std::vector<Uuid>& ids) {
    return json_list(ids, [](JsonWriter& json, const Uuid& id) { json.text(to_string(id)); });
}

void print_json(const UserAnswer& user) {
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", user.program);
    row.text("user", to_string(user.id));
    row.number("entry", static_cast<int64_t>(user.entry));
    row.text("signed_up", ledger_time_text(user.signed_up_us));
    row.json("upline", json_ids(user.upline));
    row.number("direct_referrals", static_cast<int64_t>(user.direct_referrals));
    row.json("balances", json_objects(user.balances, [](JsonWriter& json, const CurrencyBalances& account) {
                 json.text("currency", account.currency.text());
                 json.number("pending", account.balances.pending);
                 json.number("available", account.balances.available);
                 json.number("reserved", account.balances.reserved);
                 json.number("paid", account.balances.paid);
             }));
    row.json("first_referrals", json_ids(user.first_referrals));
    row.boolean("suspended", user.suspended);
    row.json("last_payouts", json_objects(user.payouts, [](JsonWriter& json, const UserPayout& payout) {
                 json.text("payout", to_string(payout.id));
                 json.number("entry", payout.entry);
                 json.number("amount", payout.amount);
                 json.text("currency", payout.currency.text());
                 json.text("status", status_name(payout.status));
             }));
    row.end_row();
}

void print_earnings(const Payouts& row) {
    fmt::print("  earned in {}     by {} sales", row.currency.text(), with_commas(static_cast<uint64_t>(row.sales)));
    for (unsigned level = 1; level <= kMaxLevels; ++level)
        if (row.by_level[level - 1] != 0)
            fmt::print(", level {} {}", level, format_amount(row.by_level[level - 1], row.currency));
    if (row.as_creator != 0) fmt::print(", creator {}", format_amount(row.as_creator, row.currency));
    if (row.as_website_owner != 0) fmt::print(", website {}", format_amount(row.as_website_owner, row.currency));
    fmt::print("\n");
    for (const Payouts::Maturing& part : row.maturing)
        fmt::print("  matures           {}  {}\n", format_day(part.day), money_text(part.amount, row.currency));
}

void print_text(const UserAnswer& user) {
    fmt::print("user {} of program {}\n  signed up         {} (entry {})\n", to_string(user.id), user.program,
               ledger_time_text(user.signed_up_us), user.entry);
    if (user.suspended) fmt::print("  suspended         yes: buys and earns as before, and may request no payout\n");
    fmt::print("  direct referrals  {}\n", with_commas(user.direct_referrals));
    for (const Uuid& id : user.first_referrals) fmt::print("                    {}\n", to_string(id));
    if (user.direct_referrals > user.first_referrals.size())
        fmt::print("                    and {} more\n",
                   with_commas(user.direct_referrals - user.first_referrals.size()));
    for (size_t i = 0; i < user.upline.size(); ++i)
        fmt::print("  {:<17} level {}  {}\n", i == 0 ? "upline" : "", i + 1, to_string(user.upline[i]));
    if (user.upline.empty()) fmt::print("  upline            nobody\n");
    if (user.balances.empty()) fmt::print("  balances          none yet\n");
    for (const auto& [currency, balances] : user.balances)
        fmt::print("  balances          available {}, pending {}, reserved {}, paid {}\n",
                   money_text(balances.available, currency), money_text(balances.pending, currency),
                   money_text(balances.reserved, currency), money_text(balances.paid, currency));
    for (const Payouts& row : user.earnings) print_earnings(row);
    for (const UserPayout& payout : user.payouts)
        fmt::print("  payout            {}  {}, {}\n", to_string(payout.id), money_text(payout.amount, payout.currency),
                   status_name(payout.status));
}

void print_json(const SaleAnswer& sale) {
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", sale.program);
    row.text("transaction", to_string(sale.id));
    row.number("entry", static_cast<int64_t>(sale.entry));
    row.number("log_offset", sale.place.offset);
    row.text("occurred_at", ledger_time_text(sale.occurred_us));
    row.text("buyer", sale.buyer);
    row.number("amount", sale.amount);
    row.number("tax", sale.tax);
    row.text("currency", sale.currency.text());
    row.text("source", enum_name(sale.source));
    row.text("stream", enum_name(sale.stream));
    row.text("matures_at", ledger_time_text(sale.maturity_us));
    row.boolean("mature", sale.mature);
    row.number("left", sale.left);
    row.json("postings", json_objects(sale.postings, [](JsonWriter& json, const SaleAnswer::Line& line) {
                 json.text("account", account_name(line.account));
                 if (line.role != Role::kNone) json.text("role", role_name(line.role));
                 if (!line.user.empty()) json.text("user", line.user);
                 json.number("amount", line.amount);
             }));
    row.end_row();
}

void print_text(const SaleAnswer& sale, uint32_t partition) {
    fmt::print("transaction {} of program {}\n", to_string(sale.id), sale.program);
    fmt::print("  entry {}, offset {} of partition {}; occurred {}\n", sale.entry, sale.place.offset, partition,
               ledger_time_text(sale.occurred_us));
    fmt::print("  buyer {}, {} ({}, {})\n", sale.buyer, money_text(sale.amount, sale.currency), enum_name(sale.source),
               enum_name(sale.stream));
    for (const SaleAnswer::Line& line : sale.postings)
        fmt::print("    {:<8} {:<10} {:>18}  {}\n", account_name(line.account), role_name(line.role),
                   money_text(line.amount, sale.currency), line.user);
    fmt::print("  commissions {} {}\n", sale.mature ? "are available since" : "mature on",
               ledger_time_text(sale.maturity_us));
    if (sale.left != sale.amount)
        fmt::print("  refunded {}, {} left; `upline explain` tells what was taken back\n",
                   money_text(sale.amount - sale.left, sale.currency), money_text(sale.left, sale.currency));
}

void print_json(const PayoutAnswer& payout) {
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", payout.program);
    row.text("payout", to_string(payout.id));
    row.number("entry", static_cast<int64_t>(payout.entry));
    row.text("occurred_at", ledger_time_text(payout.occurred_us));
    row.text("user", to_string(payout.user));
    row.number("amount", payout.amount);
    row.text("currency", payout.currency.text());
    row.text("method", payout.method);
    row.text("status", status_name(payout.status));
    row.json("results", json_objects(payout.results, [](JsonWriter& json, const PayoutAnswer::ProviderResult& result) {
                 json.number("entry", result.entry);
                 json.text("occurred_at", ledger_time_text(result.occurred_us));
                 json.text("status", result.settled ? "settled" : "failed");
                 json.text("note", result.note);
             }));
    row.end_row();
}

void print_text(const PayoutAnswer& payout) {
    fmt::print("payout {} of program {}: {}\n", to_string(payout.id), payout.program, status_name(payout.status));
    fmt::print("  {} to user {} by {}, requested {} (entry {})\n", money_text(payout.amount, payout.currency),
               to_string(payout.user), quote_for_message(payout.method), ledger_time_text(payout.occurred_us),
               payout.entry);
    for (const PayoutAnswer::ProviderResult& result : payout.results)
        fmt::print("  {} {} (entry {}){}{}\n", result.settled ? "settled" : "failed",
                   ledger_time_text(result.occurred_us), result.entry, result.note.empty() ? "" : ": ",
                   result.note.empty() ? "" : quote_for_message(result.note));
}

void print_json(const WebsiteAnswer& website) {
    const SiteStats& stats = website.total;
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", website.program);
    row.text("website", to_string(website.id));
    row.number("entry", static_cast<int64_t>(website.entry));
    row.text("owner", to_string(website.owner));
    row.text("status", enum_name(website.status));
    row.number("views", stats.count(ActivityKind::kView));
    row.number("impressions", stats.count(ActivityKind::kImpression));
    row.number("clicks", stats.count(ActivityKind::kClick));
    row.number("shares", stats.count(ActivityKind::kShare));
    row.number("visitors", stats.visitors);
    row.json("sales", json_objects(stats.sales, [](JsonWriter& json, const SiteSales& sale) {
                 json.text("currency", sale.currency.text());
                 json.number("sales", sale.sales);
                 json.number("revenue", sale.revenue);
                 json.number("commission", sale.commission);
             }));
    row.end_row();
}

void print_text(const WebsiteAnswer& website) {
    const SiteStats& stats = website.total;
    fmt::print("website {} of program {}, {}\n", to_string(website.id), website.program, enum_name(website.status));
    fmt::print("  created   {} (entry {}) by {}\n", ledger_time_text(website.created_us), website.entry,
               to_string(website.owner));
    fmt::print("  activity  {} views, {} impressions, {} clicks, {} shares, {} visitors{}\n",
               stats.count(ActivityKind::kView), stats.count(ActivityKind::kImpression),
               stats.count(ActivityKind::kClick), stats.count(ActivityKind::kShare), stats.visitors,
               stats.visitors_exact ? "" : " (estimated)");
    for (const SiteSales& sale : stats.sales)
        fmt::print("  sales     {} for {}, commissions {}\n", sale.sales, money_text(sale.revenue, sale.currency),
                   money_text(sale.commission, sale.currency));
}

template <class Answer, class... More>
Status print(const Result<Answer>& answer, bool json, const More&... more) {
    UPLINE_TRY(answer);
    if (json)
        print_json(*answer);
    else
        print_text(*answer, more...);
    return ok_status();
}

Status show_one(std::vector<ReadShard>& shards, const ShowArgs& args) {
    if (args.what == "event") return show_event(shards, args);
    const Result<FoundEntry> found_entry = find_entry(shards, args.program, args.id, args.what.c_str());
    // What was refused is an answer too.
    if (!found_entry.ok() && found_entry.error().code == ErrorCode::kNotFound && show_event(shards, args).ok())
        return ok_status();
    UPLINE_TRY(found_entry);
    const FoundEntry& found = *found_entry;
    const Entry& entry = found.entry();
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(*found.shard));
    if (args.what == "user") {
        UPLINE_TRY(expect_is<UserSignedUp>(found, args.id, args.what));
        return print(query_user(ledger, entry), args.json);
    }
    if (args.what == "website") {
        UPLINE_TRY(expect_is<WebsiteCreated>(found, args.id, args.what));
        return print(query_website(ledger, entry), args.json);
    }
    if (args.what == "payout") {
        UPLINE_TRY(expect_is<PayoutRequested>(found, args.id, args.what));
        return print(query_payout(ledger, entry), args.json);
    }
    UPLINE_TRY(expect_is<TransactionRecorded>(found, args.id, args.what));
    return print(query_sale(ledger, entry), args.json, ledger.partition());
}

}  // namespace

int show(const ShowArgs& args) {
    auto shards = open_for_reading(args.data);
    if (!shards.ok()) return print_error(shards.error());
    if (args.what == "head") return finish(show_head(*shards, args.json), ErrorCode::kNotFound);
    return finish(show_one(*shards, args), ErrorCode::kNotFound);
}

}  // namespace upline
