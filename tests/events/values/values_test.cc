// SPDX-License-Identifier: Apache-2.0
// The values events are made of: currencies, UUIDs, money, times, texts.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <limits>
#include <map>
#include <random>

#include "events/base/text.h"
#include "events/event.h"
#include "events/json_reader.h"
#include "events/values/currency.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "events/values/uuid.h"

namespace upline {
namespace {

constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

// ---- Currency ----

TEST(Currency, TableIsTheListOfAmendment180AndWhatHasGoneSince1999) {
    std::map<int, int> codes_by_exponent;
    uint64_t fingerprint = 14695981039346656037U;  // FNV-1a over code and exponent of all, in order
    for (char a = 'A'; a <= 'Z'; ++a) {
        for (char b = 'A'; b <= 'Z'; ++b) {
            for (char c = 'A'; c <= 'Z'; ++c) {
                const std::string code = {a, b, c};
                const std::optional<Currency> currency = parse_currency(code);
                if (!currency) continue;
                EXPECT_EQ(currency->text(), code);
                ++codes_by_exponent[currency_exponent(*currency)];
                for (const char byte : code + std::to_string(currency_exponent(*currency))) {
                    fingerprint = (fingerprint ^ static_cast<uint8_t>(byte)) * 1099511628211U;
                }
            }
        }
    }
    EXPECT_EQ(codes_by_exponent, (std::map<int, int>{{0, 30}, {2, 179}, {3, 7}, {4, 2}}));
    EXPECT_EQ(fingerprint, 4691286421941656130U);  // computed from the published lists
}

TEST(Currency, ExponentsAreThoseOfTheStandard) {
    const std::map<std::string_view, int> exponents = {{"JPY", 0}, {"VND", 0}, {"USD", 2}, {"XCG", 2}, {"CHE", 2},
                                                       {"MXV", 2}, {"KWD", 3}, {"TND", 3}, {"CLF", 4}, {"UYW", 4},
                                                       {"HRK", 2}, {"BGN", 2}, {"DEM", 2}, {"ITL", 0}, {"BYR", 0}};
    for (const auto& [code, exponent] : exponents) EXPECT_EQ(currency_exponent(parse_currency(code).value()), exponent);
}

TEST(Currency, RefusesWhatHasNoMinorUnitOrIsNoCode) {
    for (const std::string_view text :
         {"XAU", "XAG", "XPD", "XPT", "XDR", "XSU", "XUA",  "XBA", "XBB", "XBC",          "XBD",    "XTS", "XXX",
          "XFO", "XFU", "DDM", "usd", "Usd", "US",  "USDX", "",    "U D", "\xff\xff\xff", "AA\xc3", "ZZZ", "AAA"}) {
        EXPECT_FALSE(parse_currency(text)) << text;
    }
    EXPECT_FALSE(parse_currency(std::string_view("\0\0\0", 3)));
}

TEST(Currency, OrderOfPackedCodesIsThatOfLetters) {
    EXPECT_LT(parse_currency("AED")->packed(), parse_currency("USD")->packed());
    EXPECT_LT(parse_currency("USD")->packed(), parse_currency("USN")->packed());
    EXPECT_LT(*parse_currency("USD"), *parse_currency("USN"));
}

// ---- Uuid ----

TEST(Uuid, NameBasedOnesAreThoseOfTheStandard) {
    const Uuid dns = parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8").value();
    EXPECT_EQ(to_string(uuid5(dns, "www.example.com")), "2ed6657d-e927-568b-95e1-2665a8aea6a2");  // RFC 9562, A.4
    EXPECT_EQ(uuid5(dns, "ids.upline"), kIdNamespace);
    EXPECT_NE(uuid5(dns, std::string_view("a\0b", 3)), uuid5(dns, "a"));
}

TEST(Uuid, TextGoesThereAndBack) {
    std::mt19937_64 random(20260101);
    for (int i = 0; i < 10'000; ++i) {
        Uuid id;
        for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random());
        const std::string text = to_string(id);
        ASSERT_EQ(parse_uuid(text), id) << text;
        std::string upper = text;
        for (char& c : upper) c = static_cast<char>(std::toupper(c));
        ASSERT_EQ(parse_uuid(upper), id) << upper;
    }
    EXPECT_TRUE(parse_uuid("00000000-0000-0000-0000-000000000000")->is_nil());
}

TEST(Uuid, EveryOtherCharacterAnywhereIsRefused) {
    const std::string good = "6507d976-006e-58ed-b3f9-2e23cb4719e8";
    for (size_t at = 0; at < good.size(); ++at) {
        for (int c = 0; c < 256; ++c) {
            std::string text = good;
            text[at] = static_cast<char>(c);
            const bool fits = good[at] == '-' ? c == '-' : c < 128 && std::isxdigit(c) != 0;
            ASSERT_EQ(parse_uuid(text).has_value(), fits) << text;
        }
    }
    for (size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parse_uuid(good.substr(0, length)));
    EXPECT_FALSE(parse_uuid(good + "0"));
    EXPECT_FALSE(parse_uuid("{" + good + "}"));
    EXPECT_FALSE(parse_uuid("6507d976006e58edb3f92e23cb4719e8"));
}

// ---- Money ----

TEST(Money, TextGoesThereAndBack) {
    std::mt19937_64 random(20260102);
    std::vector<int64_t> values = {0, 1, -1, 9, 10, -10, 99, 100, 12345, kLeast, kLeast + 1, kMax, kMax - 1};
    for (int i = 0; i < 2000; ++i) values.push_back(static_cast<int64_t>(random()) >> (i % 64));
    for (const int64_t value : values) {
        for (int decimals = 0; decimals <= 4; ++decimals) {
            const std::string text = format_decimal(value, decimals);
            const Result<int64_t> parsed = parse_decimal(text, decimals);
            ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.error().message;
            ASSERT_EQ(*parsed, value) << text;
        }
    }
}

TEST(Money, FewerDecimalsMeanTheSame) {
    EXPECT_EQ(*parse_decimal("11.7", 2), 1170);
    EXPECT_EQ(*parse_decimal("11", 2), 1100);
    EXPECT_EQ(*parse_decimal("-0.5", 4), -5000);
    EXPECT_EQ(*parse_decimal("0", 0), 0);
    EXPECT_EQ(format_decimal(1170, 2), "11.70");
    EXPECT_EQ(format_decimal(-5, 3), "-0.005");
    EXPECT_EQ(format_decimal(7, 0), "7");
    EXPECT_EQ(format_amount(10005, *parse_currency("KWD")), "10.005");
    EXPECT_EQ(format_amount(999, *parse_currency("JPY")), "999");
    EXPECT_EQ(format_decimal(kLeast, 2), "-92233720368547758.08");
}

TEST(Money, ParsesToTheEndsOf64BitsAndNoFurther) {
    EXPECT_EQ(*parse_decimal("9223372036854775807", 0), kMax);
    EXPECT_EQ(*parse_decimal("-9223372036854775808", 0), kLeast);
    EXPECT_EQ(*parse_decimal("92233720368547758.07", 2), kMax);
    for (const auto& [text, decimals] : std::vector<std::pair<std::string, int>>{{"9223372036854775808", 0},
                                                                                 {"-9223372036854775809", 0},
                                                                                 {"92233720368547758.08", 2},
                                                                                 {"9223372036854775808", 2},
                                                                                 {"18446744073709551616", 0},
                                                                                 {std::string(400, '9'), 2}}) {
        const Result<int64_t> parsed = parse_decimal(text, decimals);
        ASSERT_FALSE(parsed.ok()) << text;
        EXPECT_TRUE(parsed.error().message.ends_with(" is beyond what 64 bits hold")) << parsed.error().message;
    }
}

TEST(Money, RefusesEveryOtherForm) {
    for (const std::string_view text :
         {"",   "-",   "+1",   "1e3",   "1E3",   "0x1", " 1",  "1 ",  "1.", ".5",  "-.5", "01",
          "00", "-01", "1,00", "1_000", "1.5.0", "--1", "NaN", "inf", "١",  "1\n", "1.0-"}) {
        const Result<int64_t> parsed = parse_decimal(text, 2);
        ASSERT_FALSE(parsed.ok()) << text;
        EXPECT_TRUE(
            parsed.error().message.ends_with(" is not a decimal number (digits, at most one point, no exponent)"))
            << parsed.error().message;
    }
    EXPECT_FALSE(parse_decimal(std::string_view("1\0", 2), 2).ok());
    for (const std::string_view text : {"-0", "-0.0", "-0.00"}) {
        EXPECT_TRUE(parse_decimal(text, 2).error().message.ends_with(" is a zero with a sign")) << text;
    }
    EXPECT_EQ(parse_decimal("1.005", 2).error().message, "\"1.005\" has 3 decimals, at most 2 are allowed");
    EXPECT_EQ(parse_decimal("1.0", 0).error().message, "\"1.0\" has 1 decimals, at most 0 are allowed");
}

// ---- Time ----

TEST(Time, TextGoesThereAndBack) {
    std::mt19937_64 random(20260103);
    for (int i = 0; i < 20'000; ++i) {
        int64_t us = static_cast<int64_t>(random() % (static_cast<uint64_t>(kMaxTimeUs) + 1));
        if (i % 3 == 1) us -= us % 1000;
        if (i % 3 == 2) us -= us % kUsPerSecond;
        const std::string text = format_time(us);
        const Result<int64_t> parsed = parse_time(text);
        ASSERT_TRUE(parsed.ok()) << text;
        ASSERT_EQ(*parsed, us) << text;
        ASSERT_EQ(text.substr(0, 10), format_day(us / kUsPerDay));
    }
}

TEST(Time, ConsecutiveDaysAreOneDayApart) {
    std::string before = format_day(-1);
    EXPECT_EQ(before, "1969-12-31");
    for (int64_t day = 0; day <= kMaxTimeUs / kUsPerDay; ++day) {
        const std::string text = format_day(day);
        ASSERT_LT(before, text);
        ASSERT_EQ(*parse_time(text + "T00:00:00Z"), day * kUsPerDay);
        before = text;
    }
    EXPECT_EQ(before, "9999-12-31");
}

TEST(Time, KnownMoments) {
    EXPECT_EQ(*parse_time("1970-01-01T00:00:00Z"), 0);
    EXPECT_EQ(*parse_time("2000-02-29T12:34:56.7Z"), 951'827'696'700'000);
    EXPECT_EQ(*parse_time("9999-12-31T23:59:59.999999Z"), kMaxTimeUs);
    EXPECT_EQ(format_time(951'827'696'700'000), "2000-02-29T12:34:56.700Z");
    EXPECT_EQ(format_time(1), "1970-01-01T00:00:00.000001Z");
    EXPECT_EQ(format_time(0), "1970-01-01T00:00:00Z");
}

TEST(Time, OfAnotherZoneIsTheSameMomentInUtc) {
    const std::map<std::string_view, std::string_view> moments = {
        {"2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z"},
        {"2026-01-02T03:04:05-00:00", "2026-01-02T03:04:05Z"},
        {"2026-01-02T03:04:05.25+05:30", "2026-01-01T21:34:05.250Z"},
        {"2026-01-02T03:04:05.000001-08:00", "2026-01-02T11:04:05.000001Z"},
        {"2024-02-28T23:30:00-01:00", "2024-02-29T00:30:00Z"},
        {"1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00Z"},
        {"9999-12-31T23:59:59.999999+00:00", "9999-12-31T23:59:59.999999Z"},
    };
    for (const auto& [text, utc] : moments) EXPECT_EQ(format_time(*parse_time(text)), utc) << text;
}

TEST(Time, RefusesWithTheReason) {
    const std::map<std::string_view, std::string_view> reasons = {
        {"2026-02-29T00:00:00Z", "\"2026-02-29T00:00:00Z\" is no day of the calendar"},
        {"2100-02-29T00:00:00Z", "\"2100-02-29T00:00:00Z\" is no day of the calendar"},
        {"2026-13-01T00:00:00Z", "\"2026-13-01T00:00:00Z\" is no day of the calendar"},
        {"2026-00-01T00:00:00Z", "\"2026-00-01T00:00:00Z\" is no day of the calendar"},
        {"2026-01-00T00:00:00Z", "\"2026-01-00T00:00:00Z\" is no day of the calendar"},
        {"2026-01-01T24:00:00Z", "\"2026-01-01T24:00:00Z\" is no time of a day (leap seconds are not counted)"},
        {"2026-01-01T00:60:00Z", "\"2026-01-01T00:60:00Z\" is no time of a day (leap seconds are not counted)"},
        {"2016-12-31T23:59:60Z", "\"2016-12-31T23:59:60Z\" is no time of a day (leap seconds are not counted)"},
        {"1969-12-31T23:59:59Z", "\"1969-12-31T23:59:59Z\" is before 1970"},
        {"1970-01-01T00:59:59+01:00", "\"1970-01-01T00:59:59+01:00\" is before 1970"},
        {"9999-12-31T23:59:59-00:01", "\"9999-12-31T23:59:59-00:01\" is after 9999"},
        {"2026-01-01T00:00:00+24:00", "\"2026-01-01T00:00:00+24:00\" has no offset from UTC that there is"},
        {"2026-01-01T00:00:00+00:60", "\"2026-01-01T00:00:00+00:60\" has no offset from UTC that there is"},
    };
    for (const auto& [text, reason] : reasons) {
        ASSERT_FALSE(parse_time(text).ok()) << text;
        EXPECT_EQ(parse_time(text).error().message, reason);
    }
    for (const std::string_view text : {"",
                                        "2026-01-01",
                                        "2026-01-01T00:00:00",
                                        "2026-01-01T00:00:00+0000",
                                        "2026-01-01T00:00:00+00",
                                        "2026-01-01T00:00:00 +00:00",
                                        "2026-01-01T00:00:00Z+00:00",
                                        "2026-01-01T00:00:00Z01:00",
                                        "2026-01-01T00:00:00.5Z08:00",
                                        "2026-01-01T00:00:00*00:00",
                                        "2026-01-01 00:00:00Z",
                                        "2026-01-01t00:00:00z",
                                        "2026-01-01T00:00:00.Z",
                                        "2026-01-01T00:00:00.1234567Z",
                                        "2026-01-01T00:00:00.12x4Z",
                                        "2026-1-01T00:00:00Z",
                                        "02026-01-01T00:00:00Z",
                                        "10000-01-01T00:00:00Z",
                                        "-026-01-01T00:00:00Z",
                                        "2026-01-01T00:00:00ZZ",
                                        "2026-01-01T00:00Z",
                                        "Z"}) {
        ASSERT_FALSE(parse_time(text).ok()) << text;
        EXPECT_TRUE(parse_time(text).error().message.ends_with(
            " is not a time like 2026-01-02T03:04:05Z or 2026-01-02T04:04:05+01:00 (at most 6 decimals)"));
    }
}

// ---- Texts and names ----

TEST(Text, IsExactlyUtf8WithoutNul) {
    // Every text of up to three bytes, alone and behind ASCII that the fast path takes in; of four bytes those with a
    // lead and borders where the ranges end.
    const auto check = [](const std::string& text) {
        const bool expected = simdjson::validate_utf8(text) && text.find('\0') == std::string::npos;
        ASSERT_EQ(is_event_text(text), expected) << quote_for_message(text);
        ASSERT_EQ(is_event_text("eight or more " + text), expected) << quote_for_message(text);
        ASSERT_EQ(is_event_text(text + " and as many after"), expected) << quote_for_message(text);
    };
    const std::vector<int> borders = {0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (int a = 0; a < 256; ++a) {
        check({static_cast<char>(a)});
        for (int b = 0; b < 256; ++b) {
            check({static_cast<char>(a), static_cast<char>(b)});
            for (const int c : borders) {
                check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)});
                if (a < 0xe0) continue;
                for (const int d : borders) {
                    check({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)});
                }
            }
        }
    }
}

