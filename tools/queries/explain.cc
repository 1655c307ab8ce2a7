// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/explain.h"

#include <fmt/format.h>

#include "projectors/entry_cache.h"
#include "projectors/models/references.h"
#include "tools/queries/user.h"
#include "tools/queries/website.h"

namespace upline {
namespace {

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
    explicit Explainer(LedgerReader& ledger) : ledger_(ledger), earlier_(ledger.entries(), ledger.versions()) {}

    Result<Explanation> explain(const Entry& entry) {
        Explanation e;
        UPLINE_TRY_ASSIGN(terms_, earlier_.terms_of(entry, sale_of(entry).amount));
        e.plan = *terms_.plan;
        e.sale = terms_.sale;
        if (entry.plan != 0) {
            UPLINE_TRY_ASSIGN(const Uuid plan_id, ledger_.id_of(entry.plan - 1));
            e.plan_id = to_string(plan_id);
        }
        UPLINE_TRY_ASSIGN(std::string why_no_bonus, website_bonus(entry, e.sale));
        Entry buyer;
        UPLINE_TRY(ledger_.read_user(entry.refs[0], buyer));
        UPLINE_TRY_ASSIGN(const std::vector<Uuid> upline, upline_of(ledger_, buyer));
        e.sale.upline_size = static_cast<uint8_t>(upline.size());
        terms_.sale = e.sale;
        e.split = terms_.entitled(e.sale.amount);
        e.house = terms_.house_parts(e.sale.amount);
        e.net = e.sale.amount - e.split.tax;
        e.base = e.net - e.split.creator;

        const auto add = [&](Role role, const std::string& user, BasisPoints rate, int64_t of,
                             std::string why) -> Status {
            const int64_t amount = user.empty() ? 0 : part_of(e.split, role);
            if (why.empty() && amount == 0)
                why = rate == BasisPoints{} ? "the plan pays nothing here" : "rounds down to nothing";
            e.parts.push_back({role, user, rate, of, amount, amount == 0 ? why : ""});
            const int64_t is = posted(entry, AccountKind::kEarned, role);
            if (is != amount) return differs(entry, role_name(role), amount, is);
            return ok_status();
        };
        constexpr size_t kCreator = 2;
        const bool has_creator = entry.refs[kCreator] != kNoSequence;
        std::string creator;
        if (has_creator) {
            UPLINE_TRY_ASSIGN(creator, ledger_.user_text(entry.refs[kCreator]));
        }
        UPLINE_TRY(
            add(Role::kCreator, creator, e.plan.creator_share, e.net, has_creator ? "" : "the sale names no creator"));
        UPLINE_TRY(add(Role::kWebsite, e.sale.website_bonus_owed ? owner_ : "", e.plan.website_bonus, e.base,
                       std::move(why_no_bonus)));
        for (unsigned level = 1; level <= e.plan.levels; ++level)
            UPLINE_TRY(add(level_role(level), level <= upline.size() ? to_string(upline[level - 1]) : "",
                           e.plan.level_rates[level - 1], e.base,
                           level <= upline.size() ? "" : "nobody stands there: unfilled, stays with the house"));
        if (const int64_t is = posted(entry, AccountKind::kTax, Role::kNone); is != e.split.tax)
            return differs(entry, "tax", e.split.tax, is);
        if (const int64_t is = posted(entry, AccountKind::kHouse, Role::kNone); is != e.split.house)
            return differs(entry, "house", e.split.house, is);
        UPLINE_TRY(find_refunds(entry, e));
        e.mature = entry.maturity_us <= ledger_.position().clock_us;
        return e;
    }

  private:
    // Sets whether a bonus was owed, and says why not.
    Result<std::string> website_bonus(const Entry& entry, Sale& sale) {
        constexpr size_t kBuyer = 0;
        constexpr size_t kWebsite = 1;
        if (entry.refs[kWebsite] == kNoSequence) return std::string("the sale names no website");
        Entry website;
        UPLINE_TRY(ledger_.read(entry.refs[kWebsite], website));
        if (!std::holds_alternative<WebsiteCreated>(website.payload))
            return Error{ErrorCode::kCorrupt, "its website is not there: run `upline verify`"};
        UPLINE_TRY_ASSIGN(owner_, ledger_.user_text(website.refs[0]));
        if (sale.website_bonus_owed) return std::string();
        if (website.refs[0] == entry.refs[kBuyer]) return std::string("the website's owner is the buyer");
        // Too small a bonus leaves no posting, so what the website was then must be looked for.
        UPLINE_TRY_ASSIGN(const WebsiteStatus status, website_status(ledger_, entry.refs[kWebsite], entry.sequence));
        sale.website_bonus_owed = status == WebsiteStatus::kPublished;
        if (sale.website_bonus_owed) return std::string();
        return fmt::format("the website was {} then, not published", enum_name(status));
    }

    Status find_refunds(const Entry& sale, Explanation& e) {
        e.left = e.sale.amount;
        UPLINE_TRY_ASSIGN(Table * references, ledger_.rows(references_model));
        std::vector<Sequence> refunds;
        UPLINE_TRY(read_references(*references, ReferenceKind::kRefund, sale.sequence, [&](const Reference& refund) {
            refunds.push_back(refund.by);
            return true;
        }));
        Entry entry;
        for (const Sequence sequence : refunds) {
            UPLINE_TRY(ledger_.read(sequence, entry));
            const auto* facts = std::get_if<TransactionRefunded>(&entry.payload);
            if (!facts)
                return Error{ErrorCode::kCorrupt, fmt::format("entry {} is no refund: run `upline verify`", sequence)};
            UPLINE_TRY(add_refund(entry, *facts, e));
        }
        return ok_status();
    }

    Status add_refund(const Entry& entry, const TransactionRefunded& facts, Explanation& e) const {
        if (facts.amount.value < 0 || facts.amount.value > e.left || entry.remaining_before != e.left)
            return differs(entry, "what was left of the sale", e.left, entry.remaining_before);
        const Split before = terms_.entitled(e.left);
        const Split after = terms_.entitled(e.left - facts.amount.value);
        e.left -= facts.amount.value;
        ExplainedRefund refund{.entry = entry.sequence,
                               .clock_us = entry.clock_us,
                               .id = to_string(entry.id),
                               .reason = enum_name(facts.reason),
                               .amount = facts.amount.value,
                               .left = e.left,
                               .back = {},
                               .tax = before.tax - after.tax};
        for (const ExplainedPart& part : e.parts) {
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

    LedgerReader& ledger_;
    EntryCache earlier_;
    SaleTerms terms_;
    std::string owner_;
};

}  // namespace

Result<Explanation> query_explanation(LedgerReader& ledger, const Entry& sale) {
    return Explainer(ledger).explain(sale);
}

}  // namespace upline
