// SPDX-License-Identifier: Apache-2.0
#include "tests/ledger/core/entry_samples.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>

namespace upline::testing {

namespace {

Uuid uuid_of(uint8_t first) {
    Uuid id;
    for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
    return id;
}

}  // namespace

std::vector<std::byte> bytes_of(const Entry& entry) {
    std::vector<std::byte> bytes;
    append_entry(entry, bytes);
    return bytes;
}

Sample sample(std::string name, Outcome outcome, uint8_t type) {
    Sample made;
    made.name = std::move(name);
    Entry& entry = *made.entry;
    entry.sequence = 1000;
    entry.outcome = outcome;
    entry.clock_us = 1'767'312'000'000'000;
    constexpr std::string_view kRecord = "a record";
    entry.record_sha256 = sha256(std::as_bytes(std::span(kRecord)));
    if (!entry.readable()) return made;
    entry.id = uuid_of(0x10);
    entry.type = type;
    entry.program = "shop";
    entry.occurred_at_us = 1'767'225'600'123'456;
    return made;
}

namespace {

template <class T>
Sample accepted(std::string name, const T& facts, std::array<Sequence, kMaxRefs> refs) {
    Sample made = sample(std::move(name), Outcome::kAccepted, static_cast<uint8_t>(T::kType));
    made.entry->payload = facts;
    made.entry->refs = refs;
    return made;
}

TransactionRecorded sale(int64_t amount, int64_t tax, std::string_view currency, Source source, Stream stream) {
    TransactionRecorded facts;
    facts.amount.value = amount;
    facts.tax.value = tax;
    facts.currency = *parse_currency(currency);
    facts.source = source;
    facts.stream = stream;
    return facts;
}

}  // namespace

void post(Entry& entry, AccountKind account, Role role, Sequence user, int64_t amount) {
    entry.postings[entry.posting_count++] = {account, role, user, amount};
}

Sample seven_level_sale() {
    constexpr Sequence kFar = 150'000'000;
    Sample made =
        accepted("accepted_sale_of_seven_levels", sale(10'000, 0, "USD", Source::kPlatform, Stream::kSubscriptionTiers),
                 {kFar, kNoSequence, kNoSequence});
    Entry& entry = *made.entry;
    entry.sequence = kFar + 1000;
    entry.currency = *parse_currency("USD");
    entry.maturity_us = entry.clock_us + 2'592'000'000'000;
    post(entry, AccountKind::kSales, Role::kNone, kNoSequence, -10'000);
    constexpr int64_t kLevels[] = {2000, 1500, 1000, 800, 500, 300, 200};
    for (unsigned k = 0; k < 7; ++k) post(entry, AccountKind::kEarned, level_role(k + 1), kFar - 1 - k, kLevels[k]);
    post(entry, AccountKind::kHouse, Role::kNone, kNoSequence, 3700);
    return made;
}

Sample full_sale() {
    Sample made = accepted("accepted_sale_of_every_role",
                           sale(11'900, 1900, "EUR", Source::kWebsite, Stream::kTemplateMarketplace), {7, 0, 300});
    Entry& entry = *made.entry;
    entry.plan = 12;
    entry.currency = *parse_currency("EUR");
    entry.maturity_us = entry.clock_us;
    post(entry, AccountKind::kSales, Role::kNone, kNoSequence, -11'900);
    post(entry, AccountKind::kTax, Role::kNone, kNoSequence, 1900);
    post(entry, AccountKind::kEarned, Role::kCreator, 300, 5000);
    post(entry, AccountKind::kEarned, Role::kWebsite, 0, 250);
    for (unsigned k = 0; k < 7; ++k) post(entry, AccountKind::kEarned, level_role(k + 1), 6 - k, 100);
    post(entry, AccountKind::kHouse, Role::kNone, kNoSequence, 4050);
    return made;
}

namespace {

// 100.00 USD under a plan of two levels, published long before, that the buyer has both of.
Sample sale_under_a_plan() {
    Sample made = accepted("accepted_sale_under_a_published_plan",
                           sale(10'000, 0, "USD", Source::kReferral, Stream::kValueAddedServices),
                           {21, kNoSequence, kNoSequence});
    Entry& entry = *made.entry;
    entry.plan = 901;
    entry.currency = *parse_currency("USD");
    entry.maturity_us = entry.clock_us + 864'000'000'000;
    post(entry, AccountKind::kSales, Role::kNone, kNoSequence, -10'000);
    post(entry, AccountKind::kEarned, level_role(1), 20, 3000);
    post(entry, AccountKind::kEarned, level_role(2), 0, 1000);
    post(entry, AccountKind::kHouse, Role::kNone, kNoSequence, 6000);
    return made;
}

TransactionRefunded refund(int64_t amount, std::string_view currency, RefundReason reason) {
    TransactionRefunded facts;
    facts.amount.value = amount;
    facts.currency = *parse_currency(currency);
    facts.reason = reason;
    return facts;
}

// 40.00 of 119.00 with 19.00 tax and one level, the default plan.
Sample first_refund() {
    Sample made =
        accepted("accepted_refund", refund(4000, "USD", RefundReason::kRefund), {999, kNoSequence, kNoSequence});
    Entry& entry = *made.entry;
    entry.remaining_before = 11'900;
    entry.currency = *parse_currency("USD");
    entry.maturity_us = entry.clock_us + 2'592'000'000'000;
    post(entry, AccountKind::kSales, Role::kNone, kNoSequence, 4000);
    post(entry, AccountKind::kTax, Role::kNone, kNoSequence, -639);
    post(entry, AccountKind::kEarned, level_role(1), 0, -673);
    post(entry, AccountKind::kHouse, Role::kNone, kNoSequence, -2688);
    return made;
}

// The rest of a sale of which every role had a part, mature by now.
Sample last_refund() {
    Sample made = accepted("accepted_refund_from_every_role", refund(7933, "EUR", RefundReason::kChargeback),
                           {130, kNoSequence, kNoSequence});
    Entry& entry = *made.entry;
    entry.plan = 12;
    entry.remaining_before = 7933;
    entry.currency = *parse_currency("EUR");
    entry.maturity_us = entry.clock_us - 1;
    post(entry, AccountKind::kSales, Role::kNone, kNoSequence, 7933);
    post(entry, AccountKind::kTax, Role::kNone, kNoSequence, -1266);
    post(entry, AccountKind::kEarned, Role::kCreator, 300, -3333);
    post(entry, AccountKind::kEarned, Role::kWebsite, 0, -166);
    for (unsigned k = 0; k < 7; ++k) post(entry, AccountKind::kEarned, level_role(k + 1), 6 - k, -66);
    post(entry, AccountKind::kHouse, Role::kNone, kNoSequence, -2706);
    return made;
}

PlanPublished plan(Rates rates, int32_t bonus, int32_t share, int32_t hold_days, int64_t minimum_payout) {
    PlanPublished facts;
    facts.level_rates = rates;
    facts.website_bonus = {bonus};
    facts.creator_share = {share};
    facts.hold_days = {hold_days};
    facts.minimum_payout.value = minimum_payout;
    return facts;
}

PayoutRequested payout(int64_t amount, std::string_view currency, std::string_view method) {
    PayoutRequested facts;
    facts.amount.value = amount;
    facts.currency = *parse_currency(currency);
    facts.method = method;
    return facts;
}

// A movement between two accounts of user 3.
Sample moving(Sample made, std::string_view currency, AccountKind from, AccountKind to, int64_t amount) {
    made.entry->currency = *parse_currency(currency);
    post(*made.entry, from, Role::kNone, 3, -amount);
    post(*made.entry, to, Role::kNone, 3, amount);
    return made;
}

Sample adjustment(std::string name, int64_t amount, std::string_view reason) {
    AdjustmentPosted facts;
    facts.amount.value = amount;
    facts.currency = *parse_currency("KWD");
    facts.reason = reason;
    Sample made = accepted(std::move(name), facts, {3, kNoSequence, kNoSequence});
    made.entry->currency = facts.currency;
    post(*made.entry, AccountKind::kEarned, Role::kAdjustment, 3, amount);
    post(*made.entry, AccountKind::kHouse, Role::kNone, kNoSequence, -amount);
    return made;
}

void add_refunds_and_plans(std::vector<Sample>& all) {
    all.push_back(first_refund());
    all.push_back(last_refund());
    static constexpr std::array<int32_t, 7> kRates = {2000, 1500, 1000, 800, 0, 300, 200};
    all.push_back(accepted("accepted_plan_of_one_rate", plan(std::span(kRates).first(1), 0, 10'000, 0, 0),
                           {kNoSequence, kNoSequence, kNoSequence}));
    all.push_back(accepted("accepted_plan_of_seven_rates", plan(kRates, 500, 5000, 3650, 25'001),
                           {kNoSequence, kNoSequence, kNoSequence}));
    all.push_back(sale_under_a_plan());
}

void add_payouts(std::vector<Sample>& all) {
    constexpr std::array kUser = {Sequence{3}, kNoSequence, kNoSequence};
    constexpr std::array kPayout = {Sequence{700}, kNoSequence, kNoSequence};
    all.push_back(moving(accepted("accepted_payout_requested", payout(12'345, "USD", "bank"), kUser), "USD",
                         AccountKind::kEarned, AccountKind::kReserved, 12'345));
    all.push_back(moving(accepted("accepted_payout_requested_under_a_published_plan", payout(300, "JPY", ""), kUser),
                         "JPY", AccountKind::kEarned, AccountKind::kReserved, 300));
    all.back().entry->plan = 901;

    PayoutSettled settled;
    all.push_back(moving(accepted("accepted_payout_settled", settled, kPayout), "USD", AccountKind::kReserved,
                         AccountKind::kPaid, 12'345));
    settled.provider_ref = "B-1";
    all.push_back(moving(accepted("accepted_payout_settled_with_a_provider_ref_after_it_failed", settled, kPayout),
                         "USD", AccountKind::kEarned, AccountKind::kPaid, 12'345));
    PayoutFailed failed;
    failed.reason = "account_closed";
    all.push_back(moving(accepted("accepted_payout_failed", failed, kPayout), "USD", AccountKind::kReserved,
                         AccountKind::kEarned, 12'345));
    all.push_back(moving(accepted("accepted_payout_failed_after_it_settled", failed, kPayout), "USD",
                         AccountKind::kPaid, AccountKind::kEarned, 12'345));
}

void add_users_and_rules(std::vector<Sample>& all) {
    constexpr std::array kUser = {Sequence{3}, kNoSequence, kNoSequence};
    UserSuspended suspended;
    all.push_back(accepted("accepted_user_suspended", suspended, kUser));
    suspended.reason = "review";
    all.push_back(accepted("accepted_user_suspended_with_a_reason", suspended, kUser));
    UserReinstated reinstated;
    all.push_back(accepted("accepted_user_reinstated", reinstated, kUser));
    reinstated.reason = "";
    all.push_back(accepted("accepted_user_reinstated_with_an_empty_reason", reinstated, kUser));

    all.push_back(adjustment("accepted_adjustment_to_a_user", 1'000'000'000'000'000, "goodwill"));
    all.push_back(adjustment("accepted_adjustment_to_the_house", -1, "fee"));

    all.push_back(
        accepted("accepted_books_closed_without_books", BooksClosed{}, {kNoSequence, kNoSequence, kNoSequence}));
    all.back().entry->closing.root = sha256(std::span<const std::byte>{});
    BooksClosed closed;
    closed.period = "2026-01";
    all.push_back(accepted("accepted_books_closed", closed, {kNoSequence, kNoSequence, kNoSequence}));
    Closing& closing = all.back().entry->closing;
    closing.balances = 1'000'000;
    closing.root = sha256(std::as_bytes(std::span("balances")));
    closing.books.push_back(
        {*parse_currency("USD"), static_cast<Int128>(INT64_MAX) * 3, -1, 2500, 10'000, -11'900, 1900, INT64_MIN});
    closing.books.push_back({*parse_currency("JPY"), 0, 0, 0, 0, -999, 0, 999});

    RulesActivated activated;
    activated.version = 2;
    all.push_back(accepted("accepted_rules_activated", activated, {kNoSequence, kNoSequence, kNoSequence}));
}

}  // namespace

std::vector<Sample> samples() {
    std::vector<Sample> all;
    for (uint8_t outcome = 1; outcome <= kLastOutcome; ++outcome) {
        all.push_back(sample(fmt::format("outcome_{:02}_{}", outcome, outcome_name(static_cast<Outcome>(outcome))),
                             static_cast<Outcome>(outcome), static_cast<uint8_t>(EventType::kTransactionRecorded)));
    }
    all.push_back(sample("outcome_05_unknown_type_of_the_largest_number", Outcome::kUnknownType, 255));

    constexpr Sequence kAbsent = kNoSequence;
    all.push_back(accepted("accepted_user_signed_up", UserSignedUp{}, {kAbsent, kAbsent, kAbsent}));
    all.push_back(accepted("accepted_user_signed_up_by_a_referrer_from_a_website", UserSignedUp{}, {0, 129, kAbsent}));

    WebsiteCreated website;
    all.push_back(accepted("accepted_website_created_without_texts", website, {0, kAbsent, kAbsent}));
    website.domain = "one.example";
    website.site_template = "";
    all.push_back(accepted("accepted_website_created", website, {16'383, kAbsent, kAbsent}));

    WebsiteStatusChanged change;
    change.status = WebsiteStatus::kSuspended;
    all.push_back(accepted("accepted_website_status_changed", change, {5, kAbsent, kAbsent}));

    WebsiteActivity activity;
    activity.widget = Widget::kEarningsCalculator;
    activity.kind = ActivityKind::kShare;
    all.push_back(accepted("accepted_website_activity", activity, {5, kAbsent, kAbsent}));
    activity.count = UINT32_MAX;
    activity.visitor = VisitorToken{0x0123456789abcdef};
    all.push_back(accepted("accepted_website_activity_of_a_visitor", activity, {5, kAbsent, kAbsent}));

    all.push_back(seven_level_sale());
    all.push_back(full_sale());
    add_refunds_and_plans(all);
    add_payouts(all);
    add_users_and_rules(all);
    return all;
}

}  // namespace upline::testing
