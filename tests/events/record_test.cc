// SPDX-License-Identifier: Apache-2.0
// Records against the schema: code generated from event.fbs by flatc, with the library's own verifier, is the oracle
// for what decode_record accepts and reads, and for what RecordWriter writes. Nothing but tests uses generated code.
#include "events/record_reader.h"
#include "events/record_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "tests/events/generated_code.h"
#include "tests/events/random_events.h"

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

using testing::describe;
using testing::GeneratedWriter;
using testing::Oracle;
using testing::RandomEvents;
using Buffer = std::vector<std::byte>;

constexpr uint64_t kSeed = 20260104;

Buffer copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

Buffer encode(const Event& event) {
    RecordWriter writer;
    return copy(writer.encode(event));
}

// ---- The law ----

// The law for any bytes at all: decode_record accepts exactly what the generated verifier (with the limits of the
// rules) and the oracle accept, and reads the same from it.
::testing::AssertionResult reads_as_oracle(const Buffer& buffer) {
    // A copy of exactly this size, so that a sanitizer sees a read behind its end.
    const std::unique_ptr<std::byte[]> exact(new std::byte[buffer.size()]);
    std::copy(buffer.begin(), buffer.end(), exact.get());
    const DecodedRecord record = decode_record({exact.get(), buffer.size()});

    bool accepted = !buffer.empty() && buffer.size() <= 32768;
    std::string description;
    if (accepted) {
        const auto* const bytes = reinterpret_cast<const uint8_t*>(exact.get());
        flatbuffers::Verifier verifier(bytes, buffer.size(), 8, 8);
        accepted = fb::VerifyEventBuffer(verifier);
        if (accepted) {
            const Oracle oracle(*fb::GetEvent(bytes));
            accepted = oracle.accepts();
            description = oracle.description();
        }
    }
    if (accepted != (record.malformed == nullptr)) {
        return ::testing::AssertionFailure()
               << "generated code " << (accepted ? "accepts" : "refuses") << ", decode_record says "
               << (record.malformed != nullptr ? record.malformed : "good");
    }
    if (accepted && describe(record.event) != description) {
        return ::testing::AssertionFailure() << describe(record.event) << "is not\n" << description;
    }
    return ::testing::AssertionSuccess();
}

// ---- Surgery on good records ----

class Surgeon {
  public:
    explicit Surgeon(Buffer record) : bytes_(std::move(record)) {}

    template <class T>
    T get(size_t at) const {
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof(T));
        return value;
    }
    template <class T>
    Surgeon& put(size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof(T));
        return *this;
    }
    size_t header() const { return get<uint32_t>(0); }
    size_t payload() const { return follow(place(header(), 5)); }
    size_t follow(size_t at) const { return at + get<uint32_t>(at); }
    size_t vtable(size_t table) const { return table - static_cast<size_t>(int64_t{get<int32_t>(table)}); }
    // Where a field stands, 0 if it is absent.
    size_t place(size_t table, int slot) const {
        const size_t entry = 4 + 2 * static_cast<size_t>(slot);
        if (entry >= get<uint16_t>(vtable(table))) return 0;
        const auto offset = get<uint16_t>(vtable(table) + entry);
        return offset == 0 ? 0 : table + offset;
    }
    Surgeon& remove(size_t table, int slot) {
        return put<uint16_t>(vtable(table) + 4 + 2 * static_cast<size_t>(slot), 0);
    }
    Surgeon& resize(size_t size) {
        bytes_.resize(size);
        return *this;
    }
    size_t size() const { return bytes_.size(); }
    const Buffer& bytes() const { return bytes_; }

  private:
    Buffer bytes_;
};

const Uuid kSomeId = parse_uuid("6507d976-006e-58ed-b3f9-2e23cb4719e8").value();

Event sale() {
    TransactionRecorded payload;
    payload.buyer.id = kSomeId;
    payload.amount.value = 1177;
    payload.tax.value = 77;
    payload.currency = *parse_currency("USD");
    payload.source = Source::kPlatform;
    payload.stream = Stream::kSubscriptionTiers;
    Event event;
    event.id = kSomeId;
    event.type = static_cast<uint8_t>(EventType::kTransactionRecorded);
    event.program = "shop";
    event.occurred_at_us = 1;
    event.payload = payload;
    return event;
}

