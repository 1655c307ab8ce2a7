// SPDX-License-Identifier: Apache-2.0
// Records against the schema: code generated from event.fbs by flatc, with the library's own verifier, is the oracle
// for what decode_record accepts and reads, and for what RecordWriter writes. Nothing but tests uses generated code.
// malformed_record_test goes through the list of what is malformed.
#include "events/record_reader.h"
#include "events/record_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "tests/events/record_harness.h"

namespace {
size_t allocations = 0;
}  // namespace

// NOLINTBEGIN(misc-*)
[[gnu::noinline]] void* operator new(size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
    std::free(memory);
}
// NOLINTEND(misc-*)

namespace upline {
namespace {

using testing::Buffer;
using testing::copy;
using testing::describe;
using testing::encode;
using testing::GeneratedWriter;
using testing::kSeed;
using testing::kSomeId;
using testing::RandomEvents;
using testing::reads_as_oracle;
using testing::sale;
using testing::Surgeon;
using testing::with_payload;

// ---- Tests: agreement with the schema ----

template <class E>
void expect_names(const char* const* names) {
    EXPECT_STREQ(*names++, "unspecified");
    for (const std::string_view name : enum_names<E>()) {
        ASSERT_NE(*names, nullptr);
        EXPECT_EQ(name, *names++);
    }
    EXPECT_EQ(*names, nullptr);
}

TEST(Schema, NamesAndNumbersAreThoseOfTheCode) {
    expect_names<WebsiteStatus>(fb::EnumNamesWebsiteStatus());
    expect_names<Widget>(fb::EnumNamesWidget());
    expect_names<ActivityKind>(fb::EnumNamesActivityKind());
    expect_names<Source>(fb::EnumNamesSource());
    expect_names<Stream>(fb::EnumNamesStream());
    expect_names<RefundReason>(fb::EnumNamesRefundReason());
    EXPECT_EQ(fb::Payload_MAX, kLastEventType);
    for (uint8_t number = 1; number <= kLastEventType; ++number) {
        EXPECT_EQ(event_type_name(static_cast<EventType>(number)), fb::EnumNamesPayload()[number]);
    }
}

TEST(Record, IsReadTheSameByGeneratedCodeAndByUs) {
    SCOPED_TRACE(fmt::format("seed {}", kSeed));
    RandomEvents random(kSeed);
    RecordWriter writer;
    GeneratedWriter generated;
    for (int i = 0; i < 20'000; ++i) {
        const Event event = random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1));
        const Buffer ours = copy(writer.encode(event));
        ASSERT_TRUE(reads_as_oracle(ours)) << describe(event);
        const DecodedRecord record = decode_record(ours);
        ASSERT_EQ(record.malformed, nullptr);
        ASSERT_EQ(describe(record.event), describe(event));

        const Buffer theirs = generated.encode(event);
        ASSERT_TRUE(reads_as_oracle(theirs)) << describe(event);
        const DecodedRecord from_theirs = decode_record(theirs);
        ASSERT_EQ(from_theirs.malformed, nullptr);
        ASSERT_EQ(describe(from_theirs.event), describe(event));
        ASSERT_EQ(ours, copy(writer.encode(record.event)));
    }
}

TEST(Record, LeavesOutWhatIsAbsentOrAtItsDefault) {
    Event event = with_payload(WebsiteActivity{
        .website = {kSomeId}, .widget = Widget::kNone, .kind = ActivityKind::kView, .visitor = std::nullopt});
    const Surgeon activity(encode(event));
    EXPECT_EQ(activity.place(activity.header(), 2), 0U) << "the default program";
    EXPECT_EQ(activity.place(activity.payload(), 3), 0U) << "count 1";
    EXPECT_EQ(activity.place(activity.payload(), 4), 0U) << "no visitor";
    EXPECT_NE(activity.place(activity.payload(), 1), 0U) << "a value that is required";
    event = sale();
    std::get<TransactionRecorded>(event.payload).tax.value = 0;
    const Surgeon untaxed(encode(event));
    EXPECT_EQ(untaxed.place(untaxed.payload(), 2), 0U) << "no tax";
    EXPECT_EQ(untaxed.place(untaxed.payload(), 7), 0U) << "no creator";
}

