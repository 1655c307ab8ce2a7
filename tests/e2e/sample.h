// SPDX-License-Identifier: Apache-2.0
// For tests: events as JSON Lines, the real sales sample and made-up communities, and the balances that are expected.
#pragma once

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/check.h"
#include "events/values/time.h"

namespace upline::testing {

using Lines = std::vector<std::string>;

inline Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

// Also of a file that is not compressed.
inline Lines lines_of_file(const std::string& name) {
    gzFile file = gzopen(fmt::format("{}/{}", UPLINE_TEST_DATA, name).c_str(), "rb");
    UPLINE_CHECK(file != nullptr, "the test data is there");
    std::string text;
    std::vector<char> buffer(1 << 16);
    for (int n; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
        text.append(buffer.data(), static_cast<size_t>(n));
    gzclose(file);
    return lines_of(text);
}

inline Lines sales_sample() {
    return lines_of_file("cdnow-sample.sales.jsonl.gz");
}

// A file of the real input with its expected results, and how many balances those are.
struct Sample {
    const char* name;
    const char* file;
    size_t balances;
    Lines lines() const { return lines_of_file(file); }
    Lines expected() const { return lines_of_file(fmt::format("{}.expected.jsonl", name)); }
};
inline constexpr Sample kSamples[] = {{"cdnow-sample.sales", "cdnow-sample.sales.jsonl.gz", 682},
                                      {"cdnow-sample.lifecycle", "cdnow-sample.lifecycle.jsonl.gz", 679},
                                      {"edge", "edge.jsonl", 24}};

// A community: people who refer each other, sites, what happens on them, sales in three currencies over four months, so
// that much matures; a few events that are refused. No two programs' ids are the same.
inline Lines make_community(std::string_view program, size_t events, uint64_t seed) {
    std::mt19937_64 random(seed ^ std::hash<std::string_view>{}(program));
    const auto below = [&random](size_t bound) { return static_cast<size_t>(random() % bound); };
    const auto new_id = [&] {
        return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", random() >> 32, random() >> 48, random() >> 52,
                           random() >> 52, random() >> 16);
    };
    Lines users;
    Lines sites;
    Lines lines;
    int64_t time_us = *parse_time("2025-06-01T00:00:00Z");
    while (lines.size() < events) {
        time_us += static_cast<int64_t>(below(2 * 120 * kUsPerDay / events));
        const std::string id = new_id();
        std::string fields;
        const size_t kind = lines.size() < 3 ? 0 : below(10);
        if (kind < 2 || users.empty()) {
            fields = R"("type": "UserSignedUp")";
            if (!users.empty())
                fields += fmt::format(R"(, "referrer": "{}")", below(50) == 0 ? id : users[below(users.size())]);
            users.push_back(id);
        } else if (kind == 2 || sites.empty()) {
            fields = fmt::format(R"("type": "WebsiteCreated", "owner": "{}", "template": "plain")",
                                 users[below(users.size())]);
            sites.push_back(id);
        } else if (kind == 3) {
            fields = fmt::format(R"("type": "WebsiteStatusChanged", "website": "{}", "status": "published")",
                                 sites[below(sites.size())]);
        } else if (kind < 6) {
            fields = fmt::format(R"("type": "WebsiteActivity", "website": "{}", "widget": "none", "kind": "view", )"
                                 R"("count": {}, "visitor": "{:016x}")",
                                 sites[below(sites.size())], 1 + below(5), 1 + below(500));
        } else {
            static constexpr std::string_view kMoney[] = {"29.99\", \"currency\": \"USD", "7.50\", \"currency\": \"EUR",
                                                          "1250\", \"currency\": \"JPY"};
            fields =
                fmt::format(R"("type": "TransactionRecorded", "buyer": "{}", "amount": "{}", "source": "platform", )"
                            R"("stream": "api_usage_fees")",
                            users[below(users.size())], kMoney[below(3)]);
            if (below(2) == 0) fields += fmt::format(R"(, "website": "{}")", sites[below(sites.size())]);
            if (below(4) == 0) fields += fmt::format(R"(, "creator": "{}")", users[below(users.size())]);
        }
        lines.push_back(fmt::format(R"({{"id": "{}", "program": "{}", "occurred_at": "{}", {}}})", id, program,
                                    format_time(time_us), fields));
    }
    return lines;
}

// The same with the books of `program` closed now and then, once a day at most.
inline Lines with_closings(Lines lines, std::string_view program, size_t every = 40) {
    Lines all;
    for (size_t i = 0; i < lines.size(); ++i) {
        const size_t at = lines[i].find("\"occurred_at\": \"");
        const std::string time =
            at == std::string::npos ? "" : lines[i].substr(at + 16, lines[i].find('"', at + 16) - at - 16);
        all.push_back(std::move(lines[i]));
        if (i % every == every - 1 && !time.empty())
            all.push_back(
                fmt::format(R"({{"id": "c105ed00-0000-4000-8000-{:012x}", "program": "{}", "occurred_at": "{}", )"
                            R"("type": "BooksClosed"}})",
                            i, program, time));
    }
    return all;
}

// Several lists shuffled into one, each list in its order.
inline Lines interleave(const std::vector<Lines>& lists, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<size_t> at(lists.size(), 0);
    std::vector<size_t> turns;
    for (size_t i = 0; i < lists.size(); ++i) turns.insert(turns.end(), lists[i].size(), i);
    std::shuffle(turns.begin(), turns.end(), random);
    Lines all;
    for (const size_t i : turns) all.push_back(lists[i][at[i]++]);
    return all;
}

struct Balance {
    int64_t pending = 0;
    int64_t available = 0;
    int64_t reserved = 0;
    int64_t paid = 0;
    friend bool operator==(const Balance&, const Balance&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Balance& b) {
        return out << fmt::format("{} {} {} {}", b.pending, b.available, b.reserved, b.paid);
    }
};
using Balances = std::map<std::string, Balance>;

// By "program user currency", from rows as `export balances` prints them.
inline Balances balances_of(const Lines& rows) {
    Balances balances;
    simdjson::dom::parser parser;
    for (const std::string& row : rows) {
        const simdjson::dom::object object = parser.parse(row);
        if (object["user"].error() != simdjson::SUCCESS) continue;  // the last line of an expected file counts outcomes
        const auto text = [&](const char* name) { return std::string(std::string_view(object[name])); };
        const auto number = [&](const char* name) { return int64_t{object[name]}; };
        balances[fmt::format("{} {} {}", text("program"), text("user"), text("currency"))] = {
            number("pending"), number("available"), number("reserved"), number("paid")};
    }
    return balances;
}

// By outcome, from the line that closes an expected file.
inline std::map<std::string, int64_t> outcomes_of(const Lines& expected) {
    std::map<std::string, int64_t> outcomes;
    simdjson::dom::parser parser;
    const simdjson::dom::object counts = parser.parse(expected.back())["outcomes"];
    for (const auto outcome : counts) outcomes[std::string(outcome.key)] = int64_t{outcome.value};
    return outcomes;
}

}  // namespace upline::testing