template <class T>
Event with_payload(const T& payload) {
    Event event;
    event.id = kSomeId;
    event.type = static_cast<uint8_t>(T::kType);
    event.occurred_at_us = 1;
    event.payload = payload;
    return event;
}

Event suspension(std::string_view reason) {
    return with_payload(UserSuspended{{kSomeId}, reason});
}

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

// ---- Tests: the list of what is malformed ----

struct MalformedCase {
    const char* what;
    Buffer record;
    const char* reason;
    const char* field;
};

constexpr const char* kOutside = "does not lie in the record as a FlatBuffers field must";
constexpr const char* kBadText = "is not UTF-8 without U+0000 of at most 255 bytes";

std::vector<MalformedCase> malformed_cases() {
    const Surgeon good(encode(sale()));
    const auto with = [&](const std::function<void(Surgeon&)>& change) {
        Surgeon surgeon = good;
        change(surgeon);
        return surgeon.bytes();
    };
    const auto header_with = [&](const std::function<void(Event&)>& change) {
        Event event = sale();
        change(event);
        return encode(event);
    };
    const auto sale_with = [&](const std::function<void(TransactionRecorded&)>& change) {
        return header_with([&](Event& event) { change(std::get<TransactionRecorded>(event.payload)); });
    };
    const auto string_of = [](const Surgeon& s) { return s.follow(s.place(s.payload(), 3)); };
    constexpr std::string_view kJson = R"({"id": "00000000-0000-0000-0000-00000000000a"})";
    const std::string long_text(256, 'x');
    const std::string long_program(65, 'x');
    const WebsiteActivity no_activity{.website = {kSomeId},
                                      .widget = Widget::kNone,
                                      .kind = ActivityKind::kView,
                                      .count = 0,
                                      .visitor = std::nullopt};
    const Surgeon plan(encode(with_payload(PlanPublished{})));

    return {
        {"empty", {}, "is empty", nullptr},
        {"above 32 KiB", with([](Surgeon& s) { s.resize(32 * 1024 + 1); }), "is above 32 KiB", nullptr},
        {"another identifier", with([](Surgeon& s) { s.put(4, 'V'); }), "has no file identifier UPLN", nullptr},
        {"JSON", Buffer(std::as_bytes(std::span(kJson)).begin(), std::as_bytes(std::span(kJson)).end()),
         "is JSON, which `upline produce` takes and makes records of", nullptr},
        {"too short for one", with([](Surgeon& s) { s.resize(7); }), "has no file identifier UPLN", nullptr},

        {"root nowhere", with([](Surgeon& s) { s.put<uint32_t>(0, 0); }), "does not lead to an event table", nullptr},
        {"root behind the end", with([](Surgeon& s) { s.put(0, static_cast<uint32_t>(s.size())); }),
         "does not lead to an event table", nullptr},
        {"root at an odd place", with([](Surgeon& s) { s.put(0, static_cast<uint32_t>(s.header() + 1)); }),
         "does not lead to an event table", nullptr},
        {"vtable before the record", with([](Surgeon& s) { s.put<int32_t>(s.header(), 1 << 20); }),
         "does not lead to an event table", nullptr},
        {"vtable behind the record", with([](Surgeon& s) { s.put<int32_t>(s.header(), -(1 << 20)); }),
         "does not lead to an event table", nullptr},
        {"vtable of odd size", with([](Surgeon& s) { s.put<uint16_t>(s.vtable(s.header()), 15); }),
         "does not lead to an event table", nullptr},
        {"vtable beyond the end", with([](Surgeon& s) { s.put<uint16_t>(s.vtable(s.header()), 0xfffe); }),
         "does not lead to an event table", nullptr},
        {"field behind the end", with([](Surgeon& s) { s.put<uint16_t>(s.vtable(s.header()) + 4, 0xfff0); }), kOutside,
         "id"},
        {"field unaligned", with([](Surgeon& s) { s.put<uint16_t>(s.vtable(s.payload()) + 6, 6); }), kOutside,
         "amount"},
        {"payload nowhere", with([](Surgeon& s) { s.put<uint32_t>(s.place(s.header(), 5), 0); }), kOutside, "payload"},
        {"payload no table", with([](Surgeon& s) { s.put<int32_t>(s.payload(), 1 << 20); }), kOutside, "payload"},
        {"string of 4 GiB", with([&](Surgeon& s) { s.put<uint32_t>(string_of(s), 0xffffffff); }), kOutside, "currency"},
        {"string without its zero", with([&](Surgeon& s) { s.put(string_of(s) + 7, 'x'); }), kOutside, "currency"},
        {"vector of 2^30 rates",
         Surgeon(plan).put<uint32_t>(plan.follow(plan.place(plan.payload(), 0)), 1U << 30).bytes(), kOutside,
         "level_rates"},
        {"vector one rate too long",
         Surgeon(plan).put(plan.follow(plan.place(plan.payload(), 0)), static_cast<uint32_t>(plan.size() / 4)).bytes(),
         kOutside, "level_rates"},

        {"no id", with([](Surgeon& s) { s.remove(s.header(), 0); }), "is required and missing", "id"},
        {"no type", with([](Surgeon& s) { s.remove(s.header(), 1); }), "is unspecified", "type"},
        {"no time", with([](Surgeon& s) { s.remove(s.header(), 3); }), "is unspecified", "occurred_at"},
        {"no payload", with([](Surgeon& s) { s.remove(s.header(), 5); }), "is required and missing", "payload"},

        {"type 0",
         with([](Surgeon& s) { s.put<uint8_t>(s.place(s.header(), 1), 0).put<uint8_t>(s.place(s.header(), 4), 0); }),
         "is unspecified", "type"},
        {"type without a tag", with([](Surgeon& s) { s.remove(s.header(), 4); }), "is not the type the header names",
         "payload_type"},
        {"tag of another type", with([](Surgeon& s) { s.put<uint8_t>(s.place(s.header(), 4), 6); }),
         "is not the type the header names", "payload_type"},
        {"unknown tag, known type", with([](Surgeon& s) { s.put<uint8_t>(s.place(s.header(), 4), 200); }),
         "is not the type the header names", "payload_type"},
        {"unknown type, known tag", with([](Surgeon& s) { s.put<uint8_t>(s.place(s.header(), 1), 200); }),
         "is not the type the header names", "payload_type"},

        {"no source", with([](Surgeon& s) { s.remove(s.payload(), 4); }), "is unspecified", "source"},
        {"source 0", sale_with([](auto& p) { p.source = Source{}; }), "is unspecified", "source"},
        {"value out of its enum", sale_with([](auto& p) { p.stream = static_cast<Stream>(19); }),
         "is out of its enum's range", "stream"},
        {"largest value of a byte", sale_with([](auto& p) { p.source = static_cast<Source>(255); }),
         "is out of its enum's range", "source"},

        {"text not UTF-8", encode(suspension("caf\xe9")), kBadText, "reason"},
        {"text with a surrogate", encode(suspension("\xed\xa0\x80")), kBadText, "reason"},
        {"text with U+0000", encode(suspension(std::string_view("a\0b", 3))), kBadText, "reason"},
        {"text of 256 bytes", encode(suspension(long_text)), kBadText, "reason"},

        {"nil id", header_with([](Event& e) { e.id = Uuid{}; }), "is the nil UUID", "id"},
        {"nil reference", sale_with([](auto& p) { p.buyer = {}; }), "is the nil UUID", "buyer"},

        {"program with a space", header_with([](Event& e) { e.program = "my shop"; }),
         "is not 1 to 64 of a-z 0-9 . _ -", "program"},
        {"program in capitals", header_with([](Event& e) { e.program = "Shop"; }), "is not 1 to 64 of a-z 0-9 . _ -",
         "program"},
        {"empty program", header_with([](Event& e) { e.program = ""; }), "is not 1 to 64 of a-z 0-9 . _ -", "program"},
        {"program of 65", header_with([&](Event& e) { e.program = long_program; }), "is not 1 to 64 of a-z 0-9 . _ -",
         "program"},

        {"the time of an unset clock", header_with([](Event& e) { e.occurred_at_us = 0; }), "is unspecified",
         "occurred_at"},
        {"before 1970", header_with([](Event& e) { e.occurred_at_us = -1; }), "is not in 1970 to 9999", "occurred_at"},
        {"after 9999", header_with([](Event& e) { e.occurred_at_us = kMaxTimeUs + 1; }), "is not in 1970 to 9999",
         "occurred_at"},

        {"no currency", sale_with([](auto& p) {
             p.currency = {{'A', 'A', 'A'}};
         }),
         "is no currency of ISO 4217 with a minor unit", "currency"},
        {"small letters", sale_with([](auto& p) {
             p.currency = {{'u', 's', 'd'}};
         }),
         "is no currency of ISO 4217 with a minor unit", "currency"},
        {"no minor unit", sale_with([](auto& p) {
             p.currency = {{'X', 'A', 'U'}};
         }),
         "is no currency of ISO 4217 with a minor unit", "currency"},

        {"count 0", encode(with_payload(no_activity)), "is 0", "count"},
    };
}

