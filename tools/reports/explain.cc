// SPDX-License-Identifier: Apache-2.0
// `upline explain`: how a sale was split, which rule, rate, base and rounding made each cent, what the house kept and
// why, and what refunds took back. What is worked out here is compared with what the entries posted.
#include <fmt/format.h>

#include <algorithm>

#include "events/base/int128.h"
#include "events/base/text.h"
#include "events/values/time.h"
#include "ledger/core/sale.h"
#include "tools/queries/reading.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// One line of the explanation: somebody's part, or why there is none.
struct Part {
    Role role{};
    std::string user;     // id; empty: nobody
    int32_t rate_bp = 0;  // basis points
    int64_t of = 0;       // minor units
    int64_t amount = 0;
    std::string why;  // when it is nothing
};

struct Refund {
    Sequence entry = 0;
    int64_t clock_us = 0;
    std::string id;
    std::string_view reason;
    int64_t amount = 0;
    int64_t left = 0;                            // after it
    std::vector<std::pair<Role, int64_t>> back;  // by role; kNone: the house
    int64_t tax = 0;
};

struct Explanation {
    std::string plan_id;  // of the PlanPublished; empty: the default
    Plan plan;
    Sale sale;
    Split split;
    HouseParts house;
    int64_t net = 0;
    int64_t base = 0;
    std::vector<Part> parts;
    std::vector<Refund> refunds;
    int64_t left = 0;
};

std::string percent(int32_t basis_points) {
    return fmt::format("{}.{:02} %", basis_points / 100, basis_points % 100);
}

