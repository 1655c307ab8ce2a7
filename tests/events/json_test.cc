// SPDX-License-Identifier: Apache-2.0
// The JSON form: what is read is what was written, and every wrong line is refused with the field and the reason.
#include "events/json_reader.h"
#include "events/json_writer.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <memory>
#include <string>
#include <vector>

#include "events/base/text.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "tests/events/random_events.h"

namespace upline {
namespace {

using testing::describe;
using testing::RandomEvents;

constexpr uint64_t kSeed = 20260105;

std::string to_json(const Event& event) {
    std::string line;
    append_json(event, line);
    return line;
}

// The error of a line that must have one.
std::string error_of(std::string_view line, JsonOptions options = {}) {
    EventParser parser(options);
    const Result<Event> event = parser.parse(line);
    if (event.ok()) return "no error";
    EXPECT_EQ(event.error().code, ErrorCode::kInvalid);
    return event.error().message;
}

std::string described(std::string_view line, JsonOptions options = {}) {
    EventParser parser(options);
    const Result<Event> event = parser.parse(line);
    return event.ok() ? describe(*event) : event.error().message;
}

// ---- Round trips ----

TEST(Json, OfEveryEventReadsBackAsTheSameRecord) {
    RandomEvents random(kSeed);
    EventParser parser;
    RecordWriter written;
    RecordWriter read;
    for (int i = 0; i < 20'000; ++i) {
        const Event event = random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1));
        const std::string line = to_json(event);
        ASSERT_EQ(line.back(), '\n');
        ASSERT_EQ(line.find('\n'), line.size() - 1) << "one event, one line";
        const Result<Event> parsed = parser.parse(std::string_view(line).substr(0, line.size() - 1));
        ASSERT_TRUE(parsed.ok()) << "seed " << kSeed << " " << line << parsed.error().message;
        ASSERT_EQ(describe(*parsed), describe(event)) << "seed " << kSeed;
        ASSERT_EQ(to_json(*parsed), line);
        const auto before = written.encode(event);
        const auto after = read.encode(*parsed);
        ASSERT_TRUE(std::equal(before.begin(), before.end(), after.begin(), after.end())) << "seed " << kSeed;
        const DecodedRecord decoded = decode_record(after);
        ASSERT_EQ(decoded.malformed, nullptr);
        ASSERT_EQ(to_json(decoded.event), line);
    }
}

std::vector<std::string> lines_of(const std::string& path) {
    // Also reads what is not compressed.
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
    std::vector<std::string> lines;
    if (file == nullptr) return lines;
    std::vector<char> buffer(1 << 16);
    while (gzgets(file.get(), buffer.data(), static_cast<int>(buffer.size())) != nullptr) {
        lines.emplace_back(buffer.data());
        lines.back().pop_back();
    }
    return lines;
}

TEST(Json, OfRealEventsReadsBackAsTheSameRecord) {
    const std::vector<std::pair<std::string, size_t>> files = {
        {"edge.jsonl", 91}, {"cdnow-sample.sales.jsonl.gz", 10'960}, {"cdnow-sample.lifecycle.jsonl.gz", 15'832}};
    EventParser parser;
    EventParser second_parser;
    RecordWriter writer;
    for (const auto& [name, count] : files) {
        const std::vector<std::string> lines = lines_of(std::string(UPLINE_TEST_DATA) + "/" + name);
        ASSERT_EQ(lines.size(), count) << name;
        for (const std::string& line : lines) {
            const Result<Event> event = parser.parse(line);
            ASSERT_TRUE(event.ok()) << name << ": " << line << ": " << event.error().message;
            const std::string written = to_json(*event);
            const Result<Event> again = second_parser.parse(written);
            ASSERT_TRUE(again.ok()) << written;
            ASSERT_EQ(describe(*again), describe(*event));
            const DecodedRecord decoded = decode_record(writer.encode(*event));
            ASSERT_EQ(decoded.malformed, nullptr);
            ASSERT_EQ(describe(decoded.event), describe(*event));
        }
    }
}

// ---- One line in detail ----

constexpr std::string_view kId = "0190a0b0-0000-7000-8000-000000000001";