TEST(Record, MalformedIsEveryLineOfTheList) {
    for (const MalformedCase& test : malformed_cases()) {
        const DecodedRecord record = decode_record(test.record);
        EXPECT_STREQ(record.malformed, test.reason) << test.what;
        EXPECT_STREQ(record.field, test.field) << test.what;
        EXPECT_TRUE(reads_as_oracle(test.record)) << test.what;
    }
}

// The fields of a type as visit() names them.
struct FieldOfType {
    int slot;
    std::string name;
    const char* malformed_without;  // nullptr: a record without it is not
    bool is_reference;
};
class FieldList {
  public:
    template <class T>
    void operator()(int slot, const char* name, const T& /*field*/, Presence presence) {
        constexpr bool kIsReference = requires(T ref) {
            ref.id;
        };
        constexpr bool kIsNumber = WithUnit<T> || std::is_integral_v<T>;
        const char* malformed = std::is_enum_v<T> ? "is unspecified" : "is required and missing";
        if (kIsNumber || presence != Presence::kRequired) malformed = nullptr;
        fields_.push_back({slot, name, malformed, kIsReference});
    }
    const std::vector<FieldOfType>& fields() const { return fields_; }

  private:
    std::vector<FieldOfType> fields_;
};

std::vector<FieldOfType> fields_of(const Event& event) {
    FieldList list;
    const auto collect = [&]<class T>(const T& payload) {
        if constexpr (!std::same_as<T, std::monostate>) T::visit(payload, list);
    };
    std::visit(collect, event.payload);
    return list.fields();
}

