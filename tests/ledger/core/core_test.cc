// SPDX-License-Identifier: Apache-2.0
// The core at its ends: the largest amounts, deep and wide trees, ids of one fingerprint, entries that cannot be read.
// What it decides is held against a model in tests/ledger/core/laws_test.cc.
#include "ledger/core/core.h"
#include "events/record_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "events/log/event_log.h"
#include "events/values/time.h"
#include "ledger/core/state_storage.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline {
namespace {

using testing::dump;
using testing::MemoryShard;

// ---- Sizes and ends ----

// Records made by hand, one call each.
class Writing {
  public:
    Input signup(uint64_t number, uint64_t referrer = 0) {
        UserSignedUp facts;
        if (referrer != 0) facts.referrer.id = id(referrer);
        return input(number, facts);
    }
    Input sale(uint64_t number, uint64_t buyer, int64_t amount, uint64_t creator = 0) {
        TransactionRecorded facts;
        facts.buyer.id = id(buyer);
        facts.amount.value = amount;
        facts.currency = *parse_currency("USD");
        facts.source = Source::kPlatform;
        facts.stream = Stream::kSubscriptionTiers;
        if (creator != 0) facts.creator.id = id(creator);
        return input(number, facts);
    }
    Input refund(uint64_t number, uint64_t sale, int64_t amount) {
        return input(number, TransactionRefunded{{id(sale)}, {amount}, *parse_currency("USD"), RefundReason::kRefund});
    }
    Input payout(uint64_t number, uint64_t user, int64_t amount) {
        return input(number, PayoutRequested{{id(user)}, {amount}, *parse_currency("USD"), "bank"});
    }
    template <class T>
    Input input(uint64_t number, const T& facts) {
        Event event;
        event.id = id(number);
        event.type = static_cast<uint8_t>(T::kType);
        event.program = program_;
        event.occurred_at_us = time_us;
        event.payload = facts;
        batch_.append(0, 0, writer_.encode(event));
        return read_input(batch_.records().back().value, append_time_ms);
    }
    // Where the events from here on belong.
    Writing& in_program(std::string_view program) {
        program_ = program;
        return *this;
    }
    int64_t append_time_ms = 4'000'000'000'000;
    int64_t time_us = 1'700'000'000'000'000;

    static Uuid id(uint64_t number) {
        Uuid uuid{{1}};
        for (size_t i = 0; i < 8; ++i) uuid.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
        return uuid;
    }