TEST(Record, WithoutANumberHasZeroThereForGeneratedCodeLeavesZerosOut) {
    Surgeon without(encode(sale()));
    constexpr int kAmountSlot = 1;
    constexpr int kTaxSlot = 2;
    for (const int slot : {kAmountSlot, kTaxSlot}) without.remove(without.payload(), slot);
    const Buffer bytes = without.bytes();
    const DecodedRecord record = decode_record(bytes);
    ASSERT_EQ(record.malformed, nullptr) << record.malformed << " " << record.field;
    EXPECT_EQ(std::get<TransactionRecorded>(record.event.payload).amount.value, 0);
    EXPECT_EQ(std::get<TransactionRecorded>(record.event.payload).tax.value, 0);
    EXPECT_TRUE(reads_as_oracle(bytes));
}

TEST(Record, NeitherWayAllocatesOnceWarm) {
    RandomEvents random(kSeed);
    std::vector<Event> events;
    events.reserve(500);
    for (int i = 0; i < 500; ++i) events.push_back(random.next());
    RecordWriter writer;
    for (const Event& event : events) writer.encode(event);
    const size_t before = allocations;
    size_t malformed = 0;
    size_t misaligned = 0;
    for (const Event& event : events) {
        const std::span<const std::byte> record = writer.encode(event);
        misaligned += reinterpret_cast<uintptr_t>(record.data()) % 8;
        malformed += decode_record(record).malformed != nullptr ? 1 : 0;
    }
    EXPECT_EQ(allocations, before);
    EXPECT_EQ(malformed, 0U);
    EXPECT_EQ(misaligned, 0U);
}

// ---- Tests: hostile bytes ----

TEST(Record, CutAtEveryLengthReadsAsTheOracleHasIt) {
    RandomEvents random(kSeed);
    for (uint8_t type = 1; type <= kLastEventType; ++type) {
        const Buffer record = encode(random.next_of_type(type));
        for (size_t length = 0; length <= record.size(); ++length) {
            ASSERT_TRUE(reads_as_oracle(Buffer(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(length))))
                << "seed " << kSeed << " type " << int{type} << " cut at " << length;
        }
    }
}

TEST(Record, WithAnyBitFlippedReadsAsTheOracleHasIt) {
    RandomEvents random(kSeed);
    GeneratedWriter generated;
    for (int i = 0; i < 4 * kLastEventType; ++i) {
        const Event event = random.next_of_type(static_cast<uint8_t>(i / 4 + 1));
        Buffer record = i % 2 == 0 ? encode(event) : generated.encode(event);
        for (size_t bit = 0; bit < record.size() * 8; ++bit) {
            const auto mask = static_cast<std::byte>(1U << (bit % 8));
            record[bit / 8] ^= mask;
            ASSERT_TRUE(reads_as_oracle(record)) << "seed " << kSeed << " event " << i << " bit " << bit;
            record[bit / 8] ^= mask;
        }
    }
}

TEST(Record, WithOffsetsAndSizesMadeUpReadsAsTheOracleHasIt) {
    RandomEvents random(kSeed);
    for (int i = 0; i < 150'000; ++i) {
        Surgeon record(encode(random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1))));
        for (uint64_t hits = 1 + random.below(3); hits > 0; --hits) {
            // Offsets, vtable entries and sizes are small numbers of 2 or 4 bytes at aligned places.
            const size_t at = random.below(record.size() / 4) * 4;
            const auto near = static_cast<uint32_t>(random.below(record.size() + 8));
            switch (random.below(6)) {
                case 0: record.put<uint32_t>(at, near); break;
                case 1: record.put<uint32_t>(at, 0U - near); break;
                case 2: record.put<uint32_t>(at, 0x7fffffffU + static_cast<uint32_t>(random.below(3)) - 1); break;
                case 3: record.put<uint16_t>(at, static_cast<uint16_t>(near)); break;
                case 4: record.put<uint16_t>(at + 2, static_cast<uint16_t>(near)); break;
                default: record.put<uint8_t>(at + random.below(4), static_cast<uint8_t>(random.below(256)));
            }
        }
        ASSERT_TRUE(reads_as_oracle(record.bytes())) << "seed " << kSeed << " round " << i;
    }
}

TEST(Record, OfRandomBytesReadsAsTheOracleHasIt) {
    RandomEvents random(kSeed);
    for (int i = 0; i < 100'000; ++i) {
        Buffer garbage(random.below(200));
        // Small numbers make more of them look like offsets.
        const uint64_t largest = i % 2 == 0 ? 256 : 32;
        for (std::byte& byte : garbage) byte = static_cast<std::byte>(random.below(largest));
        if (garbage.size() >= 8 && i % 4 != 0) std::memcpy(garbage.data() + 4, "UPLN", 4);
        ASSERT_TRUE(reads_as_oracle(garbage)) << "seed " << kSeed << " round " << i;
    }
}

