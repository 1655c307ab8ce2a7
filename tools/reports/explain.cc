// SPDX-License-Identifier: Apache-2.0
// `upline explain`: how a sale was split, in words or JSON.
#include <fmt/format.h>

#include <span>

#include "events/base/int128.h"
#include "tools/queries/explain.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

std::string percent(BasisPoints rate) {
    return fmt::format("{}.{:02} %", rate.value / 100, rate.value % 100);
}

// floor(of * rate / 10000) and the fraction it lost: "6.666 USD" of 33.33 USD at 20 %.
std::string exact_text(int64_t of, BasisPoints rate, Currency currency) {
    const UInt128 product = static_cast<UInt128>(of) * static_cast<uint32_t>(rate.value);
    std::string fraction = fmt::format("{:04}", static_cast<unsigned>(product % 10'000));
    fraction.erase(fraction.find_last_not_of('0') + 1);
    std::string whole = amount_text(static_cast<int64_t>(product / 10'000), currency);
    if (!fraction.empty() && currency_exponent(currency) == 0) whole += '.';
    return whole + fraction;
}

std::string_view name_of(Role role) {
    return role == Role::kNone ? "house" : role_name(role);
}

void text_or_null(JsonWriter& json, std::string_view name, const std::string& text) {
    if (text.empty())
        json.null(name);
    else
        json.text(name, text);
}

void print_json(const ExplainArgs& args, const Entry& entry, const Explanation& e) {
    const std::string rates = json_list(std::span(e.plan.level_rates).first(e.plan.levels),
                                        [](JsonWriter& json, BasisPoints rate) { json.number(rate.value); });
    const std::string parts = json_objects(e.parts, [](JsonWriter& json, const ExplainedPart& part) {
        json.text("role", role_name(part.role));
        text_or_null(json, "user", part.user);
        json.number("rate_bp", part.rate.value);
        json.number("of", part.of);
        json.number("amount", part.amount);
        text_or_null(json, "why", part.why);
    });
    const std::string refunds = json_objects(e.refunds, [](JsonWriter& json, const ExplainedRefund& refund) {
        json.text("refund", refund.id);
        json.number("entry", refund.entry);
        json.text("time", ledger_time_text(refund.clock_us));
        json.text("reason", refund.reason);
        json.number("amount", refund.amount);
        json.number("tax", refund.tax);
        json.number("left", refund.left);
        json.name("back");
        json.begin_object();
        for (const auto& [role, back] : refund.back) json.number(name_of(role), back);
        json.end_object();
    });
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", args.program);
    row.text("transaction", args.transaction);
    row.number("entry", static_cast<int64_t>(entry.sequence));
    row.number("rules_version", entry.rules_version);
    row.text("plan", e.plan_id.empty() ? "default" : e.plan_id);
    row.json("level_rates", rates);
    row.text("currency", entry.currency.text());
    row.number("amount", e.sale.amount);
    row.number("tax", e.split.tax);
    row.number("net", e.net);
    row.number("base", e.base);
    row.json("parts", parts);
    row.number("house", e.split.house);
    row.number("unfilled", e.house.unfilled);
    row.number("rounding", e.house.rounding);
    row.number("margin", e.house.margin);
    row.text("matures_at", ledger_time_text(entry.maturity_us));
    row.boolean("mature", e.mature);
    row.json("refunds", refunds);
    row.number("left", e.left);
    row.end_row();
}

void print_text(const ExplainArgs& args, const Entry& entry, const Explanation& e) {
    const Style& s = style();
    const Currency currency = entry.currency;
    const auto amount = [currency](int64_t minor) { return amount_text(minor, currency); };
    fmt::print("transaction {} of program {}: entry {}, rules version {}\n", args.transaction, args.program,
               entry.sequence, entry.rules_version);
    fmt::print("  sold        {}", money_text(e.sale.amount, currency));
    fmt::print("{}\n", e.split.tax == 0 ? "" : fmt::format(", of it {} tax", amount(e.split.tax)));
    fmt::print("  plan        {}\n", e.plan_id.empty()
                                         ? "the default, for none was published before the sale"
                                         : fmt::format("{}, published by entry {}", e.plan_id, entry.plan - 1));
    fmt::print("  net         {} = {} - {} tax\n", amount(e.net), amount(e.sale.amount), amount(e.split.tax));
    fmt::print("  base        {} = {} - {} for the creator\n", amount(e.base), amount(e.net), amount(e.split.creator));
    for (const ExplainedPart& part : e.parts) {
        fmt::print("  {:<10} {:>14}  ", role_name(part.role), amount(part.amount));
        if (part.user.empty()) {
            fmt::print("{}{}{}", s.dim, part.why, s.plain);
            if (is_level(part.role)) fmt::print("{} ({} of {}){}", s.dim, percent(part.rate), amount(part.of), s.plain);
            fmt::print("\n");
            continue;
        }
        const std::string exact = exact_text(part.of, part.rate, currency);
        fmt::print(
            "{} of {} = {}{}  {}\n", percent(part.rate), amount(part.of), exact,
            exact == amount(part.amount) ? "" : fmt::format(", rounded down{}", part.amount == 0 ? " to nothing" : ""),
            part.user);
    }
    fmt::print("  house      {:>14}  = {} unfilled levels + {} rounding + {} margin\n", amount(e.split.house),
               amount(e.house.unfilled), amount(e.house.rounding), amount(e.house.margin));
    fmt::print("  commissions {} {}\n", e.mature ? "are available since" : "mature on",
               ledger_time_text(entry.maturity_us));
    for (const ExplainedRefund& refund : e.refunds) {
        fmt::print("then {} {} (entry {}, {}): {} back, {} left\n", refund.reason, refund.id, refund.entry,
                   ledger_time_text(refund.clock_us), money_text(refund.amount, currency), amount(refund.left));
        if (refund.tax != 0) fmt::print("  {:<10} {:>14}\n", "tax", amount(-refund.tax));
        for (const auto& [role, back] : refund.back)
            fmt::print("  {:<10} {:>14}{}\n", name_of(role), amount(-back),
                       back < 0 ? "  gains: less is paid out than was rounded off before" : "");
    }
    fmt::print("{}every amount above is what the ledger's entries post{}\n", s.dim, s.plain);
}

Status explain_sale(const ExplainArgs& args) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards, args.program, args.transaction, "transaction"));
    UPLINE_TRY(expect_is<TransactionRecorded>(found, args.transaction, "sale"));
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(*found.shard));
    UPLINE_TRY_ASSIGN(const Explanation explanation, query_explanation(ledger, found.entry()));
    if (args.json)
        print_json(args, found.entry(), explanation);
    else
        print_text(args, found.entry(), explanation);
    return ok_status();
}

}  // namespace

int explain(const ExplainArgs& args) {
    return finish(explain_sale(args), ErrorCode::kNotFound);
}

}  // namespace upline
