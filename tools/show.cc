// SPDX-License-Identifier: Apache-2.0
// `upline show`: one user, sale or website, or the head of the ledger.
#include <fmt/format.h>

#include "events/money.h"
#include "events/time.h"
#include "projectors/payouts.h"
#include "projectors/sites.h"
#include "tools/commands.h"
#include "tools/print.h"
#include "tools/reading.h"

namespace upline {
namespace {

std::string id_of_user(const State& state, Sequence sequence) {
    const auto user = state.user_by_sequence(sequence);
    return user ? to_string(state.users()[*user].id) : fmt::format("of entry {}", sequence);
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
                       with_commas(position->size), to_hex(position->root), format_time(position->clock_us));
        }
    }
    return kExitDone;
}

Status show_user(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const User& user = state.users()[found.thing.number()];
    std::vector<std::string> upline;
    for (Index up = user.referrer; up != kNoIndex && upline.size() < kMaxLevels; up = state.users()[up].referrer)
        upline.push_back(to_string(state.users()[up].id));
    uint64_t referrals = 0;
    for (size_t i = 0; i < state.users().size(); ++i)
        if (state.users()[i].referrer == found.thing.number()) ++referrals;
    std::vector<Payouts> payouts;
    const auto table = found.shard->store->table(payouts_model()->name());
    if (table.ok())
        UPLINE_TRY(read_payouts(**table, user.sequence, [&](const Payouts& row) {
            payouts.push_back(row);
            return true;
        }));

    if (json) {
        std::string balances = "[";
        for (Index i = user.first_account; i != kNoIndex; i = state.accounts()[i].next) {
            const Account& account = state.accounts()[i];
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
        row.text("signed_up", format_time(entry.occurred_at_us));
        row.json("upline", members + "]");
        row.number("direct_referrals", static_cast<int64_t>(referrals));
        row.json("balances", balances + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("user {} of program {}\n  signed up         {} (entry {})\n", to_string(user.id), entry.program,
               format_time(entry.occurred_at_us), user.sequence);
    fmt::print("  direct referrals  {}\n", with_commas(referrals));
    for (size_t i = 0; i < upline.size(); ++i)
        fmt::print("  {:<17} level {}  {}\n", i == 0 ? "upline" : "", i + 1, upline[i]);
    if (upline.empty()) fmt::print("  upline            nobody\n");
    if (user.first_account == kNoIndex) fmt::print("  balances          none yet\n");
    for (Index i = user.first_account; i != kNoIndex; i = state.accounts()[i].next) {
        const Account& account = state.accounts()[i];
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
    return ok_status();
}

Status show_transaction(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const auto& sale = std::get<TransactionRecorded>(entry.payload);
    UPLINE_TRY_ASSIGN(const RecordPlace place, found.shard->store->place(entry.sequence));
    const bool mature = entry.maturity_us <= state.clock_us();
    if (json) {
        std::string postings = "[";
        for (const Posting& posting : entry.posted()) {
            postings +=
                fmt::format("{}{{\"account\": \"{}\"", postings.size() > 1 ? ", " : "", account_name(posting.account));
            if (posting.role != Role::kNone) postings += fmt::format(", \"role\": \"{}\"", role_name(posting.role));
            if (is_user_account(posting.account))
                postings += fmt::format(", \"user\": \"{}\"", id_of_user(state, posting.user));
            postings += fmt::format(", \"amount\": {}}}", posting.amount);
        }
        RowPrinter row(Format::kJsonl, stdout);
        row.text("program", entry.program);
        row.text("transaction", to_string(entry.id));
        row.number("entry", static_cast<int64_t>(entry.sequence));
        row.number("log_offset", place.offset);
        row.text("occurred_at", format_time(entry.occurred_at_us));
        row.text("buyer", id_of_user(state, entry.refs[0]));
        row.number("amount", sale.amount.value);
        row.number("tax", sale.tax.value);
        row.text("currency", entry.currency.text());
        row.text("source", enum_names<Source>()[static_cast<size_t>(sale.source)]);
        row.text("stream", enum_names<Stream>()[static_cast<size_t>(sale.stream)]);
        row.text("matures_at", format_time(std::min(entry.maturity_us, kMaxTimeUs)));
        row.json("mature", mature ? "true" : "false");
        row.json("postings", postings + "]");
        row.end_row();
        return ok_status();
    }
    fmt::print("transaction {} of program {}\n", to_string(entry.id), entry.program);
    fmt::print("  entry {}, offset {} of partition {}; occurred {}\n", entry.sequence, place.offset,
               found.shard->partition, format_time(entry.occurred_at_us));
    fmt::print("  buyer {}, {} ({}, {})\n", id_of_user(state, entry.refs[0]),
               money_text(sale.amount.value, entry.currency), enum_names<Source>()[static_cast<size_t>(sale.source)],
               enum_names<Stream>()[static_cast<size_t>(sale.stream)]);
    for (const Posting& posting : entry.posted())
        fmt::print("    {:<8} {:<10} {:>18}  {}\n", account_name(posting.account), role_name(posting.role),
                   money_text(posting.amount, entry.currency),
                   is_user_account(posting.account) ? id_of_user(state, posting.user) : "");
    fmt::print("  commissions {} {}\n", mature ? "are available since" : "mature on",
               format_time(std::min(entry.maturity_us, kMaxTimeUs)));
    return ok_status();
}

Status show_website(const FoundEntry& found, const Entry& entry, bool json) {
    const State& state = *found.state;
    const Website& website = state.websites()[found.thing.number()];
    Site site;
    const auto table = found.shard->store->table(sites_model()->name());
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
    fmt::print("  created   {} (entry {}) by {}\n", format_time(entry.occurred_at_us), website.sequence,
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
    if (args.what == "transaction" && std::holds_alternative<TransactionRecorded>(entry.payload))
        return show_transaction(found, entry, args.json);
    return Error{ErrorCode::kNotFound,
                 fmt::format("{} is no {}: it is the id of a {} (entry {})", args.id, args.what,
                             event_type_name(static_cast<EventType>(entry.type)), found.sequence)};
}

}  // namespace

int show(const ShowArgs& args) {
    auto shards = open_for_reading(args.data);
    if (!shards.ok()) return complain(shards.error());
    if (args.what == "head") return show_head(*shards, args.json);
    const Status shown = show_thing(*shards, args);
    if (shown.ok()) return kExitDone;
    complain(shown.error());
    return shown.error().code == ErrorCode::kNotFound ? kExitNegative : kExitCouldNot;
}

}  // namespace upline
