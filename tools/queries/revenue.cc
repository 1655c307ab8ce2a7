// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/revenue.h"

#include <fmt/format.h>

#include "events/values/time.h"
#include "ledger/store/fold_forward.h"

namespace upline {
namespace {

using Sums = std::map<std::pair<std::string, Currency>, Revenue>;  // by program

bool wants(const RevenueQuery& query, std::string_view program, const RevenueRow& row) {
    return (query.program.empty() || program == query.program) &&
           (!query.currency || row.currency == *query.currency) && (!query.from_day || row.day >= *query.from_day) &&
           (!query.to_day || row.day < *query.to_day);
}

std::string label(const std::string& dimension, std::string_view program, const RevenueRow& row) {
    if (dimension == "program") return std::string(program);
    if (dimension == "day") return format_day(row.day);
    if (dimension == "month") return format_day(row.day).substr(0, 7);
    if (dimension == "source") return row.source ? std::string(enum_name(*row.source)) : "adjustments";
    return row.stream ? std::string(enum_name(*row.stream)) : "adjustments";
}

// Adds a shard's rows to the report; its sums by program and currency into `sums`.
Status gather(LedgerReader& ledger, const RevenueQuery& query, RevenueReport& report, Sums& sums) {
    UPLINE_TRY_ASSIGN(Table * table, ledger.rows(revenue_model));
    Entry entry;
    Sequence known = kNoSequence;
    std::string program;
    Status status = ok_status();
    UPLINE_TRY(read_revenue(*table, [&](const RevenueRow& row) {
        if (row.program != known) {
            status = ledger.read(row.program, entry);
            if (!status.ok()) return false;
            program = entry.program;
            known = row.program;
        }
        if (!wants(query, program, row)) return true;
        std::vector<std::string> labels;
        for (const std::string& dimension : query.by) labels.push_back(label(dimension, program, row));
        report[{std::move(labels), row.currency}].add(row.revenue);
        sums[{program, row.currency}].add(row.revenue);
        return true;
    }));
    return status;
}

// Where the sums are not those of the ledger's accounts in words; nothing if they are.
Result<std::optional<std::string>> difference(LedgerReader& ledger, const RevenueQuery& query, const Sums& sums,
                                              const Progress& progress) {
    using Wrong = std::optional<std::string>;
    UPLINE_TRY_ASSIGN(const PastState past, load_past_state(ledger.store(), ledger.position().size, progress));
    const State& state = *past.state;
    std::map<std::pair<std::string, Currency>, int64_t> users;  // everything users ever got, whatever became of it
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        int64_t& sum =
            users[{std::string(state.programs()[state.users()[account.user].program].name()), account.currency}];
        for (const int64_t part : {account.pending, account.available, account.reserved, account.paid})
            wrapping_add(sum, part);
    }
    for (size_t i = 0; i < state.books().size(); ++i) {
        const Book& book = state.books()[i];
        const std::string program(state.programs()[book.program].name());
        if ((!query.program.empty() && program != query.program) ||
            (query.currency && book.currency != *query.currency))
            continue;
        const auto found = sums.find({program, book.currency});
        const Revenue sum = found == sums.end() ? Revenue{} : found->second;
        int64_t earned = sum.creator;
        wrapping_add(earned, sum.website);
        wrapping_add(earned, sum.adjustments);
        for (const int64_t level : sum.levels) wrapping_add(earned, level);
        const auto compare = [&](const char* what, int64_t ours, int64_t theirs) -> Wrong {
            if (ours == theirs) return std::nullopt;
            return fmt::format("program {}, {}: {} is {}, the ledger has {}", program, book.currency.text(), what, ours,
                               theirs);
        };
        for (const Wrong& wrong :
             {compare("gross less refunded", sum.gross - sum.refunded, -book.sales), compare("tax", sum.tax, book.tax),
              compare("unfilled, rounding and margin less adjustments", sum.house() - sum.adjustments, book.house),
              compare("what users earned", earned, users[{program, book.currency}])})
            if (wrong) return wrong;
    }
    return Wrong();
}

}  // namespace

Result<RevenueAnswer> query_revenue(std::vector<ReadShard>& shards, const RevenueQuery& query,
                                    const Progress& progress) {
    RevenueAnswer answer;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        Sums sums;
        UPLINE_TRY(gather(ledger, query, answer.report, sums));
        if (!query.is_whole() || answer.difference) continue;
        UPLINE_TRY_ASSIGN(answer.difference, difference(ledger, query, sums, progress));
    }
    return answer;
}

}  // namespace upline
