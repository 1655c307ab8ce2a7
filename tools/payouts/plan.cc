// SPDX-License-Identifier: Apache-2.0
// `upline payouts plan`: who is due how much, who is not and why; and of one user, "why was I not paid".
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "events/base/text.h"
#include "events/values/time.h"
#include "ledger/store/id_lookup.h"
#include "projectors/models/references.h"
#include "tools/payouts/commands.h"
#include "tools/payouts/payouts.h"
#include "tools/queries/payout.h"
#include "tools/queries/user.h"
#include "tools/terminal/json_writer.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

std::string in_currency(int64_t minor, const PlanRow& row) {
    return money_text(minor, row.currency);
}

// One sentence without its end.
std::string why(const PlanRow& row) {
    const Balances& balances = row.balances;
    const std::string minimum = fmt::format("{} {}", minimum_text(row.minimum, row.currency), row.currency.text());
    std::string hold;
    if (balances.pending > 0) hold = fmt::format("{} on hold", in_currency(balances.pending, row));
    if (row.next)
        hold += fmt::format(", of it {} until {}", in_currency(row.next->amount, row), format_day(row.next->day));
    const std::string and_hold = hold.empty() ? "" : "; " + hold;
    const std::string available = in_currency(balances.available, row) + " available";
    switch (row.due) {
        case Due::kDue:
            if (row.amount < balances.available) return available + ", and one payout takes no more" + and_hold;
            return hold;
        case Due::kSuspended: return fmt::format("suspended; {}{}", available, and_hold);
        case Due::kNegative:
            return fmt::format("negative: {}, which later earnings make up for{}", available, and_hold);
        case Due::kOnHold: return hold;
        case Due::kBelowMinimum: return fmt::format("below the minimum of {}: {}{}", minimum, available, and_hold);
        case Due::kNothing: break;
    }
    return balances.reserved != 0 ? "nothing more: the rest is on its way" : "nothing earned";
}

void row_fields(RowPrinter& out, const PlanRow& row) {
    const Balances& balances = row.balances;
    out.text("program", row.program);
    out.text("user", to_string(row.user));
    out.text("currency", row.currency.text());
    out.text("status", due_name(row.due));
    out.number("amount", row.amount);
    out.number("available", balances.available);
    out.number("pending", balances.pending);
    out.number("reserved", balances.reserved);
    out.number("paid", balances.paid);
    out.text("minimum", minimum_text(row.minimum, row.currency));
    if (row.next) {
        out.text("next_matures", format_day(row.next->day));
        out.number("next_amount", row.next->amount);
    } else {
        out.absent("next_matures");
        out.absent("next_amount");
    }
}

void print_rows(const std::vector<PlanRow>& rows, int64_t at_us, const PayoutsPlanArgs& args) {
    PayoutSums sums;
    std::map<std::string_view, uint64_t> not_due;
    size_t program_width = 7;
    for (const PlanRow& row : rows) program_width = std::max(program_width, row.program.size());
    RowPrinter json(Format::kJsonl, stdout);
    for (const PlanRow& row : rows) {
        if (row.due == Due::kDue)
            sums[row.currency].add(row.amount);
        else
            ++not_due[due_name(row.due)];
        if (row.due != Due::kDue && !args.everybody) continue;
        if (args.json) {
            row_fields(json, row);
            json.end_row();
            continue;
        }
        const std::string text = why(row);
        fmt::print("  {:<{}}  {}  {:>20}{}\n", row.program, program_width, to_string(row.user),
                   row.due == Due::kDue ? in_currency(row.amount, row) : "- " + std::string(row.currency.text()),
                   text.empty() ? "" : "  " + text);
    }
    for (const auto& [currency, sum] : sums) {
        if (args.json) {
            json.text("total", currency.text());
            json.number("payouts", static_cast<int64_t>(sum.payouts));
            json.text("amount", sum_text(sum, currency));
            json.end_row();
        } else {
            fmt::print("due at {}: {} payouts of {} {} in all\n", format_time(at_us), with_commas(sum.payouts),
                       sum_text(sum, currency), currency.text());
        }
    }
    if (args.json) return;
    if (sums.empty()) fmt::print("nobody is due at {}\n", format_time(at_us));
    std::string others;
    for (const auto& [name, count] : not_due)
        others += fmt::format("{}{} {}", others.empty() ? "" : ", ", with_commas(count), name);
    if (!others.empty()) fmt::print("not due: {}{}\n", others, args.everybody ? "" : "; --all shows each and why");
}

// ---------------------------------------------------------------------------------------------------------------------
// One user

// The last few payouts of a user, oldest first.
Result<std::vector<PayoutAnswer>> stories_of(LedgerReader& ledger, Sequence user, std::optional<Currency> currency) {
    constexpr size_t kMax = 5;
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY_ASSIGN(const auto requests, newest_references(*references, ReferenceKind::kPayout, user, SIZE_MAX));
    std::vector<PayoutAnswer> stories;
    Entry entry;
    for (const Reference& request : requests) {
        if (stories.size() == kMax) break;
        if (currency && request.currency() != *currency) continue;
        UPLINE_TRY(ledger.read(request.by, entry));
        UPLINE_TRY_ASSIGN(PayoutAnswer story, query_payout(ledger, entry));
        stories.push_back(std::move(story));
    }
    std::ranges::reverse(stories);
    return stories;
}