// A line whose payload fields are given, `"type"` among them.
std::string line_with(std::string_view fields) {
    return fmt::format(R"({{"id": "{}", "occurred_at": "2026-01-02T03:04:05.000006Z", {}}})", kId, fields);
}

// A sale with `field` given another value; an empty one leaves it out.
std::string sale_with(std::string_view field = "", std::string_view value = "") {
    std::vector<std::pair<std::string_view, std::string_view>> fields = {
        {"id", R"("0190a0b0-0000-7000-8000-000000000001")"},
        {"type", R"("TransactionRecorded")"},
        {"occurred_at", R"("2026-01-02T03:04:05.000006Z")"},
        {"buyer", R"("0190a0b0-0000-7000-8000-000000000002")"},
        {"amount", R"("11.77")"},
        {"currency", R"("USD")"},
        {"source", R"("platform")"},
        {"stream", R"("subscription_tiers")"}};
    bool replaced = false;
    for (auto& [name, text] : fields) {
        if (name != field) continue;
        text = value;
        replaced = true;
    }
    if (!replaced && !field.empty()) fields.emplace_back(field, value);
    std::string line = "{";
    for (const auto& [name, text] : fields) {
        if (text.empty()) continue;
        if (line.size() > 1) line += ", ";
        line += fmt::format("\"{}\": {}", name, text);
    }
    return line + "}";
}

