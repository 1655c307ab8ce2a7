// SPDX-License-Identifier: Apache-2.0
// `upline payouts plan`: who is due how much, who is not and why; and of one user, "why was I not paid".
#include <fmt/format.h>

#include <algorithm>

#include "events/base/text.h"
#include "events/values/time.h"
#include "ledger/store/rows.h"
#include "projectors/models/payouts.h"
#include "tools/payouts/commands.h"
#include "tools/payouts/payouts.h"
#include "tools/queries/reading.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// What of a row's pending becomes available next, and on which UTC day.
struct NextPart {
    int64_t day = 0;
    int64_t amount = 0;
};

// From the read model, which knows days. What it says of days before `at_us` has matured since; what is missing from
// the days after it matures later on the same day.
Result<std::optional<NextPart>> next_part(const PlanRow& row, int64_t at_us) {
    const int64_t pending = row.balances().pending;
    if (pending <= 0) return std::optional<NextPart>();
    const auto table = open_table(*row.shard->store, payouts_model()->name());
    if (!table.ok() && table.error().code == ErrorCode::kNotFound) return std::optional<NextPart>();
    UPLINE_TRY(table);
    const int64_t today = at_us / kUsPerDay;
    int64_t later = 0;
    std::optional<NextPart> next;
    UPLINE_TRY(read_payouts(**table, row.payee().sequence, [&](const Payouts& payouts) {
        if (payouts.currency != row.currency) return true;
        for (const Payouts::Maturing& part : payouts.maturing) {
            if (part.day <= today || part.amount == 0) continue;
            if (!next) next = NextPart{part.day, part.amount};
            later += part.amount;
        }
        return true;
    }));
    if (later < pending) next = NextPart{today, pending - later};
    return next;
}

std::string in_currency(int64_t minor, const PlanRow& row) {
    return money_text(minor, row.currency);
}

// One sentence without its end.
std::string why(const PlanRow& row, const std::optional<NextPart>& next) {
    const Account balances = row.balances();
    const std::string minimum = fmt::format("{} {}", minimum_text(row.minimum, row.currency), row.currency.text());
    std::string hold;
    if (balances.pending > 0) hold = fmt::format("{} on hold", in_currency(balances.pending, row));
    if (next) hold += fmt::format(", of it {} until {}", in_currency(next->amount, row), format_day(next->day));
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
        case Due::kNothing: return balances.reserved != 0 ? "nothing more: the rest is on its way" : "nothing earned";
    }
    UPLINE_CHECK(false, "a reason of the enum");
}

void row_fields(RowPrinter& out, const PlanRow& row, const std::optional<NextPart>& next) {
    const Account balances = row.balances();
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
    if (next) {
        out.text("next_matures", format_day(next->day));
        out.number("next_amount", next->amount);
    } else {
        out.absent("next_matures");
        out.absent("next_amount");
    }
}

Status print_rows(const std::vector<PlanRow>& rows, int64_t at_us, const PayoutsPlanArgs& args) {
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
        UPLINE_TRY_ASSIGN(const std::optional<NextPart> next, next_part(row, at_us));
        if (args.json) {
            row_fields(json, row, next);
            json.end_row();
            continue;
        }
        const std::string text = why(row, next);
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
    if (args.json) return ok_status();
    if (sums.empty()) fmt::print("nobody is due at {}\n", format_time(at_us));
    std::string others;
    for (const auto& [name, count] : not_due)
        others += fmt::format("{}{} {}", others.empty() ? "" : ", ", with_commas(count), name);
    if (!others.empty()) fmt::print("not due: {}{}\n", others, args.everybody ? "" : "; --all shows each and why");
    return ok_status();
}

// ---------------------------------------------------------------------------------------------------------------------
// One user

struct PayoutStory {
    Payout payout;
    int64_t requested_us = 0;
    std::string method;
    std::string last_result;  // "settled", "failed"; empty: none yet
    int64_t result_us = 0;
    std::string detail;  // the provider's reference, or the reason
};

