// SPDX-License-Identifier: Apache-2.0
// `upline statement`: what moved a user's balances, from an opening balance to a closing one.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "events/base/text.h"
#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// Of one currency, in minor units: a balance, or what changes one.
struct Four {
    int64_t pending = 0;
    int64_t available = 0;
    int64_t reserved = 0;
    int64_t paid = 0;
    void add(const Four& other) {
        add_to(pending, other.pending);
        add_to(available, other.available);
        add_to(reserved, other.reserved);
        add_to(paid, other.paid);
    }
    friend bool operator==(const Four&, const Four&) = default;
};

struct Movement {
    Sequence entry = 0;
    int64_t at_us = 0;        // ledger time
    int64_t occurred_us = 0;  // when it happened outside; for maturity the same as at_us
    std::string what;         // "sale", "refund", "matured" ...
    std::string role;         // "level_1" ..., or nothing
    std::string reference;    // the id of the sale or payout it is of, or nothing
    std::string note;         // the provider's reference, a reason
    Four change;
    Four after;
};

struct Statement {
    Four opening;
    std::vector<Movement> movements;
    Four closing;
};

// Walks all entries once and gathers what concerns the user within [from, to).
class Collector {
  public:
    Collector(Store& store, Sequence user, int64_t from_us, int64_t to_us)
        : look_up_(store.look_up()), user_(user), from_us_(from_us), to_us_(to_us) {}

    Status walk(Store& store, const Progress& progress) {
        UPLINE_TRY_ASSIGN(const Position position, store.position());
        const auto next = [&](const Entry& entry) -> Result<bool> {
            if (entry.clock_us >= to_us_) return false;
            UPLINE_TRY(mature_until(entry.clock_us));
            if (entry.accepted()) UPLINE_TRY(take(entry));
            return true;
        };
        UPLINE_TRY(walk_entries(store, user_, position.size, progress, next));
        // Between the last entry and the end of the period; without an end, the ledger's clock as it stands.
        return mature_until(to_us_ == INT64_MAX ? position.clock_us : to_us_ - 1);
    }
    std::map<Currency, Statement>& statements() { return statements_; }

  private:
    // By maturity, sale and currency: how much of it is the user's.
    using HeldKey = std::tuple<int64_t, Sequence, Currency>;

    Status mature_until(int64_t at_us) {
        while (!held_.empty() && std::get<0>(held_.begin()->first) <= at_us) {
            const auto [maturity_us, sale, currency] = held_.begin()->first;
            const int64_t amount = held_.begin()->second;
            held_.erase(held_.begin());
            if (amount == 0) continue;
            Movement movement{.entry = sale, .at_us = maturity_us, .occurred_us = maturity_us, .what = "matured"};
            movement.change = {.pending = -amount, .available = amount};
            if (maturity_us >= from_us_) {
                UPLINE_TRY_ASSIGN(movement.reference, id_of(sale));
            }
            add(currency, std::move(movement));
        }
        return ok_status();
    }

    Status take(const Entry& entry) {
        for (const Posting& posting : entry.posted()) {
            if (posting.user != user_ || !is_user_account(posting.account)) continue;
            Movement movement{.entry = entry.sequence, .at_us = entry.clock_us, .occurred_us = entry.occurred_at_us};
            movement.role = role_name(posting.role);
            const bool held = posting.account == AccountKind::kEarned && !entry.mature_at_once();
            switch (posting.account) {
                case AccountKind::kReserved: movement.change.reserved = posting.amount; break;
                case AccountKind::kPaid: movement.change.paid = posting.amount; break;
                default: (held ? movement.change.pending : movement.change.available) = posting.amount;
            }
            if (held) {
                const bool refund = std::holds_alternative<TransactionRefunded>(entry.payload);
                add_to(held_[{entry.maturity_us, refund ? entry.refs[0] : entry.sequence, entry.currency}],
                       posting.amount);
            }
            // A payout moves money between two of the user's accounts: one movement.
            auto& movements = statements_[entry.currency].movements;
            if (posting.role == Role::kNone && !movements.empty() && movements.back().entry == entry.sequence &&
                movements.back().what != "matured") {
                movements.back().change.add(movement.change);
                movements.back().after.add(movement.change);
                running_[entry.currency].add(movement.change);
                continue;
            }
            if (entry.clock_us >= from_us_) UPLINE_TRY(describe(entry, movement));
            add(entry.currency, std::move(movement));
        }
        return ok_status();
    }

    void add(Currency currency, Movement movement) {
        Statement& statement = statements_[currency];
        Four& running = running_[currency];
        running.add(movement.change);
        movement.after = running;
        // Those before the period are kept while they may still get their second half.
        if (!statement.movements.empty() && statement.movements.back().at_us < from_us_) {
            statement.opening.add(statement.movements.back().change);
            statement.movements.pop_back();
        }
        statement.movements.push_back(std::move(movement));
    }