TEST(Json, ReadsWhatTheLineSays) {
    EXPECT_EQ(described(sale_with()),
              "id=0190a0b0-0000-7000-8000-000000000001\ntype=5\nprogram=default\noccurred_at=1767323045000006\n"
              "buyer=0190a0b0-0000-7000-8000-000000000002\namount=1177\ntax=0\ncurrency=USD\nsource=1\nstream=1\n");
    EXPECT_EQ(described(line_with(R"("type": "WebsiteActivity", "website": "0190A0B0-0000-7000-8000-00000000000F",
                                     "widget": "social_proof", "kind": "click", "visitor": "00000000DEADBEEF")")),
              "id=0190a0b0-0000-7000-8000-000000000001\ntype=4\nprogram=default\noccurred_at=1767323045000006\n"
              "website=0190a0b0-0000-7000-8000-00000000000f\nwidget=5\nkind=3\ncount=1\nvisitor=3735928559\n");
    EXPECT_EQ(described(line_with(R"("type": "PlanPublished", "program": "shop", "level_rates": [2000, -1, 0],
                                     "website_bonus": 500, "creator_share": 5000, "hold_days": 30,
                                     "minimum_payout": "10.005")")),
              "id=0190a0b0-0000-7000-8000-000000000001\ntype=7\nprogram=shop\noccurred_at=1767323045000006\n"
              "level_rates=2000,-1,0\nwebsite_bonus=500\ncreator_share=5000\nhold_days=30\nminimum_payout=100050\n");
}

TEST(Json, KeysMayComeInAnyOrder) {
    const std::string expected = described(sale_with());
    std::vector<std::string> fields = {R"("type": "TransactionRecorded")",
                                       R"("amount": "11.77")",
                                       R"("currency": "USD")",
                                       R"("stream": "subscription_tiers")",
                                       R"("occurred_at": "2026-01-02T03:04:05.000006Z")",
                                       R"("source": "platform")",
                                       R"("buyer": "0190a0b0-0000-7000-8000-000000000002")",
                                       R"("id": "0190a0b0-0000-7000-8000-000000000001")"};
    RandomEvents random(kSeed);
    for (int i = 0; i < 500; ++i) {
        for (size_t at = fields.size() - 1; at > 0; --at) std::swap(fields[at], fields[random.below(at + 1)]);
        ASSERT_EQ(described(fmt::format("{{{}}}", fmt::join(fields, ","))), expected) << "seed " << kSeed;
    }
}

TEST(Json, IsWrittenInTheOrderOfTheSchema) {
    EventParser parser;
    const Result<Event> event = parser.parse(sale_with("program", "\"shop\""));
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(to_json(*event),
              R"({"id": "0190a0b0-0000-7000-8000-000000000001", "type": "TransactionRecorded", "program": "shop", )"
              R"("occurred_at": "2026-01-02T03:04:05.000006Z", "buyer": "0190a0b0-0000-7000-8000-000000000002", )"
              R"("amount": "11.77", "currency": "USD", "source": "platform", "stream": "subscription_tiers"})"
              "\n");
}

TEST(Json, AppendsToWhatIsThere) {
    std::string out = "before";
    append_json_string("a\"b\\c\n\x1f\x7f€", out);
    EXPECT_EQ(out, "before\"a\\\"b\\\\c\\u000a\\u001f\x7f€\"");
}

TEST(Json, QuotesInputInMessagesWithoutCuttingACharacter) {
    EXPECT_EQ(quote_for_message("short"), "\"short\"");
    EXPECT_EQ(quote_for_message(std::string(48, 'x')), "\"" + std::string(48, 'x') + "\"");
    EXPECT_EQ(quote_for_message(std::string(49, 'x')), "\"" + std::string(48, 'x') + "\"...");
    EXPECT_EQ(quote_for_message(std::string(47, 'x') + "€"), "\"" + std::string(47, 'x') + "\"...");
    EXPECT_EQ(quote_for_message(std::string(45, 'x') + "€y"), "\"" + std::string(45, 'x') + "€\"...");
}

TEST(Json, QuotesInputThatIsNoTextAsText) {
    EXPECT_EQ(quote_for_message("M\xfcller"), "\"M\\xfcller\"") << "Latin-1";
    EXPECT_EQ(quote_for_message("\xff" + std::string(48, 'x')), "\"\\xff" + std::string(47, 'x') + "\"...");
    EXPECT_TRUE(is_utf8_without_nul(quote_for_message(std::string(60, '\x80'))));
}

// ---- Wrong lines ----

struct WrongLine {
    std::string line;
    std::string error;
};

void expect_errors(const std::vector<WrongLine>& tests) {
    for (const WrongLine& test : tests) EXPECT_EQ(error_of(test.line), test.error) << test.line;
}

TEST(Json, RefusesWrongMoney) {
    const std::string form = " is not a decimal number (digits, at most one point, no exponent)";
    expect_errors({
        {sale_with("amount", R"("1e3")"), R"(field "amount": "1e3")" + form},
        {sale_with("amount", R"("+1")"), R"(field "amount": "+1")" + form},
        {sale_with("amount", R"("")"), R"(field "amount": "")" + form},
        {sale_with("amount", R"("-0")"), R"(field "amount": "-0" is a zero with a sign)"},
        {sale_with("amount", R"("1.005")"), R"(field "amount": "1.005" has 3 decimals, at most 2 are allowed)"},
        {sale_with("amount", R"("9223372036854775808")"),
         R"(field "amount": "9223372036854775808" is beyond what 64 bits hold)"},
        {sale_with("amount", "11.77"), R"(field "amount": a number, where a decimal string like "11.77" is expected)"},
        {sale_with("amount", "12"), R"(field "amount": a number, where a decimal string like "11.77" is expected)"},
        {sale_with("tax", "0"), R"(field "tax": a number, where a decimal string like "11.77" is expected)"},
        {sale_with("amount"), R"(field "amount": missing)"},
        {sale_with("currency"), R"(field "currency": missing)"},
        {sale_with("currency", R"("usd")"), R"(field "currency": "usd" is no currency of ISO 4217 with a minor unit)"},
        {sale_with("currency", R"("XAU")"), R"(field "currency": "XAU" is no currency of ISO 4217 with a minor unit)"},
        {sale_with("currency", "840"), R"(field "currency": a number, where a currency's code like "USD" is expected)"},
        {line_with(R"("type": "PlanPublished", "level_rates": [1], "website_bonus": 0, "creator_share": 0,
                      "hold_days": 0, "minimum_payout": "0.00001")"),
         R"(field "minimum_payout": "0.00001" has 5 decimals, at most 4 are allowed)"},
        {line_with(R"("type": "PlanPublished", "level_rates": [1], "website_bonus": 0, "creator_share": 0,
                      "hold_days": 0, "minimum_payout": 10)"),
         R"(field "minimum_payout": a number, where a decimal string like "11.77" is expected)"},
    });
}

// The names of all types there are, as an error lists them.
std::string all_types() {
    std::string names;
    for (uint8_t number = 1; number <= kLastEventType; ++number)
        names += fmt::format("{}{}", number == 1 ? "" : ", ", event_type_name(static_cast<EventType>(number)));
    return names;
}

TEST(Json, RefusesWrongHeaders) {
    expect_errors({
        {sale_with("id"), R"(field "id": missing)"},
        {sale_with("id", R"("order 77")"),
         R"(field "id": "order 77" is no UUID; an id of another system is mapped with --ids uuid5)"},
        {sale_with("id", R"("00000000-0000-0000-0000-000000000000")"),
         R"(field "id": "00000000-0000-0000-0000-000000000000" is the nil UUID, which names nothing)"},
        {sale_with("id", "7"), R"(field "id": a number, where a UUID is expected)"},
        {sale_with("type"), R"(field "type": missing)"},
        {sale_with("type", R"("Sale")"), R"(field "type": "Sale" is none of )" + all_types()},
        {sale_with("type", "5"), R"(field "type": a number, where the name of an event type is expected)"},
        {sale_with("program", R"("my shop")"), R"(field "program": "my shop" is not 1 to 64 of a-z 0-9 . _ -)"},
        {sale_with("program", R"("")"), R"(field "program": "" is not 1 to 64 of a-z 0-9 . _ -)"},
        {sale_with("program", "null"),
         R"(field "program": null (leave the field out instead), where a program's name is expected)"},
        {sale_with("occurred_at"), R"(field "occurred_at": missing)"},
        {sale_with("occurred_at", "0"),
         R"(field "occurred_at": a number, where a time like "2026-01-02T03:04:05Z" is expected)"},
        {sale_with("occurred_at", R"("1969-12-31T23:59:59Z")"),
         R"(field "occurred_at": "1969-12-31T23:59:59Z" is before 1970)"},
        {sale_with("occurred_at", R"("1970-01-01T00:00:00Z")"),
         R"(field "occurred_at": the first instant of 1970 is what a clock says that was not set)"},
        {sale_with("occurred_at", R"("2026-01-02T03:04:05")"),
         R"(field "occurred_at": "2026-01-02T03:04:05" is not a time like 2026-01-02T03:04:05Z or )"
         R"(2026-01-02T04:04:05+01:00 (at most 6 decimals))"},
    });
}

TEST(Json, RefusesWrongFields) {
    const auto activity = [](std::string_view field) {
        return line_with(fmt::format(
            R"("type": "WebsiteActivity", "website": "{}", "widget": "none", "kind": "view", {})", kId, field));
    };
    const auto suspended = [](std::string_view reason) {
        return line_with(fmt::format(R"("type": "UserSuspended", "user": "{}", "reason": {})", kId, reason));
    };
    const auto plan = [](std::string_view rates) {
        return line_with(fmt::format(R"("type": "PlanPublished", "level_rates": {}, "website_bonus": 0, )"
                                     R"("creator_share": 0, "hold_days": 0, "minimum_payout": "1")",
                                     rates));
    };
    expect_errors({
        {sale_with("buyer"), R"(field "buyer": missing)"},
        {sale_with("buyer", R"("00000000-0000-0000-0000-000000000000")"),
         R"(field "buyer": "00000000-0000-0000-0000-000000000000" is the nil UUID, which names nothing)"},
        {sale_with("website", R"("")"),
         R"(field "website": "" is no UUID; an id of another system is mapped with --ids uuid5)"},
        {sale_with("creator", "null"),
         R"(field "creator": null (leave the field out instead), where a UUID is expected)"},
        {sale_with("source", R"("Platform")"), R"(field "source": "Platform" is none of platform, website, referral)"},
        {sale_with("source", "0"), R"(field "source": a number, where a name is expected)"},
        {activity(R"("count": 0)"), R"(field "count": 0 of something did not happen)"},
        {activity(R"("count": -1)"), R"(field "count": not in 0 to 4294967295)"},
        {activity(R"("count": 4294967296)"), R"(field "count": not in 0 to 4294967295)"},
        {activity(R"("count": 18446744073709551615)"), R"(field "count": not in 0 to 4294967295)"},
        {activity(R"("count": 1.0)"), R"(field "count": a number, where a whole number is expected)"},
        {activity(R"("count": 1e3)"), R"(field "count": a number, where a whole number is expected)"},
        {activity(R"("count": "1")"), R"(field "count": a string, where a whole number is expected)"},
        {activity(R"("count": true)"), R"(field "count": a boolean, where a whole number is expected)"},
        {activity(R"("visitor": "123")"), R"(field "visitor": "123" is not 16 hex digits)"},
        {activity(R"("visitor": "-123456789abcdef")"), R"(field "visitor": "-123456789abcdef" is not 16 hex digits)"},
        {activity(R"("visitor": "0x12345678abcdef")"), R"(field "visitor": "0x12345678abcdef" is not 16 hex digits)"},
        {activity(R"("visitor": "0000000000000000")"),
         R"(field "visitor": 0 is no visitor (leave the field out instead))"},
        {activity(R"("visitor": 77)"), R"(field "visitor": a number, where 16 hex digits is expected)"},
        {suspended(fmt::format("\"{}\"", std::string(256, 'x'))), R"(field "reason": longer than 255 bytes)"},
        {suspended(R"("a\u0000b")"), R"(field "reason": holds U+0000)"},
        {suspended("{}"), R"(field "reason": an object, where a text is expected)"},
        {plan("[1, 2.5]"), R"(field "level_rates": a number, where a whole number is expected)"},
        {plan("[2147483648]"), R"(field "level_rates": not in -2147483648 to 2147483647)"},
        {plan("2000"), R"(field "level_rates": a number, where a list of whole numbers is expected)"},
        {plan(fmt::format("[{}]", fmt::join(std::vector<int>(8001, 1), ","))),
         R"(field "level_rates": more than 8000 rates)"},
        {line_with(R"("type": "RulesActivated", "version": 65536)"), R"(field "version": not in 0 to 65535)"},
    });
}

TEST(Json, RefusesUnknownAndRepeatedKeys) {
    expect_errors({
        {sale_with("amonut", R"("11.77")"),
         R"(field "amonut": unknown for TransactionRecorded (did you mean "amount"?))"},
        {sale_with("referrer", R"("x")"), R"(field "referrer": unknown for TransactionRecorded)"},
        {sale_with("note", "null"), R"(field "note": unknown for TransactionRecorded)"},
        {sale_with("", ""), "no error"},
        // The misspelt key, not the missing one, is what went wrong.
        {line_with(R"("type": "UserSuspended", "usr": "0190a0b0-0000-7000-8000-000000000001")"),
         R"(field "usr": unknown for UserSuspended (did you mean "user"?))"},
        {line_with(R"("type": "BooksClosed", "id": "0190a0b0-0000-7000-8000-000000000001")"),
         R"(field "id": given more than once)"},
        {line_with(R"("type": "BooksClosed", "period": "a", "period": "a")"),
         R"(field "period": given more than once)"},
        {line_with(R"("type": "BooksClosed", "type": "BooksClosed")"), R"(field "type": given more than once)"},
        // An escaped key is the same key.
        {line_with(R"("type": "BooksClosed", "period": "a", "perio\u0064": "b")"),
         R"(field "period": given more than once)"},
        {line_with(R"("type": "BooksClosed", "": "a")"), R"(field "": unknown for BooksClosed)"},
    });
    std::string many = R"("type": "BooksClosed")";
    for (int i = 0; i < 40; ++i) many += fmt::format(R"(, "k{}": 1)", i);
    EXPECT_EQ(error_of(line_with(many)), "not an event: more than 32 fields");
}

TEST(Json, RefusesWhatIsNoJsonObject) {
    expect_errors({
        {"", "not JSON: nothing there"},
        {"   ", "not JSON: nothing there"},
        {"[]", "not an event: a line holds one JSON object"},
        {"\"text\"", "not an event: a line holds one JSON object"},
        {"null", "not an event: a line holds one JSON object"},
        {"{}", R"(field "type": missing)"},
        {sale_with("amount", "\"\xff\""), "not JSON: not UTF-8"},
        {sale_with("amount", "\"\xed\xa0\x80\""), "not JSON: not UTF-8"},
        {sale_with("amount", "99999999999999999999"), "not JSON: a number that is malformed or beyond 64 bits"},
        {sale_with("amount", "01"), "not JSON: a number that is malformed or beyond 64 bits"},
    });
    const std::string good = sale_with();
    for (const std::string& line :
         {good + good, good + "x", good.substr(0, good.size() - 1), std::string("{\"a\": 1,}"), std::string("{'a': 1}"),
          std::string("{\"a\": NaN}"), std::string("// {}"), std::string("\xef\xbb\xbf") + good,
          sale_with("stream", R"("\ud800")"), std::string(5000, '['), std::string(1, '\0')}) {
        EXPECT_TRUE(error_of(line).starts_with("not JSON: ")) << line << error_of(line);
    }
}

TEST(Json, RefusesALineNoRecordCouldHold) {
    const std::string good = sale_with();
    EXPECT_EQ(error_of(good + std::string(kMaxJsonLineBytes - good.size(), ' ')), "no error");
    EXPECT_EQ(error_of(good + std::string(kMaxJsonLineBytes - good.size() + 1, ' ')),
              "a line of 1048577 bytes, where an event has at most 1048576");
}

TEST(Json, OfAnyCutOrFlippedLineIsRefusedOrGivesARecordThatIsRight) {
    RandomEvents random(kSeed);
    EventParser parser;
    RecordWriter writer;
    for (int i = 0; i < 20 * kLastEventType; ++i) {
        const std::string line = to_json(random.next_of_type(static_cast<uint8_t>(i % kLastEventType + 1)));
        for (size_t at = 0; at < line.size(); ++at) {
            std::string changed = line.substr(0, at);
            if (i % 2 == 0) {
                changed = line;
                changed[at] = static_cast<char>(changed[at] ^ (1 << random.below(8)));
            }
            const Result<Event> event = parser.parse(changed);
            if (!event.ok()) continue;
            const DecodedRecord decoded = decode_record(writer.encode(*event));
            ASSERT_EQ(decoded.malformed, nullptr) << "seed " << kSeed << " " << changed;
            ASSERT_EQ(describe(decoded.event), describe(*event)) << "seed " << kSeed << " " << changed;
        }
    }
}

// ---- Ids that are no UUIDs ----

TEST(Json, MapsOtherIdsToUuid5WhenAsked) {
    const JsonOptions map_ids{.ids = IdForm::kUuid5};
    const std::string line = line_with(R"("type": "WebsiteStatusChanged", "website": "site 7", "status": "draft")");
    EXPECT_EQ(error_of(line),
              R"(field "website": "site 7" is no UUID; an id of another system is mapped with --ids uuid5)");
    EXPECT_EQ(described(line, map_ids),
              "id=0190a0b0-0000-7000-8000-000000000001\ntype=3\nprogram=default\noccurred_at=1767323045000006\n"
              "website=" +
                  to_string(uuid5(kIdNamespace, "website/site 7")) + "\nstatus=1\n");
    EXPECT_EQ(error_of(sale_with("id", R"("00000000-0000-0000-0000-000000000000")"), map_ids),
              R"(field "id": "00000000-0000-0000-0000-000000000000" is the nil UUID, which names nothing)");
    EXPECT_EQ(error_of(sale_with("id", R"("")"), map_ids), R"(field "id": "" is no id)");
    for (const char* blank : {" 7", "7 ", "7\\n", "\u00a07", "\u00e9\u3000", "\ufeff7", "\u202f7"})
        EXPECT_NE(error_of(sale_with("id", fmt::format("\"{}\"", blank)), map_ids)
                      .find("begins or ends with a blank, which makes it another id"),
                  std::string::npos)
            << blank;
    EXPECT_EQ(described(sale_with("id", "\"7 8\""), map_ids).substr(0, 39),
              "id=" + to_string(uuid5(kIdNamespace, "transaction/7 8")));
    EXPECT_EQ(described(sale_with("id", "\"order-77\""), map_ids).substr(0, 39),
              "id=" + to_string(uuid5(kIdNamespace, "transaction/order-77")));
}

}  // namespace
}  // namespace upline