TEST(Text, NulIsFoundAtEveryPlace) {
    for (size_t at = 0; at < 40; ++at) {
        std::string text(40, 'x');
        EXPECT_TRUE(is_event_text(text));
        text[at] = '\0';
        EXPECT_FALSE(is_event_text(text)) << at;
    }
}

TEST(Text, HasAtMost255Bytes) {
    EXPECT_TRUE(is_event_text(""));
    EXPECT_TRUE(is_event_text(std::string(255, 'x')));
    EXPECT_FALSE(is_event_text(std::string(256, 'x')));
}

TEST(ProgramName, Is1To64OfItsCharacters) {
    for (int c = 0; c < 256; ++c) {
        const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        EXPECT_EQ(is_program_name(std::string(1, static_cast<char>(c))), allowed) << c;
    }
    EXPECT_FALSE(is_program_name(""));
    EXPECT_TRUE(is_program_name(std::string(64, 'a')));
    EXPECT_FALSE(is_program_name(std::string(65, 'a')));
}

TEST(EventType, NamesAndNumbersBelongTogether) {
    for (uint8_t number = 1; number <= kLastEventType; ++number) {
        const auto type = static_cast<EventType>(number);
        EXPECT_EQ(parse_event_type(event_type_name(type)), type);
    }
    EXPECT_EQ(event_type_name(EventType::kTransactionRecorded), "TransactionRecorded");
    EXPECT_EQ(event_type_name(EventType::kRulesActivated), "RulesActivated");
    EXPECT_FALSE(parse_event_type("transactionrecorded"));
    EXPECT_FALSE(parse_event_type(""));
}

}  // namespace
}  // namespace upline
