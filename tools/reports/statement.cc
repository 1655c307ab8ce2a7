// SPDX-License-Identifier: Apache-2.0
// `upline statement`: what moved a user's balances, in words or rows.
#include <fmt/format.h>

#include <map>

#include "events/base/text.h"
#include "tools/queries/statement.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

void print_rows(const StatementArgs& args, Currency currency, const Statement& statement, RowPrinter& rows) {
    const auto row = [&](const char* kind, const Movement* movement, const Balances& after) {
        const auto text = [&](const char* name, const std::string& value) {
            if (value.empty())
                rows.absent(name);
            else
                rows.text(name, value);
        };
        rows.text("program", args.program);
        rows.text("user", args.user);
        rows.text("currency", currency.text());
        rows.text("kind", kind);
        const Movement none;
        const Movement& m = movement ? *movement : none;
        if (movement) {
            rows.number("entry", static_cast<int64_t>(m.entry));
            rows.text("time", ledger_time_text(m.at_us));
            rows.text("occurred_at", ledger_time_text(m.occurred_us));
        } else {
            for (const char* name : {"entry", "time", "occurred_at"}) rows.absent(name);
        }
        text("what", m.what);
        text("role", m.role);
        text("reference", m.reference);
        text("note", m.note);
        rows.number("pending", m.change.pending);
        rows.number("available", m.change.available);
        rows.number("reserved", m.change.reserved);
        rows.number("paid", m.change.paid);
        rows.number("pending_after", after.pending);
        rows.number("available_after", after.available);
        rows.number("reserved_after", after.reserved);
        rows.number("paid_after", after.paid);
        rows.end_row();
    };
    row("opening", nullptr, statement.opening);
    for (const Movement& movement : statement.movements) row("movement", &movement, movement.after);
    row("closing", nullptr, statement.closing);
}

void print_text(Currency currency, const Statement& statement) {
    const Style& s = style();
    fmt::print("{}{}{}\n", s.bold, currency.text(), s.plain);
    fmt::print("  {}{:<27} {:<38} {:>14} {:>14} {:>14} {:>14}{}\n", s.dim, "ledger time", "what", "pending",
               "available", "reserved", "paid", s.plain);
    const auto four = [&](const Balances& f, bool changes) {
        for (const int64_t amount : {f.pending, f.available, f.reserved, f.paid})
            fmt::print(" {:>14}", changes && amount == 0 ? "" : amount_text(amount, currency));
        fmt::print("\n");
    };
    fmt::print("  {:<27} {:<38}", "", "opening balance");
    four(statement.opening, false);
    for (const Movement& m : statement.movements) {
        fmt::print("  {:<27} {:<38}", ledger_time_text(m.at_us),
                   fmt::format("{}{}{}", m.what, m.role.empty() || m.what == "adjustment" ? "" : ", ",
                               m.what == "adjustment" ? "" : m.role));
        four(m.change, true);
        fmt::print("  {}{:<27} {}{}{}{}\n", s.dim, fmt::format("entry {}", m.entry), m.reference,
                   m.note.empty() ? "" : ": ", m.note.empty() ? "" : quote_for_message(m.note), s.plain);
    }
    fmt::print("  {:<27} {:<38}", "", "closing balance");
    four(statement.closing, false);
}

Status make_statement(const StatementArgs& args) {
    StatementQuery query;
    if (!args.from.empty()) {
        UPLINE_TRY_ASSIGN(query.from_us, parse_moment(args.from));
    }
    if (!args.to.empty()) {
        UPLINE_TRY_ASSIGN(query.to_us, parse_moment(args.to));
    }
    if (query.to_us <= query.from_us)
        return Error{ErrorCode::kInvalid, fmt::format("--to {} is not after --from {}", args.to, args.from)};
    if (!args.currency.empty()) {
        query.only = parse_currency(args.currency);
        if (!query.only)
            return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no ISO 4217 currency", args.currency)};
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards, args.program, args.user, "user"));
    query.user = found.entry().sequence;
    if (!std::holds_alternative<UserSignedUp>(found.entry().payload))
        return Error{ErrorCode::kNotFound, fmt::format("{} is the id of no user (entry {})", args.user, query.user)};
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(*found.shard));
    std::map<Currency, Statement> statements;
    {
        ProgressBar progress("statement");
        UPLINE_TRY_ASSIGN(statements, query_statement(ledger, query, progress.callback()));
    }
    if (args.json || args.csv) {
        RowPrinter rows(args.csv ? Format::kCsv : Format::kJsonl, stdout);
        for (const auto& [currency, statement] : statements) print_rows(args, currency, statement, rows);
        return ok_status();
    }
    fmt::print("statement of user {} of program {}, {} to {}\n", args.user, args.program,
               args.from.empty() ? "the first entry" : ledger_time_text(query.from_us),
               args.to.empty() ? "the last" : ledger_time_text(query.to_us));
    for (const auto& [currency, statement] : statements) print_text(currency, statement);
    fmt::print("{}\n", statements.empty() ? "nothing was ever posted to this user"
                                          : "it adds up: closing balances are those of the ledger");
    return ok_status();
}

}  // namespace

int statement(const StatementArgs& args) {
    return finish(make_statement(args), ErrorCode::kNotFound);
}

}  // namespace upline