// The last few payouts of a user, oldest first, each with its last result. Results are found by walking the entries
// since the first of these payouts.
Result<std::vector<PayoutStory>> stories_of(const PayoutShard& shard, Index user, std::optional<Currency> currency) {
    constexpr size_t kMost = 5;
    std::vector<PayoutStory> stories;
    const auto& payouts = shard.state->payouts();
    for (size_t i = payouts.size(); i > 0 && stories.size() < kMost; --i)
        if (payouts[i - 1].user == user && (!currency || payouts[i - 1].currency == *currency))
            stories.push_back({.payout = payouts[i - 1]});
    std::ranges::reverse(stories);
    if (stories.empty()) return stories;
    const std::unique_ptr<EntrySource> source = shard.store->entries();
    ProgressBar progress("results");
    Entry entry;
    const Sequence first = stories.front().payout.sequence;
    for (Sequence sequence = first; sequence < shard.state->size(); ++sequence) {
        if (sequence % 65'536 == 0) progress.update(sequence - first, shard.state->size() - first);
        UPLINE_TRY(read_entry(*source, sequence, entry));
        if (!entry.accepted()) continue;
        const auto* requested = std::get_if<PayoutRequested>(&entry.payload);
        const auto* settled = std::get_if<PayoutSettled>(&entry.payload);
        const auto* failed = std::get_if<PayoutFailed>(&entry.payload);
        if (!requested && !settled && !failed) continue;
        const Sequence meant = requested ? sequence : entry.refs[0];
        const auto story = std::ranges::find(stories, meant, [](const auto& one) { return one.payout.sequence; });
        if (story == stories.end()) continue;
        if (requested) {
            story->requested_us = entry.occurred_at_us;
            story->method = requested->method;
            continue;
        }
        story->last_result = settled ? "settled" : "failed";
        story->result_us = entry.occurred_at_us;
        story->detail = settled ? settled->provider_ref.value_or("") : failed->reason;
    }
    return stories;
}

void print_story(const PayoutStory& story) {
    fmt::print("    {}  {} by {}, requested {}", to_string(story.payout.id),
               money_text(story.payout.amount, story.payout.currency), story.method, format_time(story.requested_us));
    if (story.last_result.empty())
        fmt::print(", on its way: no result yet\n");
    else
        fmt::print(", {} {}{}\n", story.last_result, format_time(story.result_us),
                   story.detail.empty()
                       ? ""
                       : fmt::format(" ({}: {})", story.last_result == "settled" ? "reference" : "reason",
                                     quote_for_message(story.detail)));
}

std::string stories_json(const std::vector<PayoutStory>& stories, Currency currency) {
    std::string text = "[";
    for (const PayoutStory& story : stories) {
        if (story.payout.currency != currency) continue;
        text += fmt::format("{}{{\"payout\": \"{}\", \"amount\": {}, \"method\": ", text.size() > 1 ? ", " : "",
                            to_string(story.payout.id), story.payout.amount);
        append_json_string(story.method, text);
        text += fmt::format(", \"requested_at\": \"{}\", \"status\": \"{}\"", format_time(story.requested_us),
                            story.last_result.empty() ? "requested" : story.last_result);
        if (!story.last_result.empty()) {
            text += fmt::format(", \"result_at\": \"{}\", \"{}\": ", format_time(story.result_us),
                                story.last_result == "settled" ? "reference" : "reason");
            append_json_string(story.detail, text);
        }
        text += "}";
    }
    return text + "]";
}

Status print_user_rows(const std::vector<PlanRow>& rows, const std::vector<PayoutStory>& stories, int64_t at_us,
                       bool as_json) {
    RowPrinter json(Format::kJsonl, stdout);
    for (const PlanRow& row : rows) {
        UPLINE_TRY_ASSIGN(const std::optional<NextPart> next, next_part(row, at_us));
        const std::string reason = why(row, next);
        if (as_json) {
            row_fields(json, row, next);
            json.text("why", reason);
            json.json("payouts", stories_json(stories, row.currency));
            json.end_row();
            continue;
        }
        const Account balances = row.balances();
        if (row.due == Due::kDue)
            fmt::print("  {} is due{}.\n", in_currency(row.amount, row), reason.empty() ? "" : "; " + reason);
        else
            fmt::print("  No {} is due: {}.\n", row.currency.text(), reason);
        fmt::print("  Available {}, pending {}, on its way {}, paid {}.\n", in_currency(balances.available, row),
                   in_currency(balances.pending, row), in_currency(balances.reserved, row),
                   in_currency(balances.paid, row));
        const auto is_of_row = [&](const PayoutStory& story) { return story.payout.currency == row.currency; };
        if (std::ranges::none_of(stories, is_of_row)) continue;
        fmt::print("  Last payouts:\n");
        for (const PayoutStory& story : stories)
            if (is_of_row(story)) print_story(story);
    }
    return ok_status();
}

Result<int> explain_user(std::vector<PayoutShard>& shards, int64_t at_us, PlanFilter filter,
                         const PayoutsPlanArgs& args) {
    filter.user = parse_uuid(args.user);
    if (!filter.user)
        return Error{ErrorCode::kInvalid, fmt::format("--user: {} is no UUID", quote_for_message(args.user))};
    PayoutShard& shard = shards.front();
    const Index program = shard.state->find_program(filter.program);
    const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(filter.program), *filter.user);
    const Index user = shard.state->find_user(program, *filter.user, fingerprint);
    if (user == kNoIndex)
        return Error{ErrorCode::kNotFound, fmt::format("no user {} in program {}; another one is named with --program",
                                                       args.user, filter.program)};
    UPLINE_TRY_ASSIGN(const std::vector<PlanRow> rows, plan_payouts(shards, at_us, filter));
    if (!args.json) {
        fmt::print("user {} of program {}, at {}{}\n", to_string(*filter.user), filter.program, format_time(at_us),
                   shard.state->users()[user].suspended != 0 ? ", suspended" : "");
        if (rows.empty()) fmt::print("  Nothing is due: nothing was ever earned.\n");
    }
    UPLINE_TRY_ASSIGN(const std::vector<PayoutStory> stories, stories_of(shard, user, filter.currency));
    UPLINE_TRY(print_user_rows(rows, stories, at_us, args.json));
    const bool due = std::ranges::any_of(rows, [](const PlanRow& row) { return row.due == Due::kDue; });
    return due ? kExitDone : kExitNegative;
}

Result<int> plan(const PayoutsPlanArgs& args) {
    PlanFilter filter{.program = args.program, .currency = {}, .user = {}};
    if (!args.user.empty() && filter.program.empty()) filter.program = kDefaultProgram;
    UPLINE_TRY_ASSIGN(filter.currency, currency_asked_for(args.currency));
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, load_payout_shards(args.data, filter.program));
    UPLINE_TRY_ASSIGN(const int64_t at_us, payout_time(shards, args.at));
    if (!args.user.empty()) return explain_user(shards, at_us, filter, args);
    UPLINE_TRY_ASSIGN(const std::vector<PlanRow> rows, plan_payouts(shards, at_us, filter));
    UPLINE_TRY(print_rows(rows, at_us, args));
    return kExitDone;
}

}  // namespace

int payouts_plan(const PayoutsPlanArgs& args) {
    const Result<int> code = plan(args);
    if (code.ok()) return *code;
    complain(code.error());
    return code.error().code == ErrorCode::kNotFound && !args.user.empty() ? kExitNegative : kExitCouldNot;
}

}  // namespace upline
