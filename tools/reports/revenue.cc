// SPDX-License-Identifier: Apache-2.0
// `upline revenue`: what came in and where it went, in words or rows.
#include <fmt/format.h>

#include <map>

#include "events/values/time.h"
#include "tools/queries/revenue.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

void print_rows(const RevenueArgs& args, const RevenueReport& report, Format format) {
    RowPrinter rows(format, stdout);
    for (const auto& [group, r] : report) {
        for (size_t i = 0; i < args.by.size(); ++i) rows.text(args.by[i], group.first[i]);
        rows.text("currency", group.second.text());
        rows.number("sales", r.sales);
        rows.number("refunds", r.refunds);
        rows.number("gross", r.gross);
        rows.number("refunded", r.refunded);
        rows.number("tax", r.tax);
        for (unsigned level = 1; level <= kMaxLevels; ++level)
            rows.number(fmt::format("level_{}", level), r.levels[level - 1]);
        rows.number("creator", r.creator);
        rows.number("website", r.website);
        rows.number("house", r.house());
        rows.number("unfilled", r.unfilled);
        rows.number("rounding", r.rounding);
        rows.number("margin", r.margin);
        rows.number("adjustments", r.adjustments);
        rows.end_row();
    }
}

void print_text(const RevenueArgs& args, const RevenueReport& report) {
    const Style& s = style();
    std::map<Currency, std::vector<std::pair<std::string, Revenue>>> by_currency;
    for (const auto& [group, revenue] : report)
        by_currency[group.second].emplace_back(fmt::format("{}", fmt::join(group.first, ", ")), revenue);
    for (auto& [currency, lines] : by_currency) {
        Revenue total;
        for (const auto& line : lines) total.add(line.second);
        lines.emplace_back("total", total);
        fmt::print("{}{} by {}{}\n", s.bold, currency.text(), fmt::join(args.by, ", "), s.plain);
        fmt::print("{}  {:<28} {:>8} {:>16} {:>14} {:>14} {:>16} {:>14} {:>14} {:>16}{}\n", s.dim, "", "sales", "gross",
                   "refunded", "tax", "commissions", "creators", "websites", "house", s.plain);
        for (const auto& [name, r] : lines) {
            int64_t commissions = 0;
            for (const int64_t level : r.levels) wrapping_add(commissions, level);
            const auto amount = [c = currency](int64_t minor) { return amount_text(minor, c); };
            fmt::print("  {:<28} {:>8} {:>16} {:>14} {:>14} {:>16} {:>14} {:>14} {:>16}\n", name,
                       with_commas(static_cast<uint64_t>(r.sales)), amount(r.gross), amount(r.refunded), amount(r.tax),
                       amount(commissions), amount(r.creator), amount(r.website), amount(r.house()));
        }
        fmt::print("  commissions by level:");
        for (unsigned level = 1; level <= kMaxLevels; ++level)
            fmt::print(" {} {}{}", level, amount_text(total.levels[level - 1], currency),
                       level < kMaxLevels ? "," : "");
        fmt::print("\n  house: {} unfilled levels, {} rounding, {} margin; adjustments to users {}; refunds {}\n",
                   amount_text(total.unfilled, currency), amount_text(total.rounding, currency),
                   amount_text(total.margin, currency), amount_text(total.adjustments, currency),
                   with_commas(static_cast<uint64_t>(total.refunds)));
    }
    if (by_currency.empty()) fmt::print("no sales\n");
}

Result<int> report_revenue(const RevenueArgs& args) {
    RevenueQuery query{.by = args.by, .program = args.program, .currency = {}, .from_day = {}, .to_day = {}};
    if (!args.currency.empty()) {
        query.currency = parse_currency(args.currency);
        if (!query.currency)
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no ISO 4217 currency", args.currency)};
    }
    const auto day = [](const std::string& text) -> Result<int64_t> {
        UPLINE_TRY_ASSIGN(const int64_t us, parse_moment(text));
        if (us % kUsPerDay != 0)
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\": revenue is kept by UTC day; give one", text)};
        return us / kUsPerDay;
    };
    if (!args.from.empty()) {
        UPLINE_TRY_ASSIGN(query.from_day, day(args.from));
    }
    if (!args.to.empty()) {
        UPLINE_TRY_ASSIGN(query.to_day, day(args.to));
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    RevenueAnswer answer;
    {
        ProgressBar progress("revenue: folding the ledger's own accounts");
        UPLINE_TRY_ASSIGN(answer, query_revenue(shards, query, progress.callback()));
    }
    if (args.format == "text")
        print_text(args, answer.report);
    else
        print_rows(args, answer.report, args.format == "csv" ? Format::kCsv : Format::kJsonl);
    if (answer.difference) {
        fmt::print(stderr, "upline: it does not add up to the ledger: {}; run `upline verify`\n", *answer.difference);
        return kExitNegative;
    }
    if (args.format == "text")
        fmt::print("{}\n", query.is_whole()
                               ? "it adds up to the ledger: sales, tax, house and what users earned, to the cent"
                               : "a part of the time: compared with the ledger is only the whole");
    return kExitDone;
}

}  // namespace

int revenue(const RevenueArgs& args) {
    const Result<int> reported = report_revenue(args);
    return reported.ok() ? *reported : print_error(reported.error());
}

}  // namespace upline
