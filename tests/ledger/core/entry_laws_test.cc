// SPDX-License-Identifier: Apache-2.0
// Laws over random entries of every type, those of later rules too: their bytes are canonical, so that one meaning has
// one form and one form one meaning, and other bytes are refused.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/core/entry.h"
#include "tests/events/random_events.h"
#include "tests/ledger/core/entry_samples.h"

namespace upline {
namespace {

using testing::bytes_of;
using testing::full_sale;
using testing::post;
using testing::Sample;
using testing::sample;
using testing::samples;

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
