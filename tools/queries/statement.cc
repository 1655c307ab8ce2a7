// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "projectors/models/payouts.h"
#include "tools/queries/user.h"

namespace upline {
namespace {

// Walks all entries once and gathers what concerns the user within [from, to).
class Collector {
  public:
    Collector(LedgerReader& ledger, const StatementQuery& query) : ledger_(ledger), query_(query) {}

    // To the ledger's end, or that of the period if it is later: the balances must then be those of the ledger.
    Status walk(const Progress& progress) {
        const auto next = [&](const Entry& entry) -> Result<bool> {
            UPLINE_TRY(mature_until(entry.clock_us));
            if (entry.accepted()) UPLINE_TRY(take(entry));
            return true;
        };
        UPLINE_TRY(walk_entries(ledger_.store(), query_.user, ledger_.position().size, progress, next));
        UPLINE_TRY(mature_until(end_us()));
        return check();
    }
    std::map<Currency, Statement>& statements() { return statements_; }

  private:
    // By maturity, sale and currency: how much of it is the user's.
    using HeldKey = std::tuple<int64_t, Sequence, Currency>;

    int64_t end_us() const {
        const int64_t clock_us = ledger_.position().clock_us;
        return query_.to_us == INT64_MAX ? clock_us : std::max(clock_us, query_.to_us - 1);
    }

    Status mature_until(int64_t at_us) {
        while (!held_.empty() && std::get<0>(held_.begin()->first) <= at_us) {
            const auto [maturity_us, sale, currency] = held_.begin()->first;
            const int64_t amount = held_.begin()->second;
            held_.erase(held_.begin());
            if (amount == 0) continue;
            Movement movement{.entry = sale, .at_us = maturity_us, .occurred_us = maturity_us, .what = "matured"};
            movement.change = {.pending = -amount, .available = amount};
            if (maturity_us >= query_.to_us) {
                running_[currency].add(movement.change);
                continue;
            }
            if (maturity_us >= query_.from_us) {
                UPLINE_TRY_ASSIGN(movement.reference, id_of(sale));
            }
            add(currency, std::move(movement));
        }
        return ok_status();
    }

    Status take(const Entry& entry) {
        for (const Posting& posting : entry.posted()) {
            if (posting.user != query_.user || !is_user_account(posting.account)) continue;
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
                wrapping_add(held_[{entry.maturity_us, refund ? entry.refs[0] : entry.sequence, entry.currency}],
                             posting.amount);
            }
            if (entry.clock_us >= query_.to_us) {
                running_[entry.currency].add(movement.change);
                continue;
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
            if (entry.clock_us >= query_.from_us) UPLINE_TRY(describe(entry, movement));
            add(entry.currency, std::move(movement));
        }
        return ok_status();
    }

    void add(Currency currency, Movement movement) {
        Statement& statement = statements_[currency];
        Balances& running = running_[currency];
        running.add(movement.change);
        movement.after = running;
        // Those before the period are kept while they may still get their second half.
        if (!statement.movements.empty() && statement.movements.back().at_us < query_.from_us) {
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
            movement.what = enum_name(refund->reason);
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
        UPLINE_TRY_ASSIGN(const Uuid id, ledger_.id_of(sequence));
        return to_string(id);
    }

    Status check() {
        UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> payouts, ledger_.rows_at(payouts_model, end_us()));
        UPLINE_TRY_ASSIGN(const auto balances, balances_of(ledger_, *payouts, query_.user));
        for (const auto& [currency, ours] : running_) {
            const auto found = std::ranges::find(balances, currency, &CurrencyBalances::currency);
            const Balances is = found == balances.end() ? Balances() : found->balances;
            if (ours == is || (query_.only && currency != *query_.only)) continue;
            return Error{ErrorCode::kCorrupt,
                         fmt::format("what moved the balances in {} comes to pending {}, available {}, reserved {}, "
                                     "paid {}, the ledger has {}, {}, {}, {}: run `upline verify`",
                                     currency.text(), ours.pending, ours.available, ours.reserved, ours.paid,
                                     is.pending, is.available, is.reserved, is.paid)};
        }
        return ok_status();
    }

    LedgerReader& ledger_;
    const StatementQuery& query_;
    std::map<Currency, Statement> statements_;
    std::map<Currency, Balances> running_;
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

}  // namespace

Result<std::map<Currency, Statement>> query_statement(LedgerReader& ledger, const StatementQuery& query,
                                                      const Progress& progress) {
    Collector collector(ledger, query);
    UPLINE_TRY(collector.walk(progress));
    std::map<Currency, Statement>& statements = collector.statements();
    if (query.only) std::erase_if(statements, [&](const auto& row) { return row.first != *query.only; });
    for (auto& [currency, statement] : statements) close(statement, query.from_us);
    return std::move(statements);
}

}  // namespace upline
