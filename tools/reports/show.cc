// SPDX-License-Identifier: Apache-2.0
// `upline show`: one user, sale, website or payout, or the head of the ledger.
#include <fmt/format.h>

#include <array>

#include "events/base/bytes.h"
#include "events/base/text.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "ledger/store/ledger_reader.h"
#include "ledger/store/rows.h"
#include "projectors/models/payouts.h"
#include "projectors/models/sites.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

std::string_view status_name(PayoutStatus status) {
    constexpr std::array<std::string_view, 3> kNames = {"requested", "settled", "failed"};
    return kNames.at(static_cast<size_t>(status));
}

int show_head(std::vector<ReadShard>& shards, bool json) {
    RowPrinter rows(Format::kJsonl, stdout);
    for (ReadShard& shard : shards) {
        const auto position = shard.store->position();
        if (!position.ok()) return complain(position.error());
        if (json) {
            rows.number("partition", shard.partition);
            rows.number("size", static_cast<int64_t>(position->size));
            rows.text("root", to_hex(position->root));
            rows.number("clock", position->clock_us);
            rows.end_row();
        } else {
            fmt::print("partition {}\n  size   {} entries\n  root   {}\n  clock  {}\n", shard.partition,
                       with_commas(position->size), to_hex(position->root), ledger_time_text(position->clock_us));
        }
    }
    return kExitDone;
}