// ---- Tests: what is not malformed ----

TEST(Record, OfAnUnknownTypeHasAHeaderAndAPayloadNobodyReads) {
    for (const uint8_t type : {uint8_t{kLastEventType + 1}, uint8_t{100}, uint8_t{255}}) {
        Surgeon record(encode(sale()));
        record.put(record.place(record.header(), 1), type).put(record.place(record.header(), 4), type);
        record.put<int32_t>(record.payload(), 1 << 20);  // no table at all
        const DecodedRecord decoded = decode_record(record.bytes());
        ASSERT_EQ(decoded.malformed, nullptr);
        EXPECT_EQ(decoded.event.type, type);
        EXPECT_EQ(decoded.event.program, "shop");
        EXPECT_TRUE(std::holds_alternative<std::monostate>(decoded.event.payload));
        EXPECT_TRUE(reads_as_oracle(record.bytes()));

        record.remove(record.header(), 0);
        EXPECT_STREQ(decode_record(record.bytes()).field, "id") << "its header must be right";
    }
}

TEST(Record, MayHaveBytesNobodyRefersTo) {
    Surgeon record(encode(sale()));
    record.resize(kMaxRecordBytes);
    const DecodedRecord decoded = decode_record(record.bytes());
    ASSERT_EQ(decoded.malformed, nullptr);
    EXPECT_EQ(describe(decoded.event), describe(sale()));
    EXPECT_TRUE(reads_as_oracle(record.bytes()));
}

TEST(Record, MayHaveFieldsThatOnlyALaterReleaseKnows) {
    flatbuffers::FlatBufferBuilder builder;
    const fb::Uuid id(1, 2);
    const auto write_table = [&](auto&& write_known_fields) {
        const auto later = builder.CreateString(std::string(300, '\0'));
        const auto table = builder.StartTable();
        write_known_fields();
        builder.AddOffset(static_cast<flatbuffers::voffset_t>(4 + 2 * 20), later);
        return builder.EndTable(table);
    };
    const flatbuffers::Offset<void> payload(write_table([&] { builder.AddStruct(fb::UserSuspended::VT_USER, &id); }));
    const flatbuffers::Offset<fb::Event> event(write_table([&] {
        builder.AddStruct(fb::Event::VT_ID, &id);
        builder.AddElement<uint8_t>(fb::Event::VT_TYPE, fb::Payload_UserSuspended);
        builder.AddElement<uint8_t>(fb::Event::VT_PAYLOAD_TYPE, fb::Payload_UserSuspended);
        builder.AddElement<int64_t>(fb::Event::VT_OCCURRED_AT, 5);
        builder.AddOffset(fb::Event::VT_PAYLOAD, payload);
    }));
    fb::FinishEventBuffer(builder, event);
    const Buffer record = copy(std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize())));
    const DecodedRecord decoded = decode_record(record);
    ASSERT_EQ(decoded.malformed, nullptr);
    EXPECT_EQ(describe(decoded.event),
              "id=00000000-0000-0001-0000-000000000002\ntype=11\nprogram=default\noccurred_at=5\n"
              "user=00000000-0000-0001-0000-000000000002\n");
    EXPECT_TRUE(reads_as_oracle(record));
}

TEST(Record, MayHaveTwoFieldsInOnePlace) {
    Surgeon record(encode(with_payload(UserSignedUp{{kSomeId}, {kSomeId}})));
    const size_t vtable = record.vtable(record.payload());
    record.put<uint16_t>(vtable + 6, record.get<uint16_t>(vtable + 4));
    const DecodedRecord decoded = decode_record(record.bytes());
    ASSERT_EQ(decoded.malformed, nullptr);
    EXPECT_EQ(describe(decoded.event), describe(with_payload(UserSignedUp{{kSomeId}, {kSomeId}})));
    EXPECT_TRUE(reads_as_oracle(record.bytes()));
}

TEST(Record, LeavesSignsAndSizesToTheLedger) {
    Event event = sale();
    auto& payload = std::get<TransactionRecorded>(event.payload);
    for (const int64_t amount :
         {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0}, std::numeric_limits<int64_t>::max()}) {
        payload.amount.value = amount;
        payload.tax.value = amount;
        const Buffer record = encode(event);
        EXPECT_EQ(decode_record(record).malformed, nullptr);
    }
    const std::vector<int32_t> rates(8000, -5);
    PlanPublished plan;
    plan.level_rates = rates;
    EXPECT_EQ(decode_record(encode(with_payload(plan))).malformed, nullptr);
}

}  // namespace
}  // namespace upline