  private:
    std::string_view program_ = kDefaultProgram;
    RecordWriter writer_;
    RecordBatch batch_;
};

Outcome outcome_of(MemoryShard& shard, const Input& input) {
    shard.apply(std::span(&input, 1));
    Entry entry;
    shard.last(entry);
    return entry.outcome;
}

TEST(Core, RecordsReadTogetherAreWhatEachIsByItself) {
    RecordBatch batch;
    RecordWriter writer;
    for (uint64_t i = 0; i < 1000; ++i) {
        Event event;
        event.id = Writing::id(i + 1);
        event.type = static_cast<uint8_t>(EventType::kUserSignedUp);
        event.program = std::string_view("a-program-of-any-length").substr(0, 1 + i % 23);
        event.occurred_at_us = static_cast<int64_t>(i);
        event.payload = UserSignedUp{};
        auto value = writer.encode(event);
        if (i % 7 == 3) value = value.first(i % 50);  // malformed
        batch.append(static_cast<Offset>(i), static_cast<int64_t>(10 * i), value);
    }
    const Rules& rules = rules_versions().front();
    std::vector<Input> inputs(1);
    read_inputs(batch.records(), rules, inputs);
    ASSERT_EQ(inputs.size(), 1001U) << "they are appended";
    for (size_t i = 0; i < 1000; ++i) {
        const Record& record = batch.records()[i];
        const Input alone = read_input(record.value, record.append_time_ms, rules);
        const Input& together = inputs[i + 1];
        ASSERT_EQ(together.record_sha256, alone.record_sha256) << i;
        ASSERT_EQ(together.append_time_ms, alone.append_time_ms);
        ASSERT_EQ(together.value.data(), record.value.data());
        ASSERT_EQ(together.value.size(), record.value.size());
        ASSERT_EQ(together.rules_version, alone.rules_version);
        ASSERT_EQ(together.record.malformed, alone.record.malformed);
        if (alone.record.malformed) continue;
        ASSERT_EQ(together.record.event.id, alone.record.event.id);
        ASSERT_EQ(together.record.event.program, alone.record.event.program);
        ASSERT_EQ(together.record.event.occurred_at_us, alone.record.event.occurred_at_us);
    }
}

TEST(Core, ATreeOfAHundredThousandLevelsPaysTheSevenNearest) {
    constexpr uint64_t kDepth = 100'000;
    Writing events;
    std::vector<Input> inputs{events.signup(1)};
    for (uint64_t user = 2; user <= kDepth; ++user) inputs.push_back(events.signup(user, user - 1));
    for (uint64_t i = 0; i < 1000; ++i) inputs.push_back(events.sale(kDepth + 1 + i, kDepth, 10'000));
    MemoryShard shard;
    shard.apply_in_batches(inputs, 65'536);
    const State& state = shard.state();
    ASSERT_EQ(state.users().size(), kDepth);
    ASSERT_EQ(state.accounts().size(), 7U);
    constexpr int64_t kLevels[] = {2000, 1500, 1000, 800, 500, 300, 200};
    for (size_t k = 0; k < 7; ++k) {
        const AccountIndex account = state.find_account(UserIndex(kDepth - 2 - k), *parse_currency("USD"));
        ASSERT_NE(account, kNoIndex);
        EXPECT_EQ(state.accounts()[account].pending, 1000 * kLevels[k]);
    }
}

TEST(Core, AMillionChildrenOfOneUserAllPayIt) {
    constexpr uint64_t kChildren = 1'000'000;
    MemoryShard shard;
    uint64_t next = 2;
    {
        Writing events;
        ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    }
    while (next < 2 + kChildren) {
        Writing events;
        std::vector<Input> inputs;
        for (uint64_t i = 0; i < 50'000; ++i) inputs.push_back(events.signup(next++, 1));
        for (uint64_t i = 0; i < 100; ++i) inputs.push_back(events.sale(next * 1000 + i, next - 1 - i, 100));
        shard.apply(inputs);
    }
    ASSERT_EQ(shard.state().users().size(), kChildren + 1);
    ASSERT_EQ(shard.state().accounts().size(), 1U);
    EXPECT_EQ(shard.state().accounts()[0].pending, 20 * 100 * 20);
}

// 9,223 sales of the largest amount fit the account of sales, another does not, and what still fits does.
TEST(Core, AnAccountNeverLeavesInt64) {
    constexpr uint64_t kFit = INT64_MAX / kAmountCap;
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    std::vector<Input> inputs;
    for (uint64_t i = 0; i < kFit; ++i) inputs.push_back(events.sale(2 + i, 1, kAmountCap));
    shard.apply(inputs);
    ASSERT_EQ(shard.state().books()[0].sales, -static_cast<int64_t>(kFit) * kAmountCap);

    uint64_t next = 2 + kFit;
    const std::string before = dump(shard.state());
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, kAmountCap)), Outcome::kOutOfRange);
    EXPECT_EQ(dump(shard.state()).substr(8), before.substr(8)) << "all but the number of entries";

    // The house is the first to be full: sales may reach one further down than it may up.
    const int64_t room = INT64_MAX - static_cast<int64_t>(kFit) * kAmountCap;
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, room + 1)), Outcome::kOutOfRange);
    EXPECT_EQ(outcome_of(shard, events.sale(next, 1, room)), Outcome::kAccepted) << "the id stayed free";
    EXPECT_EQ(shard.state().books()[0].house, INT64_MAX);
    EXPECT_EQ(outcome_of(shard, events.sale(++next, 1, 1)), Outcome::kOutOfRange);

    // A new buyer's creator may still earn what the house does not: the sales account has one unit of room.
    TransactionRecorded taxed;
    taxed.amount.value = 1;
    taxed.tax.value = 1;
    taxed.currency = *parse_currency("USD");
    taxed.source = Source::kPlatform;
    taxed.stream = Stream::kSubscriptionTiers;
    taxed.buyer = std::get<TransactionRecorded>(inputs[0].record.event.payload).buyer;
    EXPECT_EQ(outcome_of(shard, events.input(next, taxed)), Outcome::kAccepted);
    EXPECT_EQ(shard.state().books()[0].sales, INT64_MIN);
    EXPECT_EQ(outcome_of(shard, events.input(++next, taxed)), Outcome::kOutOfRange);
}

