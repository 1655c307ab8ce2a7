// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/rules_v1.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/base/check.h"
#include "events/values/time.h"
#include "ledger/core/draft.h"

namespace upline::rules_v1 {
namespace {

// References by their place among the type's reference fields (events/event.h).
bool given(const UserRef& ref) {
    return !ref.id.is_nil();
}
bool given(const WebsiteRef& ref) {
    return !ref.id.is_nil();
}
bool known(const Draft& draft, size_t ref) {
    return draft.resolved.refs[ref] != kNoIndex;
}

// What may be sold, refunded or paid out.
bool is_amount(MinorUnits amount) {
    return amount.value > 0 && amount.value <= kAmountCap;
}

// Adds a posting; one of zero is left out.
void post(Draft& draft, AccountKind account, Role role, int64_t amount, UserIndex user = kNoIndex) {
    if (amount == 0) return;
    const size_t i = draft.entry.posting_count++;
    draft.resolved.users[i] = user;
    draft.entry.postings[i] = {account, role, user == kNoIndex ? kNoSequence : draft.state.users().hot(user).sequence,
                               amount};
}

Result<Outcome> rule(const UserSignedUp& event, Draft& draft) {
    constexpr size_t kReferrer = 0;
    constexpr size_t kWebsite = 1;
    if (given(event.referrer) && event.referrer.id == draft.entry.id) return Outcome::kSelfReferral;
    if (given(event.referrer) && !known(draft, kReferrer)) return Outcome::kUnknownReferrer;
    if (given(event.website) && !known(draft, kWebsite)) return Outcome::kUnknownWebsite;
    return Outcome::kAccepted;
}

Result<Outcome> rule(const WebsiteCreated& /*event*/, Draft& draft) {
    constexpr size_t kOwner = 0;
    return known(draft, kOwner) ? Outcome::kAccepted : Outcome::kUnknownUser;
}

Result<Outcome> rule(const WebsiteStatusChanged& /*event*/, Draft& draft) {
    constexpr size_t kWebsite = 0;
    return known(draft, kWebsite) ? Outcome::kAccepted : Outcome::kUnknownWebsite;
}

Result<Outcome> rule(const WebsiteActivity& /*event*/, Draft& draft) {
    constexpr size_t kWebsite = 0;
    return known(draft, kWebsite) ? Outcome::kAccepted : Outcome::kUnknownWebsite;
}

Result<Outcome> rule(const TransactionRecorded& event, Draft& draft) {
    constexpr size_t kBuyer = 0;
    constexpr size_t kWebsite = 1;
    constexpr size_t kCreator = 2;
    if (!known(draft, kBuyer)) return Outcome::kUnknownUser;
    if (given(event.website) && !known(draft, kWebsite)) return Outcome::kUnknownWebsite;
    if (event.source == Source::kWebsite && !given(event.website)) return Outcome::kInvalid;
    if (given(event.creator) && !known(draft, kCreator)) return Outcome::kUnknownUser;
    if (!is_amount(event.amount)) return Outcome::kInvalid;
    if (event.tax.value < 0 || event.tax.value > event.amount.value) return Outcome::kInvalid;

    const State& state = draft.state;
    const UserIndex buyer(draft.resolved.refs[kBuyer]);
    const auto [plan, plan_number] = state.plan_in_force(draft.resolved.program, draft.rules);
    Sale sale{.amount = event.amount.value, .tax = event.tax.value, .has_creator = given(event.creator)};
    UserIndex owner;
    if (given(event.website)) {
        const Website& website = state.websites()[WebsiteIndex(draft.resolved.refs[kWebsite])];
        owner = website.owner;
        sale.website_bonus_owed = website.status == static_cast<uint32_t>(WebsiteStatus::kPublished) && owner != buyer;
    }
    std::array<UserIndex, kMaxLevels> upline{};
    for (UserIndex user = state.users().hot(buyer).referrer; user != kNoIndex && sale.upline_size < kMaxLevels;
         user = state.users().hot(user).referrer)
        upline[sale.upline_size++] = user;

    const Split split = draft.rules.entitled(plan, sale, sale.amount);
    draft.entry.plan = plan_number;
    draft.entry.currency = event.currency;
    draft.entry.maturity_us = draft.clock_us + plan.hold_days.value * kUsPerDay;
    post(draft, AccountKind::kSales, Role::kNone, -sale.amount);
    post(draft, AccountKind::kTax, Role::kNone, split.tax);
    post(draft, AccountKind::kEarned, Role::kCreator, split.creator, UserIndex(draft.resolved.refs[kCreator]));
    post(draft, AccountKind::kEarned, Role::kWebsite, split.website, owner);
    for (unsigned k = 0; k < sale.upline_size; ++k)
        post(draft, AccountKind::kEarned, level_role(k + 1), split.levels[k], upline[k]);
    post(draft, AccountKind::kHouse, Role::kNone, split.house);
    return Outcome::kAccepted;
}

// Takes back from each role what it is entitled to of what was left, less what it is entitled to of what is left now,
// under the rules and the plan of the sale.
Result<Outcome> rule(const TransactionRefunded& event, Draft& draft) {
    if (!draft.sale) return Outcome::kUnknownTransaction;
    const Entry& entry = *draft.sale;
    if (event.currency != entry.currency || !is_amount(event.amount)) return Outcome::kInvalid;
    const int64_t left = draft.state.left_of(entry.sequence, std::get<TransactionRecorded>(entry.payload).amount.value);
    UPLINE_TRY_ASSIGN(const SaleTerms terms, draft.state.terms_of(entry, left));
    if (event.amount.value > left) return Outcome::kOverRefund;

    const Split before = terms.entitled(left);
    const Split after = terms.entitled(left - event.amount.value);
    draft.entry.plan = entry.plan;
    draft.entry.remaining_before = left;
    draft.entry.currency = event.currency;
    draft.entry.maturity_us = entry.maturity_us;
    for (const Posting& posting : entry.posted()) {
        int64_t amount = 0;
        UserIndex user;
        switch (posting.account) {
            case AccountKind::kSales: amount = event.amount.value; break;
            case AccountKind::kTax: amount = after.tax - before.tax; break;
            case AccountKind::kEarned:
                amount = part_of(after, posting.role) - part_of(before, posting.role);
                user = draft.state.user_by_sequence(posting.user);
                if (user == kNoIndex)
                    return Error{ErrorCode::kCorrupt,
                                 fmt::format("entry {}: it posts to entry {}, which made no user; run `upline verify`",
                                             entry.sequence, posting.user)};
                break;
            default: continue;  // the house's, which a sale may lack and a refund still have
        }
        post(draft, posting.account, posting.role, amount, user);
    }
    post(draft, AccountKind::kHouse, Role::kNone, after.house - before.house);
    return Outcome::kAccepted;
}

Result<Outcome> rule(const PlanPublished& event, Draft& draft) {
    return draft.rules.plan_of(event) ? Outcome::kAccepted : Outcome::kInvalid;
}

// Moves money between two accounts of one user.
void move(Draft& draft, AccountKind from, AccountKind to, int64_t amount, Currency currency, UserIndex user) {
    draft.entry.currency = currency;
    post(draft, from, Role::kNone, -amount, user);
    post(draft, to, Role::kNone, amount, user);
}

Result<Outcome> rule(const PayoutRequested& event, Draft& draft) {
    constexpr size_t kUser = 0;
    if (!known(draft, kUser)) return Outcome::kUnknownUser;
    const UserIndex user(draft.resolved.refs[kUser]);
    const State& state = draft.state;
    if (state.users().cold(user).suspended != 0) return Outcome::kSuspended;
    if (!is_amount(event.amount)) return Outcome::kInvalid;
    const auto [plan, plan_number] = state.plan_in_force(draft.resolved.program, draft.rules);
    if (draft.rules.below_minimum(plan, event.amount.value, event.currency)) return Outcome::kBelowMinimum;
    const AccountIndex account = state.find_account(user, event.currency);
    if (account == kNoIndex) return Outcome::kInsufficientFunds;
    UPLINE_TRY_ASSIGN(const bool covered, draft.funds.covers(account, event.amount.value, draft.clock_us));
    if (!covered) return Outcome::kInsufficientFunds;
    draft.entry.plan = plan_number;
    move(draft, AccountKind::kEarned, AccountKind::kReserved, event.amount.value, event.currency, user);
    return Outcome::kAccepted;
}

// The provider's last word counts: a failed payout may still settle, a settled one may come back.
Result<Outcome> rule(const PayoutSettled& /*event*/, Draft& draft) {
    constexpr size_t kPayout = 0;
    if (!known(draft, kPayout)) return Outcome::kUnknownPayout;
    const Payout& payout = draft.state.payouts()[PayoutIndex(draft.resolved.refs[kPayout])];
    if (payout.status == PayoutStatus::kSettled) return Outcome::kInvalidState;
    move(draft, payout.status == PayoutStatus::kFailed ? AccountKind::kEarned : AccountKind::kReserved,
         AccountKind::kPaid, payout.amount, payout.currency, payout.user);
    return Outcome::kAccepted;
}

Result<Outcome> rule(const PayoutFailed& /*event*/, Draft& draft) {
    constexpr size_t kPayout = 0;
    if (!known(draft, kPayout)) return Outcome::kUnknownPayout;
    const Payout& payout = draft.state.payouts()[PayoutIndex(draft.resolved.refs[kPayout])];
    if (payout.status == PayoutStatus::kFailed) return Outcome::kInvalidState;
    move(draft, payout.status == PayoutStatus::kSettled ? AccountKind::kPaid : AccountKind::kReserved,
         AccountKind::kEarned, payout.amount, payout.currency, payout.user);
    return Outcome::kAccepted;
}

Result<Outcome> rule(const UserSuspended& /*event*/, Draft& draft) {
    constexpr size_t kUser = 0;
    return known(draft, kUser) ? Outcome::kAccepted : Outcome::kUnknownUser;
}

Result<Outcome> rule(const UserReinstated& /*event*/, Draft& draft) {
    constexpr size_t kUser = 0;
    return known(draft, kUser) ? Outcome::kAccepted : Outcome::kUnknownUser;
}

Result<Outcome> rule(const AdjustmentPosted& event, Draft& draft) {
    constexpr size_t kUser = 0;
    if (!known(draft, kUser)) return Outcome::kUnknownUser;
    const int64_t amount = event.amount.value;
    if (amount == 0 || amount > kAmountCap || amount < -kAmountCap) return Outcome::kInvalid;
    draft.entry.currency = event.currency;
    post(draft, AccountKind::kEarned, Role::kAdjustment, amount, UserIndex(draft.resolved.refs[kUser]));
    post(draft, AccountKind::kHouse, Role::kNone, -amount);
    return Outcome::kAccepted;
}

// What it commits to is worked out once its entry has moved the clock (Core::close_books).
Result<Outcome> rule(const BooksClosed& /*event*/, Draft& draft) {
    const ProgramIndex program = draft.resolved.program;
    const bool closed =
        program != kNoIndex && draft.state.programs()[program].closed_day == closing_day(draft.clock_us);
    return closed ? Outcome::kInvalid : Outcome::kAccepted;
}

Result<Outcome> rule(const RulesActivated& event, Draft& draft) {
    return event.version == draft.entry.rules_version + 1 ? Outcome::kAccepted : Outcome::kInvalid;
}

template <class P>
concept HasRule = requires(const P& payload, Draft& draft) {
    rule(payload, draft);
};

}  // namespace

bool has_rule(const Payload& payload) {
    return std::visit([]<class P>(const P&) { return HasRule<P>; }, payload);
}

Result<Outcome> apply(const Payload& payload, Draft& draft) {
    return std::visit(
        [&draft]<class P>(const P& event) -> Result<Outcome> {
            if constexpr (HasRule<P>)
                return rule(event, draft);
            else
                UPLINE_CHECK(false, "a type with a rule");
        },
        payload);
}

std::optional<Plan> plan_of(const PlanPublished& event) {
    constexpr Days kMaxHold{3650};
    constexpr BasisPoints kWhole{kBasisPoints};
    if (event.level_rates.empty() || event.level_rates.size() > kMaxLevels) return std::nullopt;
    int64_t sum = event.website_bonus.value;
    for (const int32_t rate : event.level_rates) {
        if (rate < 0) return std::nullopt;
        sum += rate;
    }
    if (event.website_bonus < BasisPoints{} || sum > kBasisPoints) return std::nullopt;
    if (event.creator_share < BasisPoints{} || event.creator_share > kWhole) return std::nullopt;
    if (event.hold_days < Days{} || event.hold_days > kMaxHold) return std::nullopt;
    if (event.minimum_payout.value < 0) return std::nullopt;
    Plan plan{.levels = static_cast<uint32_t>(event.level_rates.size()),
              .website_bonus = event.website_bonus,
              .creator_share = event.creator_share,
              .hold_days = event.hold_days,
              .minimum_payout = event.minimum_payout.value};
    std::ranges::transform(event.level_rates, plan.level_rates.begin(), [](int32_t rate) { return BasisPoints{rate}; });
    return plan;
}

bool below_minimum(const Plan& plan, int64_t amount, Currency currency) {
    constexpr int64_t kTenThousandths = 10'000;
    int64_t minor_per_major = 1;
    for (int digit = 0; digit < currency_exponent(currency); ++digit) minor_per_major *= 10;
    return Int128{amount} * kTenThousandths < Int128{plan.minimum_payout} * minor_per_major;
}

}  // namespace upline::rules_v1