// floor(of * rate / 10000) and the fraction it lost: "6.666 USD" of 33.33 USD at 20 %.
std::string exact_text(int64_t of, int32_t rate_bp, Currency currency) {
    const UInt128 product = static_cast<UInt128>(of) * static_cast<uint32_t>(rate_bp);
    std::string fraction = fmt::format("{:04}", static_cast<unsigned>(product % 10'000));
    fraction.erase(fraction.find_last_not_of('0') + 1);
    std::string whole = amount_text(static_cast<int64_t>(product / 10'000), currency);
    if (!fraction.empty() && currency_exponent(currency) == 0) whole += '.';
    return whole + fraction;
}

int64_t posted(const Entry& entry, AccountKind account, Role role) {
    for (const Posting& posting : entry.posted())
        if (posting.account == account && posting.role == role) return posting.amount;
    return 0;
}

Error differs(const Entry& entry, std::string_view what, int64_t worked_out, int64_t is) {
    return {ErrorCode::kCorrupt, fmt::format("entry {}: {} should be {}, it posts {}: run `upline verify`",
                                             entry.sequence, what, worked_out, is)};
}

class Explainer {
  public:
    explicit Explainer(const FoundEntry& found)
        : state_(*found.state), store_(*found.shard->store), look_up_(store_.look_up()) {}

    Result<Explanation> explain(const Entry& entry) {
        Explanation e;
        UPLINE_TRY(find_plan(entry, e));
        e.sale = sale_of(entry);
        if (!is_possible(e.sale, e.sale.amount))
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {}: an amount that no sale can have: run `upline verify`", entry.sequence)};
        UPLINE_TRY_ASSIGN(std::string why_no_bonus, website_bonus(entry, e.sale));
        std::vector<std::string> upline;
        const auto buyer = state_.user_by_sequence(entry.refs[0]);
        for (Index up = buyer ? state_.users()[*buyer].referrer : kNoIndex;
             up != kNoIndex && upline.size() < kMaxLevels; up = state_.users()[up].referrer)
            upline.push_back(to_string(state_.users()[up].id));
        e.sale.upline_size = static_cast<uint8_t>(upline.size());
        e.split = entitled(e.plan, e.sale, e.sale.amount);
        e.house = house_parts(e.plan, e.sale, e.sale.amount);
        e.net = e.sale.amount - e.split.tax;
        e.base = e.net - e.split.creator;

        const auto add = [&](Role role, const std::string& user, int32_t rate, int64_t of, std::string why) -> Status {
            const int64_t amount = user.empty() ? 0 : part_of(e.split, role);
            if (why.empty() && amount == 0) why = rate == 0 ? "the plan pays nothing here" : "rounds down to nothing";
            e.parts.push_back({role, user, rate, of, amount, amount == 0 ? why : ""});
            const int64_t is = posted(entry, AccountKind::kEarned, role);
            if (is != amount) return differs(entry, role_name(role), amount, is);
            return ok_status();
        };
        constexpr size_t kCreator = 2;
        const bool has_creator = entry.refs[kCreator] != kNoSequence;
        UPLINE_TRY(add(Role::kCreator, has_creator ? user_id(state_, entry.refs[kCreator]) : "", e.plan.creator_share,
                       e.net, has_creator ? "" : "the sale names no creator"));
        UPLINE_TRY(add(Role::kWebsite, e.sale.website_bonus_owed ? owner_ : "", e.plan.website_bonus, e.base,
                       std::move(why_no_bonus)));
        for (unsigned level = 1; level <= e.plan.levels; ++level)
            UPLINE_TRY(add(level_role(level), level <= upline.size() ? upline[level - 1] : "",
                           e.plan.level_rates[level - 1], e.base,
                           level <= upline.size() ? "" : "nobody stands there: unfilled, stays with the house"));
        if (const int64_t is = posted(entry, AccountKind::kTax, Role::kNone); is != e.split.tax)
            return differs(entry, "tax", e.split.tax, is);
        if (const int64_t is = posted(entry, AccountKind::kHouse, Role::kNone); is != e.split.house)
            return differs(entry, "house", e.split.house, is);
        UPLINE_TRY(find_refunds(entry, e));
        return e;
    }

  private:
    Status find_plan(const Entry& entry, Explanation& e) {
        if (!state_.knows_plan(entry.plan))
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {}: its plan was never published: run `upline verify`", entry.sequence)};
        e.plan = state_.plan(entry.plan);
        if (entry.plan == 0) return ok_status();
        Entry published;
        UPLINE_TRY(read_entry(*look_up_, entry.plan - 1, published));
        e.plan_id = to_string(published.id);
        return ok_status();
    }

    // Sets whether a bonus was owed, and says why not.
    Result<std::string> website_bonus(const Entry& entry, Sale& sale) {
        constexpr size_t kBuyer = 0;
        constexpr size_t kWebsite = 1;
        if (entry.refs[kWebsite] == kNoSequence) return std::string("the sale names no website");
        const auto website = state_.website_by_sequence(entry.refs[kWebsite]);
        if (!website) return Error{ErrorCode::kCorrupt, "its website is not there: run `upline verify`"};
        const User owner = state_.users()[state_.websites()[*website].owner];
        owner_ = to_string(owner.id);
        if (sale.website_bonus_owed) return std::string();
        if (owner.sequence == entry.refs[kBuyer]) return std::string("the website's owner is the buyer");
        // Too small a bonus leaves no posting, so what the website was then must be looked for.
        auto status = WebsiteStatus::kDraft;
        UPLINE_TRY(walk_entries(store_, entry.refs[kWebsite], entry.sequence, {}, [&](const Entry& e) -> Result<bool> {
            const auto* change = std::get_if<WebsiteStatusChanged>(&e.payload);
            if (e.accepted() && change && e.refs[0] == entry.refs[kWebsite]) status = change->status;
            return true;
        }));
        sale.website_bonus_owed = status == WebsiteStatus::kPublished;
        if (sale.website_bonus_owed) return std::string();
        return fmt::format("the website was {} then, not published",
                           enum_names<WebsiteStatus>()[static_cast<size_t>(status)]);
    }

    Status find_refunds(const Entry& sale, Explanation& e) {
        e.left = e.sale.amount;
        const int64_t left_at_last = state_.left_of(sale.sequence, e.sale.amount);
        if (left_at_last == e.left) return ok_status();
        ProgressBar progress("explain: looking for refunds");
        const auto take = [&](const Entry& entry) -> Result<bool> {
            const auto* facts = std::get_if<TransactionRefunded>(&entry.payload);
            if (!entry.accepted() || !facts || entry.refs[0] != sale.sequence) return true;
            UPLINE_TRY(add_refund(entry, *facts, e));
            return e.left != left_at_last;
        };
        return walk_entries(store_, sale.sequence, state_.size(), progress.callback(), take);
    }

    static Status add_refund(const Entry& entry, const TransactionRefunded& facts, Explanation& e) {
        if (facts.amount.value < 0 || facts.amount.value > e.left || entry.left_before != e.left)
            return differs(entry, "what was left of the sale", e.left, entry.left_before);
        const Split before = entitled(e.plan, e.sale, e.left);
        const Split after = entitled(e.plan, e.sale, e.left - facts.amount.value);
        e.left -= facts.amount.value;
        Refund refund{.entry = entry.sequence,
                      .clock_us = entry.clock_us,
                      .id = to_string(entry.id),
                      .reason = enum_names<RefundReason>()[static_cast<size_t>(facts.reason)],
                      .amount = facts.amount.value,
                      .left = e.left,
                      .back = {},
                      .tax = before.tax - after.tax};
        for (const Part& part : e.parts) {
            const int64_t back = part_of(before, part.role) - part_of(after, part.role);
            if (const int64_t is = posted(entry, AccountKind::kEarned, part.role); is != -back)
                return differs(entry, role_name(part.role), -back, is);
            if (back != 0) refund.back.emplace_back(part.role, back);
        }
        const int64_t house = before.house - after.house;
        if (const int64_t is = posted(entry, AccountKind::kHouse, Role::kNone); is != -house)
            return differs(entry, "house", -house, is);
        if (house != 0) refund.back.emplace_back(Role::kNone, house);
        e.refunds.push_back(std::move(refund));
        return ok_status();
    }

    const State& state_;
    Store& store_;
    std::unique_ptr<EntrySource> look_up_;
    std::string owner_;
};

std::string_view name_of(Role role) {
    return role == Role::kNone ? "house" : role_name(role);
}

void print_json(const ExplainArgs& args, const Entry& entry, const Explanation& e, bool mature) {
    std::string rates = "[";
    for (unsigned level = 0; level < e.plan.levels; ++level)
        rates += fmt::format("{}{}", level > 0 ? ", " : "", e.plan.level_rates[level]);
    std::string parts = "[";
    for (const Part& part : e.parts) {
        parts += fmt::format(
            "{}{{\"role\": \"{}\", \"user\": {}, \"rate_bp\": {}, \"of\": {}, \"amount\": {}, \"why\": ",
            parts.size() > 1 ? ", " : "", role_name(part.role),
            part.user.empty() ? "null" : fmt::format("\"{}\"", part.user), part.rate_bp, part.of, part.amount);
        if (part.why.empty())
            parts += "null";
        else
            append_json_string(part.why, parts);
        parts += "}";
    }
    std::string refunds = "[";
    for (const Refund& refund : e.refunds) {
        refunds += fmt::format(
            "{}{{\"refund\": \"{}\", \"entry\": {}, \"time\": \"{}\", \"reason\": \"{}\", "
            "\"amount\": {}, \"tax\": {}, \"left\": {}, \"back\": {{",
            refunds.size() > 1 ? ", " : "", refund.id, refund.entry, ledger_time_text(refund.clock_us), refund.reason,
            refund.amount, refund.tax, refund.left);
        for (size_t i = 0; i < refund.back.size(); ++i)
            refunds +=
                fmt::format("{}\"{}\": {}", i > 0 ? ", " : "", name_of(refund.back[i].first), refund.back[i].second);
        refunds += "}}";
    }
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", args.program);
    row.text("transaction", args.transaction);
    row.number("entry", static_cast<int64_t>(entry.sequence));
    row.number("rules_version", entry.rules_version);
    row.json("plan", e.plan_id.empty() ? "\"default\"" : fmt::format("\"{}\"", e.plan_id));
    row.json("level_rates", rates + "]");
    row.text("currency", entry.currency.text());
    row.number("amount", e.sale.amount);
    row.number("tax", e.split.tax);
    row.number("net", e.net);
    row.number("base", e.base);
    row.json("parts", parts + "]");
    row.number("house", e.split.house);
    row.number("unfilled", e.house.unfilled);
    row.number("rounding", e.house.rounding);
    row.number("margin", e.house.margin);
    row.text("matures_at", ledger_time_text(entry.maturity_us));
    row.json("mature", mature ? "true" : "false");
    row.json("refunds", refunds + "]");
    row.number("left", e.left);
    row.end_row();
}

void print_text(const ExplainArgs& args, const Entry& entry, const Explanation& e, bool mature) {
    const Style& s = style();
    const Currency currency = entry.currency;
    const auto amount = [currency](int64_t minor) { return amount_text(minor, currency); };
    fmt::print("transaction {} of program {}: entry {}, rules version {}\n", args.transaction, args.program,
               entry.sequence, entry.rules_version);
    fmt::print("  sold        {}", money_text(e.sale.amount, currency));
    fmt::print("{}\n", e.split.tax == 0 ? "" : fmt::format(", of it {} tax", amount(e.split.tax)));
    fmt::print("  plan        {}\n", e.plan_id.empty()
                                         ? "the default, for none was published before the sale"
                                         : fmt::format("{}, published by entry {}", e.plan_id, entry.plan - 1));
    fmt::print("  net         {} = {} - {} tax\n", amount(e.net), amount(e.sale.amount), amount(e.split.tax));
    fmt::print("  base        {} = {} - {} for the creator\n", amount(e.base), amount(e.net), amount(e.split.creator));
    for (const Part& part : e.parts) {
        fmt::print("  {:<10} {:>14}  ", role_name(part.role), amount(part.amount));
        if (part.user.empty()) {
            fmt::print("{}{}{}", s.dim, part.why, s.plain);
            if (is_level(part.role))
                fmt::print("{} ({} of {}){}", s.dim, percent(part.rate_bp), amount(part.of), s.plain);
            fmt::print("\n");
            continue;
        }
        const std::string exact = exact_text(part.of, part.rate_bp, currency);
        fmt::print(
            "{} of {} = {}{}  {}\n", percent(part.rate_bp), amount(part.of), exact,
            exact == amount(part.amount) ? "" : fmt::format(", rounded down{}", part.amount == 0 ? " to nothing" : ""),
            part.user);
    }
    fmt::print("  house      {:>14}  = {} unfilled levels + {} rounding + {} margin\n", amount(e.split.house),
               amount(e.house.unfilled), amount(e.house.rounding), amount(e.house.margin));
    fmt::print("  commissions {} {}\n", mature ? "are available since" : "mature on",
               ledger_time_text(entry.maturity_us));
    for (const Refund& refund : e.refunds) {
        fmt::print("then {} {} (entry {}, {}): {} back, {} left\n", refund.reason, refund.id, refund.entry,
                   ledger_time_text(refund.clock_us), money_text(refund.amount, currency), amount(refund.left));
        if (refund.tax != 0) fmt::print("  {:<10} {:>14}\n", "tax", amount(-refund.tax));
        for (const auto& [role, back] : refund.back)
            fmt::print("  {:<10} {:>14}{}\n", name_of(role), amount(-back),
                       back < 0 ? "  gains: less is paid out than was rounded off before" : "");
    }
    fmt::print("{}every amount above is what the ledger's entries post{}\n", s.dim, s.plain);
}

Status explain_sale(const ExplainArgs& args) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.data));
    UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards, args.program, args.transaction, "transaction"));
    const std::unique_ptr<EntrySource> source = found.shard->store->look_up();
    Entry entry;
    UPLINE_TRY(read_entry(*source, found.sequence, entry));
    if (!std::holds_alternative<TransactionRecorded>(entry.payload))
        return Error{ErrorCode::kNotFound, fmt::format("{} is no sale: it is the id of a {} (entry {})",
                                                       args.transaction, type_text(entry.type), found.sequence)};
    UPLINE_TRY_ASSIGN(const Explanation explanation, Explainer(found).explain(entry));
    const bool mature = entry.maturity_us <= found.state->clock_us();
    if (args.json)
        print_json(args, entry, explanation, mature);
    else
        print_text(args, entry, explanation, mature);
    return ok_status();
}

}  // namespace

int explain(const ExplainArgs& args) {
    return finish(explain_sale(args), ErrorCode::kNotFound);
}

}  // namespace upline