// One who holds several roles in a sale is checked for their sum. The account of sales would be full long before a
// user's, so the user's is put near its end by hand.
TEST(Core, AUsersBalanceNeverLeavesInt64HoweverManyRolesASaleGives) {
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.signup(2, 1)), Outcome::kAccepted);
    // Half to the creator 1, who is also level 1 with a fifth of the rest: 600.
    ASSERT_EQ(outcome_of(shard, events.sale(3, 2, 1000, 1)), Outcome::kAccepted);
    const HotColdArray<Account>& accounts = shard.state().accounts();
    ASSERT_EQ(accounts.size(), 1U);
    ASSERT_EQ(accounts[0].pending, 600);

    StateStorage(shard.state()).arrays().accounts.change(0, [](Account& a) { a.pending = INT64_MAX - 599; });
    EXPECT_EQ(outcome_of(shard, events.sale(4, 2, 1000, 1)), Outcome::kOutOfRange)
        << "500 and 100 each fit, their sum does not";
    StateStorage(shard.state()).arrays().accounts.change(0, [](Account& a) { a.pending = INT64_MAX - 600; });
    EXPECT_EQ(outcome_of(shard, events.sale(4, 2, 1000, 1)), Outcome::kAccepted);
    EXPECT_EQ(accounts[0].pending, INT64_MAX);
}

TEST(Core, TakesAnyAppendTime) {
    Writing events;
    MemoryShard shard;
    events.append_time_ms = INT64_MIN;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kFromFuture);
    events.append_time_ms = -1;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kFromFuture);
    events.append_time_ms = INT64_MAX;
    EXPECT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
}

// ---- Versions of the rules ----

TEST(Core, StopsAfterAnEventThatActivatesRulesItDoesNotKnow) {
    Writing events;
    MemoryShard shard({}, rules_versions().first(1));
    const Input inputs[] = {events.signup(1), events.input(2, RulesActivated{3}), events.input(3, RulesActivated{2}),
                            events.signup(4)};
    shard.apply(inputs);
    ASSERT_EQ(shard.entries().size(), 3U) << "the last was not decided";
    EXPECT_EQ(shard.state().rules_version(), 2);
    Entry entry;
    ASSERT_TRUE(decode_entry(shard.entries()[1], entry).ok());
    EXPECT_EQ(entry.outcome, Outcome::kInvalid) << "a version is left out";
    shard.last(entry);
    EXPECT_EQ(entry.outcome, Outcome::kAccepted);
    EXPECT_EQ(entry.rules_version, 1) << "the entry that ends a version is of it";
    shard.apply(std::span(inputs).last(1));
    EXPECT_EQ(shard.entries().size(), 3U);
}

TEST(Core, DecidesEachEventUnderTheRulesInForceWhateverItWasReadUnder) {
    // The second version knows less, so that it shows.
    std::vector<Rules> versions = {rules_versions().front(), rules_versions().front()};
    versions[1].version = 2;
    versions[1].last_type = 12;
    Writing events;
    MemoryShard shard({}, versions);
    const auto adjustment = [&events](uint64_t number) {
        return events.input(number, AdjustmentPosted{{Writing::id(1)}, {5}, *parse_currency("USD"), "more"});
    };
    const Input inputs[] = {events.signup(1), adjustment(2), events.input(3, RulesActivated{2}), adjustment(4),
                            events.signup(5, 1)};
    shard.apply(inputs);
    const std::pair<Outcome, uint16_t> expected[] = {{Outcome::kAccepted, 1},
                                                     {Outcome::kAccepted, 1},
                                                     {Outcome::kAccepted, 1},
                                                     {Outcome::kUnknownType, 2},
                                                     {Outcome::kAccepted, 2}};
    ASSERT_EQ(shard.entries().size(), std::size(expected));
    Entry entry;
    for (size_t i = 0; i < std::size(expected); ++i) {
        ASSERT_TRUE(decode_entry(shard.entries()[i], entry).ok());
        EXPECT_EQ(std::pair(entry.outcome, entry.rules_version), expected[i]) << i;
    }
}