void print_story(const PayoutAnswer& story) {
    fmt::print("    {}  {} by {}, requested {}", to_string(story.id), money_text(story.amount, story.currency),
               story.method, format_time(story.occurred_us));
    if (story.results.empty()) {
        fmt::print(", on its way: no result yet\n");
        return;
    }
    const PayoutAnswer::ProviderResult& last = story.results.back();
    fmt::print(", {} {}{}\n", last.settled ? "settled" : "failed", format_time(last.occurred_us),
               last.note.empty()
                   ? ""
                   : fmt::format(" ({}: {})", last.settled ? "reference" : "reason", quote_for_message(last.note)));
}

std::string stories_json(const std::vector<PayoutAnswer>& stories) {
    return json_objects(stories, [](JsonWriter& json, const PayoutAnswer& story) {
        json.text("payout", to_string(story.id));
        json.number("amount", story.amount);
        json.text("method", story.method);
        json.text("requested_at", format_time(story.occurred_us));
        if (story.results.empty()) return json.text("status", "requested");
        const PayoutAnswer::ProviderResult& last = story.results.back();
        json.text("status", last.settled ? "settled" : "failed");
        json.text("result_at", format_time(last.occurred_us));
        json.text(last.settled ? "reference" : "reason", last.note);
    });
}

void print_user_rows(const std::vector<PlanRow>& rows, const std::vector<PayoutAnswer>& stories, bool as_json) {
    RowPrinter json(Format::kJsonl, stdout);
    for (const PlanRow& row : rows) {
        const std::string reason = why(row);
        std::vector<PayoutAnswer> of_row;
        std::ranges::copy_if(stories, std::back_inserter(of_row),
                             [&row](const PayoutAnswer& story) { return story.currency == row.currency; });
        if (as_json) {
            row_fields(json, row);
            json.text("why", reason);
            json.json("payouts", stories_json(of_row));
            json.end_row();
            continue;
        }
        const Balances& balances = row.balances;
        if (row.due == Due::kDue)
            fmt::print("  {} is due{}.\n", in_currency(row.amount, row), reason.empty() ? "" : "; " + reason);
        else
            fmt::print("  No {} is due: {}.\n", row.currency.text(), reason);
        fmt::print("  Available {}, pending {}, on its way {}, paid {}.\n", in_currency(balances.available, row),
                   in_currency(balances.pending, row), in_currency(balances.reserved, row),
                   in_currency(balances.paid, row));
        if (!of_row.empty()) fmt::print("  Last payouts:\n");
        for (const PayoutAnswer& story : of_row) print_story(story);
    }
}

Result<int> explain_user(std::vector<PayoutShard>& shards, int64_t at_us, PlanFilter filter,
                         const PayoutsPlanArgs& args) {
    const std::optional<Uuid> id = parse_uuid(args.user);
    if (!id) return Error{ErrorCode::kInvalid, fmt::format("--user: {} is no UUID", quote_for_message(args.user))};
    LedgerReader& ledger = *shards.front().ledger;
    UPLINE_TRY_ASSIGN(filter.payee, find_entry_of(ledger.store(), filter.program, *id));
    Entry signup;
    if (filter.payee) UPLINE_TRY(ledger.read(*filter.payee, signup));
    if (!std::holds_alternative<UserSignedUp>(signup.payload))
        return Error{ErrorCode::kNotFound, fmt::format("no user {} in program {}; another one is named with --program",
                                                       args.user, filter.program)};
    UPLINE_TRY_ASSIGN(const std::vector<PlanRow> rows, plan_payouts(shards, at_us, filter));
    UPLINE_TRY_ASSIGN(const bool suspended, is_suspended(ledger, *filter.payee));
    if (!args.json) {
        fmt::print("user {} of program {}, at {}{}\n", to_string(*id), filter.program, format_time(at_us),
                   suspended ? ", suspended" : "");
        if (rows.empty()) fmt::print("  Nothing is due: nothing was ever earned.\n");
    }
    UPLINE_TRY_ASSIGN(const auto stories, stories_of(ledger, *filter.payee, filter.currency));
    print_user_rows(rows, stories, args.json);
    const bool due = std::ranges::any_of(rows, [](const PlanRow& row) { return row.due == Due::kDue; });
    return due ? kExitDone : kExitNegative;
}

Result<int> plan(const PayoutsPlanArgs& args) {
    PlanFilter filter{.program = args.program, .currency = {}, .payee = {}};
    if (!args.user.empty() && filter.program.empty()) filter.program = kDefaultProgram;
    UPLINE_TRY_ASSIGN(filter.currency, currency_asked_for(args.currency));
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, open_payout_shards(args.data, filter.program));
    UPLINE_TRY_ASSIGN(const int64_t at_us, payout_time(shards, args.at));
    if (!args.user.empty()) return explain_user(shards, at_us, filter, args);
    UPLINE_TRY_ASSIGN(const std::vector<PlanRow> rows, plan_payouts(shards, at_us, filter));
    print_rows(rows, at_us, args);
    return kExitDone;
}

}  // namespace

int payouts_plan(const PayoutsPlanArgs& args) {
    const Result<int> code = plan(args);
    if (code.ok()) return *code;
    print_error(code.error());
    return code.error().code == ErrorCode::kNotFound && !args.user.empty() ? kExitNegative : kExitCouldNot;
}

}  // namespace upline
