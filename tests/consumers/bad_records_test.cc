// SPDX-License-Identifier: Apache-2.0
// What reaches the log by another way than `produce`: every record, however bad, gets its one entry, and changes
// nothing else.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "ledger/core/entry.h"
#include "tests/consumers/log_of_events.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {
namespace {

constexpr std::string_view kUser = "00000000-0000-4000-8000-000000000001";
constexpr std::string_view kSale = "00000000-0000-4000-8000-000000000002";

std::string signup(std::string_view id, std::string_view program = "default") {
    return fmt::format(
        R"({{"id": "{}", "type": "UserSignedUp", "program": "{}", "occurred_at": "2026-01-01T00:00:00Z"}})", id,
        program);
}
std::string sale(std::string_view id, std::string_view amount, std::string_view time = "2026-01-02T00:00:00Z") {
    return fmt::format(R"({{"id": "{}", "type": "TransactionRecorded", "occurred_at": "{}", "buyer": "{}", )"
                       R"("amount": "{}", "currency": "USD", "source": "platform", "stream": "domain_services"}})",
                       id, time, kUser, amount);
}

// The sale with something of it changed, in a way that JSON cannot say.
template <class F>
Bytes sale_with(F&& change) {
    EventParser parser;
    Result<Event> event = parser.parse(sale(kSale, "10.00"));
    change(*event, std::get<TransactionRecorded>(event->payload));
    return record_of(*event);
}

// The event's table as the format has it: its first four bytes lead back to where the places of its fields stand.
Bytes without_header_field(Bytes record, size_t slot) {
    uint32_t table = 0;
    int32_t back = 0;
    std::memcpy(&table, record.data(), sizeof table);
    std::memcpy(&back, record.data() + table, sizeof back);
    const size_t entry = static_cast<size_t>(static_cast<int64_t>(table) - back) + 4 + 2 * slot;
    record[entry] = record[entry + 1] = std::byte{0};
    return record;
}

Bytes text(std::string_view bytes) {
    const auto view = std::as_bytes(std::span(bytes));
    return {view.begin(), view.end()};
}

// One for each way to be malformed.
std::vector<std::pair<std::string, Bytes>> malformed_records() {
    const Bytes good = record_of(sale(kSale, "10.00"));
    Bytes too_large = good;
    too_large.resize(kMaxRecordBytes + 1);
    Bytes of_other_schema = good;
    std::memcpy(of_other_schema.data() + 4, "ORDR", 4);
    Bytes truncated = good;
    truncated.resize(good.size() / 2);
    // Header type and tag differ in two bytes from those of another type; with only one of them they disagree.
    Bytes disagreeing = good;
    const Bytes of_other_type = sale_with([](Event& event, auto&) { event.type = 6; });
    disagreeing[static_cast<size_t>(std::mismatch(good.begin(), good.end(), of_other_type.begin()).first -
                                    good.begin())] = std::byte{6};
    const std::string long_text(256, 'x');
    const auto suspended = [](std::string_view reason) {
        Event event;
        event.id = *parse_uuid(kSale);
        event.type = static_cast<uint8_t>(EventType::kUserSuspended);
        event.payload = UserSuspended{.user = {*parse_uuid(kUser)}, .reason = reason};
        return record_of(event);
    };
    Event activity;
    activity.id = *parse_uuid(kSale);
    activity.type = static_cast<uint8_t>(EventType::kWebsiteActivity);
    activity.occurred_at_us = 1;
    activity.payload = WebsiteActivity{.website = {*parse_uuid(kUser)},
                                       .widget = Widget::kNone,
                                       .kind = ActivityKind::kView,
                                       .count = 0,
                                       .visitor = std::nullopt};
    return {
        {"empty", {}},
        {"above 32 KiB", too_large},
        {"text of no schema", text("no FlatBuffers buffer at all")},
        {"another file identifier", of_other_schema},
        {"cut in half", truncated},
        {"no id", without_header_field(good, 0)},
        {"no type", without_header_field(good, 1)},
        {"no time", without_header_field(good, 3)},
        {"no payload", without_header_field(good, 5)},
        {"type 0", sale_with([](Event& event, auto&) { event.type = 0; })},
        {"type and tag disagree", disagreeing},
        {"value out of its enum", sale_with([](Event&, auto& p) { p.stream = static_cast<Stream>(19); })},
        {"text not UTF-8", suspended("caf\xe9")},
        {"text with U+0000", suspended(std::string_view("a\0b", 3))},
        {"text of 256 bytes", suspended(long_text)},
        {"nil id", sale_with([](Event& event, auto&) { event.id = {}; })},
        {"nil reference", sale_with([](Event&, auto& p) { p.buyer = {}; })},
        {"program with a space", sale_with([](Event& event, auto&) { event.program = "my shop"; })},
        {"before 1970", sale_with([](Event& event, auto&) { event.occurred_at_us = -1; })},
        {"after 9999", sale_with([](Event& event, auto&) { event.occurred_at_us = kMaxTimeUs + 1; })},
        {"no such currency", sale_with([](Event&, auto& p) {
             p.currency = {{'A', 'A', 'A'}};
         })},
        {"count 0", record_of(activity)},
    };
}

class BadRecords : public ::testing::Test {
  protected:
    // The outcomes of the log's records, one by one, as the ledger's entries have them.
    std::vector<Outcome> outcomes(EventLog& log, uint32_t partition = 0) {
        const std::string data = path("data");
        const Status fed = feed_shard(log, data, partition);
        EXPECT_TRUE(fed.ok()) << fed.error().message;
        const auto folder = DataFolder::open(data, DataFolder::Access::kRead);
        const auto store = Store::open(folder->partition_path(partition), Store::Access::kRead);
        const Result<LedgerHead> position = (**store).position();
        EXPECT_EQ(position->size, static_cast<uint64_t>(position->last_record->offset) + 1) << "one event, one entry";
        const auto entries = (**store).scan_reader();
        std::vector<Outcome> all;
        Entry entry;
        for (uint64_t sequence = 0; sequence < position->size; ++sequence) {
            const auto bytes = entries->entry(sequence);
            EXPECT_TRUE(bytes.ok() && decode_entry(*bytes, entry).ok()) << sequence;
            all.push_back(entry.outcome);
        }
        return all;
    }
    // Another reading of the same bytes by the core alone, which knows no log and no store.
    std::vector<Outcome> outcomes_of_core(const std::vector<Bytes>& values) {
        MemoryShard shard;
        const Batch batch(values, 0, values.size());
        shard.apply(batch.inputs);
        std::vector<Outcome> all;
        Entry entry;
        for (size_t i = 0; i < shard.entries().size(); ++i) {
            EXPECT_TRUE(decode_entry(shard.entries()[i], entry).ok());
            all.push_back(entry.outcome);
        }
        return all;
    }
    std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_.path(), name); }

    TemporaryFolder folder_;
};