Status show_user(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const User user = state.users()[found.thing.number()];
    std::vector<std::string> upline;
    for (Index up = user.referrer; up != kNoIndex && upline.size() < kMaxLevels; up = state.users()[up].referrer)
        upline.push_back(to_string(state.users()[up].id));
    constexpr size_t kShown = 20;  // of direct referrals, and of payouts
    uint64_t referrals = 0;
    std::vector<std::string> referred;
    for (size_t i = 0; i < state.users().size(); ++i) {
        if (state.users()[i].referrer != found.thing.number()) continue;
        if (++referrals <= kShown) referred.push_back(to_string(state.users()[i].id));
    }
    std::vector<Payout> asked;  // the newest first
    for (size_t i = state.payouts().size(); i > 0 && asked.size() < kShown; --i)
        if (state.payouts()[i - 1].user == found.thing.number()) asked.push_back(state.payouts()[i - 1]);
    std::vector<Payouts> payouts;
    const auto table = open_table(*found.shard->store, payouts_model()->name());
    if (table.ok())
        UPLINE_TRY(read_payouts(**table, user.sequence, [&](const Payouts& row) {
            payouts.push_back(row);
            return true;
        }));

    if (json) {
        std::string balances = "[";
        for (Index i = user.first_account; i != kNoIndex; i = state.accounts()[i].next) {
            const Account account = state.accounts()[i];
            balances += fmt::format(
                "{}{{\"currency\": \"{}\", \"pending\": {}, \"available\": {}, \"reserved\": {}, "
                "\"paid\": {}}}",
                balances.size() > 1 ? ", " : "", account.currency.text(), account.pending, account.available,
                account.reserved, account.paid);
        }
        std::string members = "[";
        for (const std::string& id : upline) members += fmt::format("{}\"{}\"", members.size() > 1 ? ", " : "", id);
        RowPrinter row(Format::kJsonl, stdout);
        row.text("program", entry.program);
        row.text("user", to_string(user.id));
        row.number("entry", static_cast<int64_t>(user.sequence));
        row.text("signed_up", ledger_time_text(entry.occurred_at_us));
        row.json("upline", members + "]");
        row.number("direct_referrals", static_cast<int64_t>(referrals));
        row.json("balances", balances + "]");
        std::string ids = "[";
        for (const std::string& id : referred) ids += fmt::format("{}\"{}\"", ids.size() > 1 ? ", " : "", id);
        row.json("first_referrals", ids + "]");
        row.json("suspended", user.suspended != 0 ? "true" : "false");
        std::string list = "[";
        for (const Payout& payout : asked)
            list += fmt::format(
                "{}{{\"payout\": \"{}\", \"entry\": {}, \"amount\": {}, \"currency\": \"{}\", \"status\": \"{}\"}}",
                list.size() > 1 ? ", " : "", to_string(payout.id), payout.sequence, payout.amount,
                payout.currency.text(), status_name(payout.status));
        row.json("last_payouts", list + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("user {} of program {}\n  signed up         {} (entry {})\n", to_string(user.id), entry.program,
               ledger_time_text(entry.occurred_at_us), user.sequence);
    if (user.suspended != 0)
        fmt::print("  suspended         yes: buys and earns as before, and may request no payout\n");
    fmt::print("  direct referrals  {}\n", with_commas(referrals));
    for (const std::string& id : referred) fmt::print("                    {}\n", id);
    if (referrals > referred.size())
        fmt::print("                    and {} more\n", with_commas(referrals - referred.size()));
    for (size_t i = 0; i < upline.size(); ++i)
        fmt::print("  {:<17} level {}  {}\n", i == 0 ? "upline" : "", i + 1, upline[i]);
    if (upline.empty()) fmt::print("  upline            nobody\n");
    if (user.first_account == kNoIndex) fmt::print("  balances          none yet\n");
    for (Index i = user.first_account; i != kNoIndex; i = state.accounts()[i].next) {
        const Account account = state.accounts()[i];
        fmt::print("  balances          available {}, pending {}, reserved {}, paid {}\n",
                   money_text(account.available, account.currency), money_text(account.pending, account.currency),
                   money_text(account.reserved, account.currency), money_text(account.paid, account.currency));
    }
    for (const Payouts& row : payouts) {
        fmt::print("  earned in {}     by {} sales", row.currency.text(),
                   with_commas(static_cast<uint64_t>(row.sales)));
        for (unsigned level = 1; level <= kMaxLevels; ++level)
            if (row.by_level[level - 1] != 0)
                fmt::print(", level {} {}", level, format_amount(row.by_level[level - 1], row.currency));
        if (row.as_creator != 0) fmt::print(", creator {}", format_amount(row.as_creator, row.currency));
        if (row.as_website_owner != 0) fmt::print(", website {}", format_amount(row.as_website_owner, row.currency));
        fmt::print("\n");
        for (const Payouts::Maturing& part : row.maturing)
            fmt::print("  matures           {}  {}\n", format_day(part.day), money_text(part.amount, row.currency));
    }
    for (const Payout& payout : asked)
        fmt::print("  payout            {}  {}, {}\n", to_string(payout.id), money_text(payout.amount, payout.currency),
                   status_name(payout.status));
    return ok_status();
}

Status show_transaction(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const auto& sale = std::get<TransactionRecorded>(entry.payload);
    UPLINE_TRY_ASSIGN(const RecordPlace place, read_place(*found.shard->store, entry.sequence));
    const bool mature = entry.maturity_us <= state.clock_us();
    if (json) {
        std::string postings = "[";
        for (const Posting& posting : entry.posted()) {
            postings +=
                fmt::format("{}{{\"account\": \"{}\"", postings.size() > 1 ? ", " : "", account_name(posting.account));
            if (posting.role != Role::kNone) postings += fmt::format(", \"role\": \"{}\"", role_name(posting.role));
            if (is_user_account(posting.account))
                postings += fmt::format(", \"user\": \"{}\"", user_id(state, posting.user));
            postings += fmt::format(", \"amount\": {}}}", posting.amount);
        }
        RowPrinter row(Format::kJsonl, stdout);
        row.text("program", entry.program);
        row.text("transaction", to_string(entry.id));
        row.number("entry", static_cast<int64_t>(entry.sequence));
        row.number("log_offset", place.offset);
        row.text("occurred_at", ledger_time_text(entry.occurred_at_us));
        row.text("buyer", user_id(state, entry.refs[0]));
        row.number("amount", sale.amount.value);
        row.number("tax", sale.tax.value);
        row.text("currency", entry.currency.text());
        row.text("source", enum_names<Source>()[static_cast<size_t>(sale.source)]);
        row.text("stream", enum_names<Stream>()[static_cast<size_t>(sale.stream)]);
        row.text("matures_at", ledger_time_text(entry.maturity_us));
        row.json("mature", mature ? "true" : "false");
        row.number("left", state.left_of(entry.sequence, sale.amount.value));
        row.json("postings", postings + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("transaction {} of program {}\n", to_string(entry.id), entry.program);
    fmt::print("  entry {}, offset {} of partition {}; occurred {}\n", entry.sequence, place.offset,
               found.shard->partition, ledger_time_text(entry.occurred_at_us));
    fmt::print("  buyer {}, {} ({}, {})\n", user_id(state, entry.refs[0]),
               money_text(sale.amount.value, entry.currency), enum_names<Source>()[static_cast<size_t>(sale.source)],
               enum_names<Stream>()[static_cast<size_t>(sale.stream)]);
    for (const Posting& posting : entry.posted())
        fmt::print("    {:<8} {:<10} {:>18}  {}\n", account_name(posting.account), role_name(posting.role),
                   money_text(posting.amount, entry.currency),
                   is_user_account(posting.account) ? user_id(state, posting.user) : "");
    fmt::print("  commissions {} {}\n", mature ? "are available since" : "mature on",
               ledger_time_text(entry.maturity_us));
    if (const int64_t left = state.left_of(entry.sequence, sale.amount.value); left != sale.amount.value)
        fmt::print("  refunded {}, {} left; `upline explain` tells what was taken back\n",
                   money_text(sale.amount.value - left, entry.currency), money_text(left, entry.currency));
    return ok_status();
}

// The request, and every result in turn: found by a walk over the entries since.
Status show_payout(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const Payout& payout = state.payouts()[found.thing.number()];
    struct Answer {
        Sequence entry;
        int64_t occurred_us;
        bool settled;
        std::string note;
    };
    std::vector<Answer> answers;
    ProgressBar progress("show: looking for results");
    UPLINE_TRY(walk_entries(
        *found.shard->store, payout.sequence, state.size(), progress.callback(), [&](const Entry& e) -> Result<bool> {
            if (!e.accepted() || e.refs[0] != payout.sequence) return true;
            if (const auto* settled = std::get_if<PayoutSettled>(&e.payload))
                answers.push_back(
                    {e.sequence, e.occurred_at_us, true, std::string(settled->provider_ref.value_or(""))});
            if (const auto* failed = std::get_if<PayoutFailed>(&e.payload))
                answers.push_back({e.sequence, e.occurred_at_us, false, std::string(failed->reason)});
            return true;
        }));
    const auto& request = std::get<PayoutRequested>(entry.payload);
    if (json) {
        std::string list = "[";
        for (const Answer& answer : answers) {
            list += fmt::format("{}{{\"entry\": {}, \"occurred_at\": \"{}\", \"status\": \"{}\", \"note\": ",
                                list.size() > 1 ? ", " : "", answer.entry, ledger_time_text(answer.occurred_us),
                                answer.settled ? "settled" : "failed");
            append_json_string(answer.note, list);
            list += "}";
        }
        RowPrinter row(Format::kJsonl, stdout);
        row.text("program", entry.program);
        row.text("payout", to_string(payout.id));
        row.number("entry", static_cast<int64_t>(payout.sequence));
        row.text("occurred_at", ledger_time_text(entry.occurred_at_us));
        row.text("user", to_string(state.users()[payout.user].id));
        row.number("amount", payout.amount);
        row.text("currency", payout.currency.text());
        row.text("method", request.method);
        row.text("status", status_name(payout.status));
        row.json("results", list + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("payout {} of program {}: {}\n", to_string(payout.id), entry.program, status_name(payout.status));
    fmt::print("  {} to user {} by {}, requested {} (entry {})\n", money_text(payout.amount, payout.currency),
               to_string(state.users()[payout.user].id), quote_for_message(request.method),
               ledger_time_text(entry.occurred_at_us), payout.sequence);
    for (const Answer& answer : answers)
        fmt::print("  {} {} (entry {}){}{}\n", answer.settled ? "settled" : "failed",
                   ledger_time_text(answer.occurred_us), answer.entry, answer.note.empty() ? "" : ": ",
                   answer.note.empty() ? "" : quote_for_message(answer.note));
    return ok_status();
}

Status show_website(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const Website& website = state.websites()[found.thing.number()];
    Site site;
    const auto table = open_table(*found.shard->store, sites_model()->name());
    if (table.ok())
        UPLINE_TRY(read_sites(**table, website.sequence, [&](const Site& row) {
            site = row;
            return true;
        }));
    const SiteStats& stats = site.total;
    const std::string_view status = enum_names<WebsiteStatus>()[website.status];
    if (json) {
        std::string sales = "[";
        for (const SiteSales& sale : stats.sales)
            sales += fmt::format("{}{{\"currency\": \"{}\", \"sales\": {}, \"revenue\": {}, \"commission\": {}}}",
                                 sales.size() > 1 ? ", " : "", sale.currency.text(), sale.sales, sale.revenue,
                                 sale.commission);
        RowPrinter row(Format::kJsonl, stdout);
        row.text("program", entry.program);
        row.text("website", to_string(website.id));
        row.number("entry", static_cast<int64_t>(website.sequence));
        row.text("owner", to_string(state.users()[website.owner].id));
        row.text("status", status);
        row.number("views", stats.count(ActivityKind::kView));
        row.number("impressions", stats.count(ActivityKind::kImpression));
        row.number("clicks", stats.count(ActivityKind::kClick));
        row.number("shares", stats.count(ActivityKind::kShare));
        row.number("visitors", stats.visitors);
        row.json("sales", sales + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("website {} of program {}, {}\n", to_string(website.id), entry.program, status);
    fmt::print("  created   {} (entry {}) by {}\n", ledger_time_text(entry.occurred_at_us), website.sequence,
               to_string(state.users()[website.owner].id));
    fmt::print("  activity  {} views, {} impressions, {} clicks, {} shares, {} visitors{}\n",
               stats.count(ActivityKind::kView), stats.count(ActivityKind::kImpression),
               stats.count(ActivityKind::kClick), stats.count(ActivityKind::kShare), stats.visitors,
               stats.visitors_exact ? "" : " (estimated)");
    for (const SiteSales& sale : stats.sales)
        fmt::print("  sales     {} for {}, commissions {}\n", sale.sales, money_text(sale.revenue, sale.currency),
                   money_text(sale.commission, sale.currency));
    return ok_status();
}

Status show_thing(std::vector<ReadShard>& shards, const ShowArgs& args) {
    UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards, args.program, args.id, args.what.c_str()));
    const std::unique_ptr<EntrySource> source = found.shard->store->entries();
    Entry entry;
    UPLINE_TRY(read_entry(*source, found.sequence, entry));
    if (args.what == "user" && found.thing.kind() == ThingKind::kUser) return show_user(found, entry, args.json);
    if (args.what == "website" && found.thing.kind() == ThingKind::kWebsite)
        return show_website(found, entry, args.json);
    if (args.what == "payout" && found.thing.kind() == ThingKind::kPayout) return show_payout(found, entry, args.json);
    if (args.what == "transaction" && std::holds_alternative<TransactionRecorded>(entry.payload))
        return show_transaction(found, entry, args.json);
    return Error{ErrorCode::kNotFound, fmt::format("{} is no {}: it is the id of a {} (entry {})", args.id, args.what,
                                                   type_text(entry.type), found.sequence)};
}

}  // namespace

int show(const ShowArgs& args) {
    auto shards = open_for_reading(args.data);
    if (!shards.ok()) return complain(shards.error());
    if (args.what == "head") return show_head(*shards, args.json);
    return finish(show_thing(*shards, args), ErrorCode::kNotFound);
}

}  // namespace upline