TEST(Record, WithoutARequiredFieldIsMalformedAndWithoutAnotherIsNot) {
    RandomEvents random(kSeed);
    int removed = 0;
    for (int i = 0; i < 20 * kLastEventType; ++i) {
        const Event event = random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1));
        for (const FieldOfType& field : fields_of(event)) {
            Surgeon record(encode(event));
            if (record.place(record.payload(), field.slot) == 0) continue;
            record.remove(record.payload(), field.slot);
            const DecodedRecord decoded = decode_record(record.bytes());
            EXPECT_STREQ(decoded.malformed, field.malformed_without) << field.name;
            if (field.malformed_without != nullptr) {
                EXPECT_EQ(decoded.field, field.name);
            }
            ASSERT_TRUE(reads_as_oracle(record.bytes())) << field.name;
            ++removed;
        }
    }
    EXPECT_GT(removed, 500);
}

TEST(Record, WithANilReferenceAnywhereIsMalformed) {
    RandomEvents random(kSeed);
    int emptied = 0;
    for (int i = 0; i < 20 * kLastEventType; ++i) {
        const Event event = random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1));
        for (const FieldOfType& field : fields_of(event)) {
            Surgeon record(encode(event));
            const size_t at = record.place(record.payload(), field.slot);
            if (at == 0 || !field.is_reference) continue;
            record.put<uint64_t>(at, 0).put<uint64_t>(at + 8, 0);
            const DecodedRecord decoded = decode_record(record.bytes());
            EXPECT_STREQ(decoded.malformed, "is the nil UUID");
            EXPECT_EQ(decoded.field, field.name);
            ++emptied;
        }
    }
    EXPECT_GT(emptied, 100);
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