TEST_F(BadRecords, OfEveryMalformedKindHaveTheirEntryAndChangeNothing) {
    std::vector<Bytes> values = {record_of(signup(kUser))};
    const auto malformed = malformed_records();
    for (const auto& [what, record] : malformed) values.push_back(record);
    values.push_back(record_of(sale(kSale, "10.00")));
    const auto log = open_embedded(path("log"));
    append(*log, values);
    const std::vector<Outcome> all = outcomes(*log);
    ASSERT_EQ(all.size(), values.size());
    EXPECT_EQ(all.front(), Outcome::kAccepted);
    for (size_t i = 0; i < malformed.size(); ++i) EXPECT_EQ(all[i + 1], Outcome::kMalformed) << malformed[i].first;
    EXPECT_EQ(all.back(), Outcome::kAccepted) << "its id, which many of them had, is free";
}

TEST_F(BadRecords, CutOrWithBitsFlippedHaveTheirEntry) {
    const uint64_t seed = test_seed();
    std::mt19937_64 random(seed);
    std::vector<Bytes> values;
    for (const std::string& line : make_community("default", 1500, seed)) {
        Bytes record = record_of(line);
        // The first are left whole, or nobody would be there to refer and to buy.
        switch (values.size() < 200 ? 0 : random() % 4) {
            case 0: break;
            case 1: record.resize(random() % record.size()); break;
            default:
                for (uint64_t flips = 1 + random() % 3; flips > 0; --flips)
                    record[random() % record.size()] ^= static_cast<std::byte>(1U << (random() % 8));
        }
        values.push_back(std::move(record));
    }
    const auto log = open_embedded(path("log"));
    append(*log, values);
    const std::vector<Outcome> all = outcomes(*log);
    EXPECT_EQ(all, outcomes_of_core(values));
    EXPECT_GT(std::count(all.begin(), all.end(), Outcome::kMalformed), 300);
    EXPECT_GT(std::count(all.begin(), all.end(), Outcome::kAccepted), 0);
}

TEST_F(BadRecords, InThePartitionOfAnotherProgramAreSeen) {
    const auto log = open_embedded(path("log"), 4);
    const uint32_t right = partition_of("shop", 4);
    const uint32_t wrong = (right + 1) % 4;
    append(*log, {record_of(signup(kUser, "shop"))}, wrong);
    append(*log, {record_of(signup(kUser, "shop"))}, right);
    EXPECT_EQ(outcomes(*log, wrong), std::vector{Outcome::kWrongPartition});
    EXPECT_EQ(outcomes(*log, right), std::vector{Outcome::kAccepted});
}

TEST_F(BadRecords, FromTheFutureAreHeldAgainstTheirAppendTime) {
    const auto log = open_embedded(path("log"));
    const int64_t noon_ms = *parse_time("2026-01-02T12:00:00Z") / 1000;
    append(*log, {record_of(signup(kUser))}, 0, noon_ms);
    append(*log, {record_of(sale(kSale, "1.00", "2026-01-02T13:00:00Z"))}, 0, noon_ms);
    append(*log, {record_of(sale(kSale, "1.00", "2026-01-02T12:05:00.000001Z"))}, 0, noon_ms);
    append(*log, {record_of(sale(kSale, "1.00", "2026-01-02T12:05:00Z"))}, 0, noon_ms);
    EXPECT_EQ(outcomes(*log),
              (std::vector{Outcome::kAccepted, Outcome::kFromFuture, Outcome::kFromFuture, Outcome::kAccepted}));
}

TEST_F(BadRecords, OfAnIdThatIsTakenAreDuplicatesOrConflicts) {
    const auto log = open_embedded(path("log"));
    append(*log, {record_of(signup(kUser)), record_of(sale(kSale, "1.00")), record_of(sale(kSale, "1.00")),
                  record_of(sale(kSale, "1.01"))});
    EXPECT_EQ(outcomes(*log),
              (std::vector{Outcome::kAccepted, Outcome::kAccepted, Outcome::kDuplicate, Outcome::kConflict}));
    // The ids of a ledger that is opened again are those it had.
    append(*log, {record_of(sale(kSale, "1.00")), record_of(sale(kSale, "1.01")), record_of(signup(kUser))});
    const std::vector<Outcome> all = outcomes(*log);
    EXPECT_EQ(std::vector(all.begin() + 4, all.end()),
              (std::vector{Outcome::kDuplicate, Outcome::kConflict, Outcome::kDuplicate}));
}

}  // namespace
}  // namespace upline::testing
