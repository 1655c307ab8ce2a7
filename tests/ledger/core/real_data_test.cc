// SPDX-License-Identifier: Apache-2.0
// The inputs of tests/data through the core, against results that another program worked out.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <zlib.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "events/json_reader.h"
#include "events/log/event_log.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline {
namespace {

constexpr char kData[] = UPLINE_TEST_DATA;
const int64_t kAppendTimeMs = *parse_time("2026-02-01T00:00:00Z") / 1000;

std::string read_gz(const std::string& path) {
    gzFile file = gzopen(path.c_str(), "rb");
    UPLINE_CHECK(file != nullptr, "the test data is there");
    std::string text;
    std::vector<char> buffer(1 << 16);
    for (int n; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
        text.append(buffer.data(), static_cast<size_t>(n));
    gzclose(file);
    return text;
}

std::string read_file(const std::string& path) {
    std::ifstream in(path);
    UPLINE_CHECK(in.good(), "the test data is there");
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

// Records with their inputs, which point into them.
struct Records {
    RecordBatch batch;
    std::vector<Input> inputs;

    explicit Records(const std::vector<std::string>& lines) {
        EventParser parser;
        RecordWriter writer;
        for (const std::string& line : lines) {
            Result<Event> event = parser.parse(line);
            UPLINE_CHECK(event.ok(), "every line of the test data is an event");
            batch.append(static_cast<Offset>(batch.size()), kAppendTimeMs, writer.encode(*event));
        }
        for (const Record& record : batch.records()) inputs.push_back(read_input(record.value, record.append_time_ms));
    }
};

std::vector<std::string> outcomes_of(const testing::MemoryShard& shard) {
    std::vector<std::string> outcomes;
    Entry entry;
    for (size_t i = 0; i < shard.entries().size(); ++i) {
        EXPECT_TRUE(decode_entry(shard.entries()[i], entry).ok());
        outcomes.emplace_back(outcome_name(entry.outcome));
    }
    return outcomes;
}

// "program user currency" -> "pending available reserved paid", and "program/currency" -> house, as the files have
// them: what is all zero is left out.
struct Money {
    std::map<std::string, std::string> balances;
    std::map<std::string, int64_t> house;
    std::map<std::string, int64_t> tax;

    void add_balance(std::string_view program, std::string_view user, std::string_view currency, int64_t pending,
                     int64_t available, int64_t reserved, int64_t paid) {
        if (pending == 0 && available == 0 && reserved == 0 && paid == 0) return;
        balances[fmt::format("{} {} {}", program, user, currency)] =
            fmt::format("pending {} available {} reserved {} paid {}", pending, available, reserved, paid);
    }
};

Money money_of(const State& state) {
    Money money;
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        const User user = state.users()[account.user];
        money.add_balance(state.programs()[user.program].name(), to_string(user.id), account.currency.text(),
                          account.pending, account.available, account.reserved, account.paid);
    }
    for (size_t i = 0; i < state.books().size(); ++i) {
        const Book& book = state.books()[i];
        const std::string key = fmt::format("{}/{}", state.programs()[book.program].name(), book.currency.text());
        if (book.house != 0) money.house[key] = book.house;
        if (book.tax != 0) money.tax[key] = book.tax;
    }
    return money;
}

struct Expected {
    Money money;
    int64_t events = 0;
    std::map<std::string, int64_t> outcomes;
    int64_t clock_us = 0;
};

Expected read_expected(const std::string& path) {
    Expected expected;
    simdjson::dom::parser parser;
    const auto numbers = [](simdjson::dom::object object, std::map<std::string, int64_t>& out) {
        for (const auto field : object) out[std::string(field.key)] = field.value.get_int64();
    };
    for (const std::string& line : lines_of(read_file(path))) {
        simdjson::dom::object row = parser.parse(line);
        if (row["events"].error() == simdjson::SUCCESS) {
            expected.events = row["events"].get_int64();
            expected.clock_us = row["clock"].get_int64();
            numbers(row["outcomes"], expected.outcomes);
            numbers(row["house"], expected.money.house);
            if (row["tax"].error() == simdjson::SUCCESS) numbers(row["tax"], expected.money.tax);
            continue;
        }
        expected.money.add_balance(row["program"].get_string(), row["user"].get_string(), row["currency"].get_string(),
                                   row["pending"].get_int64(), row["available"].get_int64(),
                                   row["reserved"].get_int64(), row["paid"].get_int64());
    }
    return expected;
}

void expect_money(const testing::MemoryShard& shard, const Expected& expected) {
    const Money money = money_of(shard.state());
    EXPECT_EQ(money.balances, expected.money.balances);
    EXPECT_EQ(money.house, expected.money.house);
    EXPECT_EQ(money.tax, expected.money.tax);
    EXPECT_EQ(shard.state().clock_us(), expected.clock_us);
    EXPECT_EQ(static_cast<int64_t>(shard.state().size()), expected.events);
    std::map<std::string, int64_t> outcomes;
    for (const std::string& outcome : outcomes_of(shard)) ++outcomes[outcome];
    EXPECT_EQ(outcomes, expected.outcomes);
}

// A file of tests/data, with how many balances its expected results must hold, so that an unread file is seen.
struct Sample {
    const char* name;
    bool packed;
    size_t balances;
    std::vector<std::string> lines() const {
        const std::string path = fmt::format("{}/{}.jsonl", kData, name);
        return lines_of(packed ? read_gz(path + ".gz") : read_file(path));
    }
    Expected expected() const { return read_expected(fmt::format("{}/{}.expected.jsonl", kData, name)); }
};
constexpr Sample kSamples[] = {
    {"cdnow-sample.sales", true, 682}, {"cdnow-sample.lifecycle", true, 679}, {"edge", false, 24}};

TEST(RealData, EveryExpectedBalanceHouseTaxClockAndOutcome) {
    for (const Sample& sample : kSamples) {
        SCOPED_TRACE(sample.name);
        const Records records(sample.lines());
        const Expected expected = sample.expected();
        EXPECT_EQ(expected.money.balances.size(), sample.balances) << "the expected file was read";
        testing::MemoryShard shard;
        shard.apply_in_batches(records.inputs, 1000);
        expect_money(shard, expected);
    }
}

TEST(RealData, TheSameEntriesAndStateInBatchesOfAnySize) {
    for (const Sample& sample : kSamples) {
        const Records records(sample.lines());
        testing::MemoryShard one;
        one.apply_in_batches(records.inputs, 1);
        for (const size_t batch_size : {size_t{7}, size_t{1000}, size_t{65'536}}) {
            testing::MemoryShard shard;
            shard.apply_in_batches(records.inputs, batch_size);
            EXPECT_TRUE(shard.entries().bytes() == one.entries().bytes())
                << sample.name << " in batches of " << batch_size;
            EXPECT_TRUE(testing::dump(shard.state()) == testing::dump(one.state()))
                << sample.name << " in batches of " << batch_size;
        }
    }
}

// What matures is moved as late as can be: only where an outcome hangs on it, and at the end.
TEST(RealData, TheSameEntriesAndStateWhenNothingIsMovedBetweenBatches) {
    for (const Sample& sample : kSamples) {
        const Records records(sample.lines());
        testing::MemoryShard eager;
        eager.apply_in_batches(records.inputs, 1);
        testing::MemoryShard lazy;
        lazy.apply(records.inputs);
        lazy.mature();
        EXPECT_TRUE(lazy.entries().bytes() == eager.entries().bytes()) << sample.name;
        EXPECT_TRUE(testing::dump(lazy.state()) == testing::dump(eager.state())) << sample.name;
    }
}

TEST(RealData, EveryLineOfTheEdgeFileHasItsOutcome) {
    const Records records(kSamples[2].lines());
    testing::MemoryShard shard;
    shard.apply_in_batches(records.inputs, 10);
    const std::vector<std::string> outcomes = outcomes_of(shard);
    const std::vector<std::string> expected = lines_of(read_file(fmt::format("{}/edge.outcomes.txt", kData)));
    ASSERT_EQ(outcomes.size(), 91U);
    ASSERT_EQ(expected.size(), 91U);
    for (size_t i = 0; i < outcomes.size(); ++i) {
        std::istringstream in(expected[i]);
        size_t number = 0;
        std::string outcome;
        in >> number >> outcome;
        EXPECT_EQ(number, i);
        EXPECT_EQ(outcomes[i], outcome) << "line " << expected[i];
    }
}

}  // namespace
}  // namespace upline