// Two things of one fingerprint are made by hand: nobody will meet them by chance.
TEST(Core, TellsApartIdsOfOneFingerprint) {
    Writing events;
    MemoryShard shard;
    ASSERT_EQ(outcome_of(shard, events.signup(1)), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.signup(2, 1)), Outcome::kAccepted);
    const Input sale = events.sale(3, 2, 100);
    ASSERT_EQ(outcome_of(shard, sale), Outcome::kAccepted);
    ASSERT_EQ(outcome_of(shard, events.in_program("shop").signup(1)), Outcome::kAccepted);
    const auto collide = [&shard](std::string_view program, const Input& input, EntityRef other) {
        const uint64_t fingerprint = IdTable::fingerprint(IdTable::program_hash(program), input.record.event.id);
        StateStorage(shard.state()).restore_ids(std::vector{IdTable::Slot{fingerprint, other.word()}});
    };
    // The same id in another program, and another id: of a sale, and of a user.
    const EntityRef sale_of_default(EntityKind::kOther, 2);
    const EntityRef user_of_default(EntityKind::kUser, 0);
    const Input same_id = events.in_program("shop").sale(3, 1, 500);
    collide("shop", same_id, sale_of_default);
    EXPECT_EQ(outcome_of(shard, same_id), Outcome::kAccepted);
    EXPECT_EQ(outcome_of(shard, same_id), Outcome::kDuplicate);
    const Input other_id = events.in_program("default").sale(4, 2, 500);
    collide("default", other_id, sale_of_default);
    collide("default", other_id, user_of_default);
    EXPECT_EQ(outcome_of(shard, events.sale(5, 4, 100)), Outcome::kUnknownUser);
    // A user of that very id, but of another program.
    const Input buyer_elsewhere = events.in_program("shop").sale(6, 2, 100);
    collide("shop", events.signup(2), EntityRef(EntityKind::kUser, 1));
    EXPECT_EQ(outcome_of(shard, buyer_elsewhere), Outcome::kUnknownUser);
    events.in_program("default");
    EXPECT_EQ(outcome_of(shard, other_id), Outcome::kAccepted);
    EXPECT_EQ(outcome_of(shard, other_id), Outcome::kDuplicate);
    EXPECT_EQ(outcome_of(shard, sale), Outcome::kDuplicate);
}

TEST(Core, AnEntryThatCannotBeReadIsAnErrorAndNoOutcome) {
    // Those before the batch in hand, as long as they can be read.
    class Failing final : public EntrySource {
      public:
        Result<std::span<const std::byte>> entry(uint64_t sequence) override {
            if (is_gone) return Error{ErrorCode::kUnavailable, "the disk is gone"};
            return entries.entry(sequence);
        }
        testing::MemoryEntries entries;
        bool is_gone = false;
    };
    Writing events;
    State state;
    Failing entries;
    Core core(state, {}, entries, entries);
    EntryBatch batch;
    const auto apply = [&](const Input& input) {
        Status status = core.apply(std::span(&input, 1), batch);
        if (status.ok()) entries.entries.append(batch);
        return status;
    };
    ASSERT_TRUE(apply(events.signup(1)).ok());
    ASSERT_TRUE(apply(events.signup(2, 1)).ok());
    ASSERT_TRUE(apply(events.sale(3, 2, 100'000)).ok());
    entries.is_gone = true;
    const auto expect_unavailable = [](const Status& status, const char* what) {
        ASSERT_FALSE(status.ok()) << what;
        EXPECT_EQ(status.error().code, ErrorCode::kUnavailable) << what;
    };
    expect_unavailable(apply(events.signup(1)), "an id that is there already");
    expect_unavailable(apply(events.sale(3, 2, 100)), "the same of a sale");
    expect_unavailable(apply(events.refund(4, 3, 1)), "a refund of it");
    EXPECT_TRUE(core.mature().ok()) << "nothing is due, so nothing is read";
    events.time_us += 30 * kUsPerDay;
    expect_unavailable(apply(events.payout(4, 1, 20'000)), "a payout of what matures with it");
    ASSERT_TRUE(apply(events.signup(4)).ok()) << "nothing earlier is needed";
    expect_unavailable(core.mature(), "what is due now");

    entries.is_gone = false;
    EXPECT_TRUE(core.mature().ok());
    ASSERT_TRUE(apply(events.payout(5, 1, 20'000)).ok());
    EXPECT_EQ(state.accounts()[0].reserved, 20'000);
}

TEST(State, FoldRefusesAnEntryOutOfOrderOrOfWhatIsNotThere) {
    Writing events;
    MemoryShard shard;
    const std::vector<Input> inputs = {events.signup(1), events.signup(2, 1), events.sale(3, 2, 100)};
    shard.apply(inputs);
    Entry entry;
    State skipped;
    ASSERT_TRUE(decode_entry(shard.entries()[1], entry).ok());
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "entry 1 before entry 0";
    entry.sequence = 0;
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "a referrer that is not there";
    ASSERT_TRUE(decode_entry(shard.entries()[2], entry).ok());
    entry.sequence = 0;
    EXPECT_EQ(skipped.fold(entry).error().code, ErrorCode::kCorrupt) << "a buyer who is not there";
    EXPECT_EQ(dump(skipped), dump(State{})) << "nothing was folded";
}

}  // namespace
}  // namespace upline