    Status describe(const Entry& entry, Movement& movement) {
        movement.reference = to_string(entry.id);
        if (std::holds_alternative<TransactionRecorded>(entry.payload)) {
            movement.what = "sale";
        } else if (const auto* refund = std::get_if<TransactionRefunded>(&entry.payload)) {
            movement.what = enum_names<RefundReason>()[static_cast<size_t>(refund->reason)];
            UPLINE_TRY_ASSIGN(movement.reference, id_of(entry.refs[0]));
        } else if (const auto* request = std::get_if<PayoutRequested>(&entry.payload)) {
            movement.what = "payout requested";
            movement.note = request->method;
        } else if (const auto* settled = std::get_if<PayoutSettled>(&entry.payload)) {
            movement.what = "payout settled";
            movement.note = settled->provider_ref.value_or("");
            UPLINE_TRY_ASSIGN(movement.reference, id_of(entry.refs[0]));
        } else if (const auto* failed = std::get_if<PayoutFailed>(&entry.payload)) {
            movement.what = "payout failed";
            movement.note = failed->reason;
            UPLINE_TRY_ASSIGN(movement.reference, id_of(entry.refs[0]));
        } else if (const auto* adjustment = std::get_if<AdjustmentPosted>(&entry.payload)) {
            movement.what = "adjustment";
            movement.note = adjustment->reason;
        }
        return ok_status();
    }

    Result<std::string> id_of(Sequence sequence) {
        Entry entry;
        UPLINE_TRY(read_entry(*look_up_, sequence, entry));
        return to_string(entry.id);
    }

    std::unique_ptr<EntrySource> look_up_;
    Sequence user_;
    int64_t from_us_;
    int64_t to_us_;
    std::map<Currency, Statement> statements_;
    std::map<Currency, Four> running_;
    std::map<HeldKey, int64_t> held_;
};

// What is before the period goes into the opening balance; closing is opening and all movements.
void close(Statement& statement, int64_t from_us) {
    std::erase_if(statement.movements, [&](const Movement& movement) {
        if (movement.at_us < from_us) statement.opening.add(movement.change);
        return movement.at_us < from_us;
    });
    statement.closing = statement.opening;
    for (const Movement& movement : statement.movements) statement.closing.add(movement.change);
}

// The closing balances must be those the ledger itself has at that time.
Status check(Store& store, Sequence user, int64_t to_us, const std::map<Currency, Statement>& statements,
             const Progress& progress) {
    UPLINE_TRY_ASSIGN(const Position position, store.position());
    const int64_t until_us = to_us == INT64_MAX ? position.clock_us : to_us - 1;
    UPLINE_TRY_ASSIGN(const uint64_t size, size_at(store, until_us));
    UPLINE_TRY_ASSIGN(const PastState past, load_past_state(store, size, progress));
    if (until_us >= past.state->clock_us()) UPLINE_TRY(mature_until(store, *past.state, until_us));
    const State& state = *past.state;
    const auto index = state.user_by_sequence(user);
    for (const auto& [currency, statement] : statements) {
        const Index account = index ? state.find_account(*index, currency) : kNoIndex;
        const Account a = account == kNoIndex ? Account{} : state.accounts()[account];
        if (statement.closing == Four{a.pending, a.available, a.reserved, a.paid}) continue;
        return Error{ErrorCode::kCorrupt,
                     fmt::format("the statement in {} closes with pending {}, available {}, reserved {}, paid {}, the "
                                 "ledger has {}, {}, {}, {}: run `upline verify`",
                                 currency.text(), statement.closing.pending, statement.closing.available,
                                 statement.closing.reserved, statement.closing.paid, a.pending, a.available, a.reserved,
                                 a.paid)};
    }
    return ok_status();
}

void print_rows(const StatementArgs& args, Currency currency, const Statement& statement, RowPrinter& rows) {
    const auto row = [&](const char* kind, const Movement* movement, const Four& after) {
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
    const auto four = [&](const Four& f, bool changes) {
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
    int64_t from_us = 0;
    int64_t to_us = INT64_MAX;
    if (!args.from.empty()) {
        UPLINE_TRY_ASSIGN(from_us, parse_moment(args.from));
    }
    if (!args.to.empty()) {
        UPLINE_TRY_ASSIGN(to_us, parse_moment(args.to));
    }
    if (to_us <= from_us)
        return Error{ErrorCode::kInvalid, fmt::format("--to {} is not after --from {}", args.to, args.from)};
    std::optional<Currency> only;
    if (!args.currency.empty()) {
        only = parse_currency(args.currency);
        if (!only) return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no ISO 4217 currency", args.currency)};
    }
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards, args.program, args.user, "user"));
    if (found.thing.kind() != ThingKind::kUser)
        return Error{ErrorCode::kNotFound,
                     fmt::format("{} is the id of no user (entry {})", args.user, found.sequence)};
    Store& store = *found.shard->store;
    Collector collector(store, found.sequence, from_us, to_us);
    {
        ProgressBar progress("statement");
        UPLINE_TRY(collector.walk(store, progress.callback()));
    }
    std::map<Currency, Statement>& statements = collector.statements();
    std::erase_if(statements, [&](const auto& row) { return only && row.first != *only; });
    for (auto& [currency, statement] : statements) close(statement, from_us);
    {
        ProgressBar progress("statement: folding the ledger's own balances");
        UPLINE_TRY(check(store, found.sequence, to_us, statements, progress.callback()));
    }
    if (args.json || args.csv) {
        RowPrinter rows(args.csv ? Format::kCsv : Format::kJsonl, stdout);
        for (const auto& [currency, statement] : statements) print_rows(args, currency, statement, rows);
        return ok_status();
    }
    fmt::print("statement of user {} of program {}, {} to {}\n", args.user, args.program,
               args.from.empty() ? "the first entry" : ledger_time_text(from_us),
               args.to.empty() ? "the last" : ledger_time_text(to_us));
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
