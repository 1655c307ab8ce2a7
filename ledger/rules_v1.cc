// SPDX-License-Identifier: Apache-2.0
#include "ledger/rules_v1.h"

#include "events/check.h"
#include "events/time.h"
#include "ledger/entitlement.h"

namespace upline::rules_v1 {
namespace {

// References by their place among the type's reference fields (events/facts.h).
bool given(const UserRef& ref) {
    return !ref.id.is_nil();
}
bool given(const WebsiteRef& ref) {
    return !ref.id.is_nil();
}
bool known(const Draft& draft, size_t ref) {
    return draft.resolved.refs[ref] != kNoIndex;
}

// Adds a posting; one of zero is left out.
void post(Draft& draft, AccountKind account, Role role, int64_t amount, Index user = kNoIndex) {
    if (amount == 0) return;
    const size_t i = draft.entry.posting_count++;
    draft.resolved.users[i] = user;
    draft.entry.postings[i] = {account, role, user == kNoIndex ? kNoSequence : draft.state.users()[user].sequence,
                               amount};
}

Outcome rule(const UserSignedUp& event, Draft& draft) {
    constexpr size_t kReferrer = 0;
    constexpr size_t kWebsite = 1;
    if (given(event.referrer) && event.referrer.id == draft.entry.id) return Outcome::kSelfReferral;
    if (given(event.referrer) && !known(draft, kReferrer)) return Outcome::kUnknownReferrer;
    if (given(event.website) && !known(draft, kWebsite)) return Outcome::kUnknownWebsite;
    return Outcome::kAccepted;
}

Outcome rule(const WebsiteCreated& /*event*/, Draft& draft) {
    constexpr size_t kOwner = 0;
    return known(draft, kOwner) ? Outcome::kAccepted : Outcome::kUnknownUser;
}

Outcome rule(const WebsiteStatusChanged& /*event*/, Draft& draft) {
    constexpr size_t kWebsite = 0;
    return known(draft, kWebsite) ? Outcome::kAccepted : Outcome::kUnknownWebsite;
}

Outcome rule(const WebsiteActivity& /*event*/, Draft& draft) {
    constexpr size_t kWebsite = 0;
    return known(draft, kWebsite) ? Outcome::kAccepted : Outcome::kUnknownWebsite;
}

Outcome rule(const TransactionRecorded& event, Draft& draft) {
    constexpr size_t kBuyer = 0;
    constexpr size_t kWebsite = 1;
    constexpr size_t kCreator = 2;
    if (!known(draft, kBuyer)) return Outcome::kUnknownUser;
    if (given(event.website) && !known(draft, kWebsite)) return Outcome::kUnknownWebsite;
    if (event.source == Source::kWebsite && !given(event.website)) return Outcome::kInvalid;
    if (given(event.creator) && !known(draft, kCreator)) return Outcome::kUnknownUser;
    if (event.amount.value <= 0 || event.amount.value > kAmountCap) return Outcome::kInvalid;
    if (event.tax.value < 0 || event.tax.value > event.amount.value) return Outcome::kInvalid;

    const State& state = draft.state;
    const Plan& plan = kDefaultPlan;
    Sale sale{.amount = event.amount.value, .tax = event.tax.value, .has_creator = given(event.creator)};
    Index owner = kNoIndex;
    if (given(event.website)) {
        const Website& website = state.websites()[draft.resolved.refs[kWebsite]];
        owner = website.owner;
        sale.website_bonus_owed =
            website.status == static_cast<uint32_t>(WebsiteStatus::kPublished) && owner != draft.resolved.refs[kBuyer];
    }
    std::array<Index, kMaxLevels> upline{};
    for (Index user = state.users()[draft.resolved.refs[kBuyer]].referrer;
         user != kNoIndex && sale.upline_size < kMaxLevels; user = state.users()[user].referrer)
        upline[sale.upline_size++] = user;

    const Split split = entitled(plan, sale, sale.amount);
    draft.entry.plan = 0;
    draft.entry.currency = event.currency;
    draft.entry.maturity_us = draft.clock_us + plan.hold_days * kUsPerDay;
    post(draft, AccountKind::kSales, Role::kNone, -sale.amount);
    post(draft, AccountKind::kTax, Role::kNone, split.tax);
    post(draft, AccountKind::kEarned, Role::kCreator, split.creator, draft.resolved.refs[kCreator]);
    post(draft, AccountKind::kEarned, Role::kWebsite, split.website, owner);
    for (unsigned k = 0; k < sale.upline_size; ++k)
        post(draft, AccountKind::kEarned, level_role(k + 1), split.levels[k], upline[k]);
    post(draft, AccountKind::kHouse, Role::kNone, split.house);
    return Outcome::kAccepted;
}

template <class P>
concept HasRule = requires(const P& payload, Draft& draft) {
    rule(payload, draft);
};

}  // namespace

bool has_rule(const Payload& payload) {
    return std::visit([]<class P>(const P&) { return HasRule<P>; }, payload);
}

Outcome apply(const Payload& payload, Draft& draft) {
    return std::visit(
        [&draft]<class P>(const P& event) -> Outcome {
            if constexpr (HasRule<P>)
                return rule(event, draft);
            else
                UPLINE_CHECK(false, "a type with a rule");
        },
        payload);
}

}  // namespace upline::rules_v1
