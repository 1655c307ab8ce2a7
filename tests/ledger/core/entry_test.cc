// SPDX-License-Identifier: Apache-2.0
// The bytes of entries: pinned by golden files, and canonical, so that one meaning has one form and one form one
// meaning. After a change of the format that is meant, UPLINE_REGENERATE_GOLDEN=1 writes the golden files anew.
#include "ledger/core/entry.h"
#include "events/base/bytes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/events/random_events.h"

namespace upline {
namespace {

constexpr char kGoldenFolder[] = UPLINE_SOURCE_DIR "/tests/ledger/golden";

Uuid uuid_of(uint8_t first) {
    Uuid id;
    for (size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<uint8_t>(first + i);
    return id;
}

std::vector<std::byte> bytes_of(const Entry& entry) {
    std::vector<std::byte> bytes;
    append_entry(entry, bytes);
    return bytes;
}

// ---- Samples: an entry of each outcome, and an accepted one of each type there is a rule for ----

struct Sample {
    std::string name;
    std::unique_ptr<Entry> entry = std::make_unique<Entry>();
};

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

void post(Entry& entry, AccountKind account, Role role, Sequence user, int64_t amount) {
    entry.postings[entry.posting_count++] = {account, role, user, amount};
}

// 100.00 USD of a buyer with seven above, as the rules make it, at sequences of a large ledger.
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

// ---- Golden files: lines of 32 bytes in hex ----

std::string to_golden(std::span<const std::byte> bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 32)
        text += to_hex(bytes.subspan(i, std::min<size_t>(32, bytes.size() - i))) + "\n";
    return text;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(EntryBytes, AreThoseOfTheGoldenFiles) {
    std::set<std::string> expected_files;
    for (const Sample& s : samples()) {
        const std::string file = s.name + ".hex";
        ASSERT_TRUE(expected_files.insert(file).second) << file << " twice";
        const std::string text = to_golden(bytes_of(*s.entry));
        if (std::getenv("UPLINE_REGENERATE_GOLDEN") != nullptr) {
            std::ofstream(std::filesystem::path(kGoldenFolder) / file) << text;
        }
        EXPECT_EQ(read_file(std::filesystem::path(kGoldenFolder) / file), text) << file;
    }
    std::set<std::string> files;
    for (const auto& found : std::filesystem::directory_iterator(kGoldenFolder)) files.insert(found.path().filename());
    EXPECT_EQ(files, expected_files) << "each sample has its file and each file its sample";
}

// The layout read off the header's comment, byte by byte, for one entry.
TEST(EntryBytes, LieWhereTheFormatSays) {
    const Sample s = full_sale();
    const std::vector<std::byte> bytes = bytes_of(*s.entry);
    size_t at = 0;
    const auto number = [&](size_t width) {
        uint64_t value = 0;
        for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(bytes.at(at++)) << (8 * i);
        return value;
    };
    const auto varint = [&] {
        uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const uint64_t byte = number(1);
            value |= (byte & 127) << shift;
            if (byte < 128) return value;
        }
    };
    const auto letters = [&](size_t count) {
        std::string text;
        while (count-- > 0) text += static_cast<char>(number(1));
        return text;
    };
    EXPECT_EQ(number(8), 1000U);
    EXPECT_EQ(number(2), 1U);
    EXPECT_EQ(number(1), 0U);
    EXPECT_EQ(number(8), 1'767'312'000'000'000U);
    EXPECT_EQ(to_hex(std::span(bytes).subspan(at, 32)), to_hex(s.entry->record_sha256));
    at += 32;
    EXPECT_EQ(number(1), 5U) << "TransactionRecorded";
    for (uint8_t i = 0; i < 16; ++i) EXPECT_EQ(number(1), 0x10U + i);
    EXPECT_EQ(number(1), 4U);
    EXPECT_EQ(letters(4), "shop");
    EXPECT_EQ(number(8), 1'767'225'600'123'456U);
    EXPECT_EQ(varint(), 8U) << "buyer";
    EXPECT_EQ(varint(), 23'800U) << "amount";
    EXPECT_EQ(varint(), 3800U) << "tax";
    EXPECT_EQ(letters(3), "EUR");
    EXPECT_EQ(number(1), 2U) << "source";
    EXPECT_EQ(varint(), 1U) << "website";
    EXPECT_EQ(number(1), 4U) << "stream";
    EXPECT_EQ(varint(), 301U) << "creator";
    EXPECT_EQ(varint(), 12U) << "plan";
    EXPECT_EQ(number(1), 12U) << "postings";
    EXPECT_EQ(letters(3), "EUR");
    EXPECT_EQ(number(8), 1'767'312'000'000'000U) << "maturity";
    EXPECT_EQ(number(1), 0U) << "sales";
    EXPECT_EQ(varint(), 2U * 11'900 - 1);
    EXPECT_EQ(number(1), 1U * 32) << "tax";
    EXPECT_EQ(varint(), 3800U);
    EXPECT_EQ(number(1), 3U * 32 + 8) << "earned by the creator";
    EXPECT_EQ(varint(), 301U);
    EXPECT_EQ(varint(), 10'000U);
    EXPECT_EQ(number(1), 3U * 32 + 9) << "earned by the website";
    EXPECT_EQ(varint(), 1U);
    EXPECT_EQ(varint(), 500U);
    for (unsigned k = 1; k <= 7; ++k) {
        EXPECT_EQ(number(1), 3U * 32 + k);
        EXPECT_EQ(varint(), 8U - k);
        EXPECT_EQ(varint(), 200U);
    }
    EXPECT_EQ(number(1), 2U * 32) << "house";
    EXPECT_EQ(varint(), 8100U);
    EXPECT_EQ(at, bytes.size());
}

TEST(EntryBytes, OfASaleOfSevenLevelsStayBelow300InALargeLedger) {
    Sample s = seven_level_sale();
    s.entry->program = "a-program-of-forty-letters-0123456789-xy";
    EXPECT_LT(bytes_of(*s.entry).size(), 300U);
}

// ---- Laws over random entries of every type, those of later rules too ----

std::unique_ptr<Entry> random_entry(testing::RandomEvents& events, std::mt19937_64& random,
                                    std::array<int32_t, 7>& rates) {
    auto made = std::make_unique<Entry>();
    Entry& entry = *made;
    const auto any_width = [&random] { return random() >> (random() % 64); };
    entry.sequence = any_width();
    entry.rules_version = static_cast<uint16_t>(any_width());
    entry.outcome = static_cast<Outcome>(random() % 3 == 0 ? random() % (kLastOutcome + 1) : 0);
    entry.clock_us = static_cast<int64_t>(any_width() % (kMaxTimeUs + 1));
    for (std::byte& byte : entry.record_sha256) byte = static_cast<std::byte>(random());
    if (!entry.readable()) return made;
    const Event event = events.next();
    entry.id = event.id;
    entry.type = event.type;
    entry.program = event.program;
    if (!entry.accepted()) return made;
    entry.occurred_at_us = event.occurred_at_us;
    entry.payload = event.payload;
    if (auto* plan = std::get_if<PlanPublished>(&entry.payload)) {
        for (int32_t& rate : rates) rate = static_cast<int32_t>(random());
        plan->level_rates = std::span(rates).first(1 + random() % rates.size());
    }
    size_t next = 0;
    for_each_ref(entry.payload, [&](const auto& ref) {
        if (!ref.id.is_nil()) entry.refs[next] = any_width() >> 1;
        ++next;
    });
    entry.plan = any_width();
    if (std::holds_alternative<TransactionRefunded>(entry.payload))
        entry.remaining_before = std::max<int64_t>(1, static_cast<int64_t>(any_width() >> 1));
    if (std::holds_alternative<BooksClosed>(entry.payload)) {
        const auto any_sum = [&] { return static_cast<Int128>(random()) << 64 | random(); };
        const auto any_amount = [&] { return static_cast<int64_t>(random()); };
        entry.closing.balances = any_width();
        for (std::byte& byte : entry.closing.root) byte = static_cast<std::byte>(random());
        for (size_t i = random() % 4 == 0 ? 255 : random() % 3; i > 0; --i)
            entry.closing.books.push_back({*parse_currency(i % 2 == 0 ? "JPY" : "USD"), any_sum(), any_sum(), any_sum(),
                                           any_sum(), any_amount(), any_amount(), any_amount()});
    }
    const size_t count = random() % (kMaxPostings + 1);
    if (count == 0) return made;
    entry.currency = *parse_currency("JPY");
    entry.maturity_us = random() % 2 == 0 ? kNoMaturity : static_cast<int64_t>(any_width() % (2 * kMaxTimeUs));
    for (size_t i = 0; i < count; ++i) {
        const auto account = static_cast<AccountKind>(random() % (kLastAccountKind + 1));
        const auto role = static_cast<Role>(random() % (kLastRole + 1));
        const Sequence user = is_user_account(account) ? any_width() >> 1 : kNoSequence;
        post(entry, account, role, user, static_cast<int64_t>(any_width() | 1));
    }
    return made;
}

// Equal in every field; payload references stand in refs.
void expect_same(const Entry& a, const Entry& b) {
    EXPECT_EQ(a.sequence, b.sequence);
    EXPECT_EQ(a.rules_version, b.rules_version);
    EXPECT_EQ(a.outcome, b.outcome);
    EXPECT_EQ(a.clock_us, b.clock_us);
    EXPECT_EQ(a.record_sha256, b.record_sha256);
    EXPECT_EQ(a.refs, b.refs);
    EXPECT_EQ(a.plan, b.plan);
    EXPECT_EQ(a.remaining_before, b.remaining_before);
    EXPECT_EQ(a.closing.balances, b.closing.balances);
    EXPECT_EQ(a.closing.root, b.closing.root);
    EXPECT_TRUE(a.closing.books == b.closing.books);
    EXPECT_EQ(a.currency, b.currency);
    EXPECT_EQ(a.maturity_us, b.maturity_us);
    ASSERT_EQ(a.posting_count, b.posting_count);
    for (size_t i = 0; i < a.posting_count; ++i) {
        EXPECT_EQ(a.postings[i].account, b.postings[i].account);
        EXPECT_EQ(a.postings[i].role, b.postings[i].role);
        EXPECT_EQ(a.postings[i].user, b.postings[i].user);
        EXPECT_EQ(a.postings[i].amount, b.postings[i].amount);
    }
    const auto without_refs = [](const Entry& entry) {
        Event event{entry.id, entry.type, entry.program, entry.occurred_at_us, entry.payload};
        for_each_ref(event.payload, [](auto& ref) { ref.id = Uuid{}; });
        return testing::describe(event);
    };
    EXPECT_EQ(without_refs(a), without_refs(b));
}

TEST(EntryBytes, DecodeToWhatWasAppended) {
    const uint64_t seed = std::random_device{}();
    testing::RandomEvents events(seed);
    std::mt19937_64 random(seed);
    std::array<int32_t, 7> rates{};
    Entry decoded;  // reused, as readers do: nothing of an earlier entry may shine through
    for (int run = 0; run < 5000; ++run) {
        const std::unique_ptr<Entry> entry = random_entry(events, random, rates);
        const std::vector<std::byte> bytes = bytes_of(*entry);
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        ASSERT_LE(bytes.size(), kMaxEntryBytes);
        const Status status = decode_entry(bytes, decoded);
        ASSERT_TRUE(status.ok()) << status.error().message;
        expect_same(*entry, decoded);
        ASSERT_EQ(bytes_of(decoded), bytes);
        if (HasFailure()) return;
    }
}

TEST(EntryBytes, FactsAreThePartThatAppendFactsWrites) {
    const uint64_t seed = std::random_device{}();
    testing::RandomEvents events(seed);
    std::mt19937_64 random(seed);
    std::array<int32_t, 7> rates{};
    for (int run = 0; run < 3000; ++run) {
        const std::unique_ptr<Entry> entry = random_entry(events, random, rates);
        if (!entry->accepted()) continue;
        const Event event{entry->id, entry->type, entry->program, entry->occurred_at_us, entry->payload};
        std::vector<std::byte> facts;
        append_facts(event, entry->refs, facts);
        const std::vector<std::byte> bytes = bytes_of(*entry);
        ASSERT_TRUE(std::ranges::equal(facts, facts_of(bytes))) << "seed " << seed << " run " << run;
    }
}

// The law of one meaning for each form: bytes that decode are the bytes their meaning is written with.
void expect_refused_or_canonical(std::span<const std::byte> bytes, Entry& scratch) {
    if (!decode_entry(bytes, scratch).ok()) return;
    ASSERT_TRUE(std::ranges::equal(bytes_of(scratch), bytes)) << to_hex(bytes);
}

void expect_canonical_around(const std::vector<std::byte>& bytes) {
    Entry scratch;
    for (size_t size = 0; size < bytes.size(); ++size) {
        const Status status = decode_entry(std::span(bytes).first(size), scratch);
        ASSERT_FALSE(status.ok()) << "the first " << size << " bytes of " << to_hex(bytes);
        ASSERT_EQ(status.error().code, ErrorCode::kCorrupt);
    }
    std::vector<std::byte> changed = bytes;
    changed.push_back(std::byte{0});
    ASSERT_FALSE(decode_entry(changed, scratch).ok()) << "a byte is left over";
    changed.pop_back();
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        ASSERT_NO_FATAL_FAILURE(expect_refused_or_canonical(changed, scratch)) << "bit " << bit;
        changed[bit / 8] = bytes[bit / 8];
    }
}

TEST(EntryBytes, AreRefusedOrCanonicalAfterAnyTruncationOrFlippedBit) {
    for (const Sample& s : samples()) {
        SCOPED_TRACE(s.name);
        ASSERT_NO_FATAL_FAILURE(expect_canonical_around(bytes_of(*s.entry)));
    }
    const uint64_t seed = std::random_device{}();
    testing::RandomEvents events(seed);
    std::mt19937_64 random(seed);
    std::array<int32_t, 7> rates{};
    for (int run = 0; run < 100; ++run) {
        SCOPED_TRACE(::testing::Message() << "seed " << seed << " run " << run);
        ASSERT_NO_FATAL_FAILURE(expect_canonical_around(bytes_of(*random_entry(events, random, rates))));
    }
}

TEST(EntryBytes, AreRefusedOrCanonicalWhenManyBytesAreWrong) {
    const uint64_t seed = std::random_device{}();
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    testing::RandomEvents events(seed);
    std::mt19937_64 random(seed);
    std::array<int32_t, 7> rates{};
    Entry scratch;
    for (int run = 0; run < 20'000; ++run) {
        std::vector<std::byte> bytes = bytes_of(*random_entry(events, random, rates));
        for (uint64_t i = 1 + random() % 4; i > 0; --i) {
            // Values that mean something in a varint or a count, and any other.
            constexpr uint8_t kTelling[] = {0x00, 0x01, 0x7f, 0x80, 0x81, 0xff};
            const uint64_t choice = random() % 8;
            bytes[random() % bytes.size()] = static_cast<std::byte>(choice < 6 ? kTelling[choice] : random());
        }
        ASSERT_NO_FATAL_FAILURE(expect_refused_or_canonical(bytes, scratch));
    }
}

TEST(EntryBytes, RefusesALongFormOfANumber) {
    const Sample s = sample("", Outcome::kAccepted, static_cast<uint8_t>(EventType::kUserSignedUp));
    s.entry->payload = UserSignedUp{};
    std::vector<std::byte> bytes = bytes_of(*s.entry);
    // The last bytes: referrer 0, website 0, plan 0, postings 0.
    Entry scratch;
    ASSERT_TRUE(decode_entry(bytes, scratch).ok());
    bytes.insert(bytes.end() - 2, std::byte{0x80});  // the plan as 80 00
    const Status status = decode_entry(bytes, scratch);
    ASSERT_FALSE(status.ok());
    EXPECT_NE(status.error().message.find("a varint in its shortest form"), std::string::npos)
        << status.error().message;
}

// Bytes in the right form that say what no entry can say.
TEST(EntryBytes, RefusesValuesOutOfTheirRange) {
    const auto refusal = [](const std::function<void(Entry&)>& change) {
        const Sample s = full_sale();
        change(*s.entry);
        Entry scratch;
        const Status status = decode_entry(bytes_of(*s.entry), scratch);
        return status.ok() ? "" : status.error().message.substr(status.error().message.find("expected"));
    };
    EXPECT_EQ(refusal([](Entry&) {}), "");
    EXPECT_EQ(refusal([](Entry& e) { e.outcome = static_cast<Outcome>(kLastOutcome + 1); }), "expected an outcome");
    EXPECT_EQ(refusal([](Entry& e) { e.type = 0; }), "expected an event type");
    EXPECT_EQ(refusal([](Entry& e) { e.type = kLastEventType + 1; }), "expected a known event type");
    EXPECT_EQ(refusal([](Entry& e) { e.id = Uuid{}; }), "expected an id");
    EXPECT_EQ(refusal([](Entry& e) { e.program = "Shop"; }), "expected a program");
    EXPECT_EQ(refusal([](Entry& e) { e.program = ""; }), "expected a program");
    EXPECT_EQ(refusal([](Entry& e) { e.occurred_at_us = -1; }), "expected a time from 1970 to 9999");
    EXPECT_EQ(refusal([](Entry& e) { e.occurred_at_us = kMaxTimeUs + 1; }), "expected a time from 1970 to 9999");
    EXPECT_EQ(refusal([](Entry& e) { e.refs[0] = kNoSequence; }), "expected a reference");
    EXPECT_EQ(refusal([](Entry& e) { e.currency = {{'X', 'A', 'U'}}; }), "expected a currency");
    EXPECT_EQ(refusal([](Entry& e) { e.maturity_us = -2; }), "expected a maturity or -1");
    EXPECT_EQ(refusal([](Entry& e) { e.maturity_us = INT64_MAX; }), "expected a maturity or -1");
    for (const int64_t clock : {INT64_MIN, int64_t{-1}, kMaxTimeUs + 1, INT64_MAX})
        EXPECT_EQ(refusal([clock](Entry& e) { e.clock_us = clock; }), "expected a clock from 1970 to 9999");
    EXPECT_EQ(refusal([](Entry& e) { e.postings[0].amount = 0; }), "expected an amount that is not zero");
    EXPECT_EQ(refusal([](Entry& e) { e.postings[2].user = kNoSequence; }), "expected a user");
    EXPECT_EQ(refusal([](Entry& e) { e.postings[0].account = static_cast<AccountKind>(kLastAccountKind + 1); }),
              "expected an account and a role");
    EXPECT_EQ(refusal([](Entry& e) { e.postings[0].role = static_cast<Role>(kLastRole + 1); }),
              "expected an account and a role");
}

}  // namespace
}  // namespace upline
