// SPDX-License-Identifier: Apache-2.0
// What is malformed, line by line of the list in events/README.md.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/events/record_harness.h"

namespace upline {
namespace {

using testing::Buffer;
using testing::encode;
using testing::kSeed;
using testing::kSomeId;
using testing::RandomEvents;
using testing::reads_as_oracle;
using testing::sale;
using testing::Surgeon;
using testing::suspension;
using testing::with_payload;

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

}  // namespace
}  // namespace upline
