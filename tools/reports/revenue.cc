// SPDX-License-Identifier: Apache-2.0
// `upline revenue`: what came in and where it went, by stream, source, program, day or month; compared with the
// ledger's own accounts.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/models/revenue.h"
#include "projectors/projection.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// Of one report row: what it is of, in the order of --by, then its currency.
using Group = std::pair<std::vector<std::string>, Currency>;
using Report = std::map<Group, Revenue>;

struct Filter {
    std::string program;
    std::optional<Currency> currency;
    std::optional<int64_t> from_day;
    std::optional<int64_t> to_day;

    // Whether it lets everything of a program and currency through, so that the sums are those of the ledger.
    bool is_whole() const { return !from_day && !to_day; }
    bool wants(std::string_view of_program, const RevenueRow& row) const {
        return (program.empty() || of_program == program) && (!currency || row.currency == *currency) &&
               (!from_day || row.day >= *from_day) && (!to_day || row.day < *to_day);
    }
};

std::string label(const std::string& dimension, std::string_view program, const RevenueRow& row) {
    if (dimension == "program") return std::string(program);
    if (dimension == "day") return format_day(row.day);
    if (dimension == "month") return format_day(row.day).substr(0, 7);
    if (dimension == "source")
        return row.source ? std::string(enum_names<Source>()[static_cast<size_t>(*row.source)]) : "adjustments";
    return row.stream ? std::string(enum_names<Stream>()[static_cast<size_t>(*row.stream)]) : "adjustments";
}

// Adds a shard's rows to the report; its sums by program and currency into `sums`.
Status gather(ReadShard& shard, const RevenueArgs& args, const Filter& filter, Report& report,
              std::map<std::pair<std::string, Currency>, Revenue>& sums) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> table, open_table(*shard.store, "revenue"));
    UPLINE_TRY(read_position(*table, *revenue_model()));
    const std::unique_ptr<EntrySource> source = shard.store->look_up();
    Entry entry;
    Sequence known = kNoSequence;
    std::string program;
    Status status = ok_status();
    UPLINE_TRY(read_revenue(*table, [&](const RevenueRow& row) {
        if (row.program != known) {
            status = read_entry(*source, row.program, entry);
            if (!status.ok()) return false;
            program = entry.program;
            known = row.program;
        }
        if (!filter.wants(program, row)) return true;
        std::vector<std::string> labels;
        for (const std::string& dimension : args.by) labels.push_back(label(dimension, program, row));
        report[{std::move(labels), row.currency}].add(row.revenue);
        sums[{program, row.currency}].add(row.revenue);
        return true;
    }));
    return status;
}

// Where the sums are not those of the ledger's accounts at the read model's position, in words; nothing if they are.
Result<std::optional<std::string>> difference(ReadShard& shard, const Filter& filter,
                                              const std::map<std::pair<std::string, Currency>, Revenue>& sums) {
    using Wrong = std::optional<std::string>;
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> table, open_table(*shard.store, "revenue"));
    UPLINE_TRY_ASSIGN(const ModelPosition position, read_position(*table, *revenue_model()));
    ProgressBar progress("revenue: folding the ledger's own accounts");
    UPLINE_TRY_ASSIGN(const PastState past, load_past_state(*shard.store, position.size, progress.callback()));
    const State& state = *past.state;
    std::map<std::pair<std::string, Currency>, int64_t> users;  // everything users ever got, whatever became of it
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        int64_t& sum =
            users[{std::string(state.programs()[state.users()[account.user].program].name()), account.currency}];
        for (const int64_t part : {account.pending, account.available, account.reserved, account.paid})
            add_to(sum, part);
    }
    for (size_t i = 0; i < state.books().size(); ++i) {
        const Book& book = state.books()[i];
        const std::string program(state.programs()[book.program].name());
        if ((!filter.program.empty() && program != filter.program) ||
            (filter.currency && book.currency != *filter.currency))
            continue;
        const auto found = sums.find({program, book.currency});
        const Revenue sum = found == sums.end() ? Revenue{} : found->second;
        int64_t earned = sum.creator;
        add_to(earned, sum.website);
        add_to(earned, sum.adjustments);
        for (const int64_t level : sum.levels) add_to(earned, level);
        const auto compare = [&](const char* what, int64_t report, int64_t ledger) -> Wrong {
            if (report == ledger) return std::nullopt;
            return fmt::format("program {}, {}: {} is {}, the ledger has {}", program, book.currency.text(), what,
                               report, ledger);
        };
        for (const Wrong& wrong :
             {compare("gross less refunded", sum.gross - sum.refunded, -book.sales), compare("tax", sum.tax, book.tax),
              compare("unfilled, rounding and margin less adjustments", sum.house() - sum.adjustments, book.house),
              compare("what users earned", earned, users[{program, book.currency}])})
            if (wrong) return wrong;
    }
    return Wrong();
}

void print_rows(const RevenueArgs& args, const Report& report, Format format) {
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

void print_text(const RevenueArgs& args, const Report& report) {
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
            for (const int64_t level : r.levels) add_to(commissions, level);
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
    Filter filter{.program = args.program, .currency = {}, .from_day = {}, .to_day = {}};
    if (!args.currency.empty()) {
        filter.currency = parse_currency(args.currency);
        if (!filter.currency)
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no ISO 4217 currency", args.currency)};
    }
    const auto day = [](const std::string& text) -> Result<int64_t> {
        UPLINE_TRY_ASSIGN(const int64_t us, parse_moment(text));
        if (us % kUsPerDay != 0)
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\": revenue is kept by UTC day; give one", text)};
        return us / kUsPerDay;
    };
    if (!args.from.empty()) {
        UPLINE_TRY_ASSIGN(filter.from_day, day(args.from));
    }
    if (!args.to.empty()) {
        UPLINE_TRY_ASSIGN(filter.to_day, day(args.to));
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    Report report;
    std::optional<std::string> wrong;
    for (ReadShard& shard : shards) {
        std::map<std::pair<std::string, Currency>, Revenue> sums;
        UPLINE_TRY(gather(shard, args, filter, report, sums));
        if (!filter.is_whole() || wrong) continue;
        UPLINE_TRY_ASSIGN(wrong, difference(shard, filter, sums));
    }
    if (args.format == "text")
        print_text(args, report);
    else
        print_rows(args, report, args.format == "csv" ? Format::kCsv : Format::kJsonl);
    if (wrong) {
        fmt::print(stderr, "upline: it does not add up to the ledger: {}; run `upline verify`\n", *wrong);
        return kExitNegative;
    }
    if (args.format == "text")
        fmt::print("{}\n", filter.is_whole()
                               ? "it adds up to the ledger: sales, tax, house and what users earned, to the cent"
                               : "a part of the time: compared with the ledger is only the whole");
    return kExitDone;
}

}  // namespace

int revenue(const RevenueArgs& args) {
    const Result<int> reported = report_revenue(args);
    return reported.ok() ? *reported : complain(reported.error());
}

}  // namespace upline
