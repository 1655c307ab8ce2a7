// SPDX-License-Identifier: Apache-2.0
// The whole path through the program, on real input: one ledger whatever the batches, and whatever kind of log the
// events came through. Compiled a second time with UPLINE_TEST_ON_KAFKA, for what needs a broker.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/consumers/ledger_view.h"
#include "tests/e2e/program.h"
#include "tests/e2e/sample.h"
#include "tests/events/log/log_harness.h"

namespace upline::testing {
namespace {

LedgerView view_of(const std::string& data, uint32_t partition = 0) {
    Result<LedgerView> view = view_ledger(data, partition);
    if (view.ok()) return std::move(*view);
    ADD_FAILURE() << view.error().message;
    return {};
}

Balances exported_balances(const std::string& data) {
    const Ran exported = run_program({"export", "balances", "--data", data, "--format", "jsonl"});
    EXPECT_EQ(exported.exit_code, 0) << exported.err;
    return balances_of(lines_of(exported.out));
}

std::map<std::string, int64_t> exported_outcomes(const std::string& data) {
    const Ran exported = run_program({"export", "entries", "--data", data, "--format", "jsonl"});
    EXPECT_EQ(exported.exit_code, 0) << exported.err;
    std::map<std::string, int64_t> outcomes;
    simdjson::dom::parser parser;
    for (const std::string& row : lines_of(exported.out))
        ++outcomes[std::string(std::string_view(parser.parse(row)["outcome"]))];
    return outcomes;
}

// Communities whose programs spread over four partitions, and those of edge.jsonl.
Lines lines_of_many_programs() {
    std::vector<Lines> lists = {lines_of_file("edge.jsonl")};
    for (int i = 0; i < 12; ++i)
        lists.push_back(
            with_closings(make_community(fmt::format("community-{}", i), 300, 4), fmt::format("community-{}", i)));
    return interleave(lists, 4);
}

class WholePath : public ::testing::Test {
  protected:
    std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_.path(), name); }
    void feed(const std::string& url, const std::string& data, const char* batch = "65536") {
        ASSERT_RUNS({"run", "--log", url, "--data", data, "--once", "--batch", batch}, {"UPLINE_STATE_INTERVAL=1000"});
    }
    TemporaryFolder folder_;
};

#ifndef UPLINE_TEST_ON_KAFKA

TEST_F(WholePath, GivesTheSameLedgerInBatchesOfAnySize) {
    const std::string url = "file:" + path("log");
    ASSERT_EQ(
        produce(url, interleave({sales_sample(), with_closings(make_community("community", 3000, 5), "community")}, 5))
            .exit_code,
        0);
    feed(url, path("all"));
    const LedgerView expected = view_of(path("all"));
    EXPECT_EQ(expected.size, 14'035U);
    EXPECT_EQ(expected.root, expected.root_of_entries);
    for (const char* batch : {"7", "1000"}) {
        feed(url, path(batch), batch);
        EXPECT_EQ(view_of(path(batch)), expected) << batch;
    }
}

TEST_F(WholePath, GivesTheSameLedgerEventByEvent) {
    const std::string url = "file:" + path("log");
    ASSERT_EQ(
        produce(url, interleave({make_community("community", 1000, 6), lines_of_file("edge.jsonl")}, 6)).exit_code, 0);
    feed(url, path("all"));
    feed(url, path("one"), "1");
    EXPECT_EQ(view_of(path("one")), view_of(path("all")));
}

TEST_F(WholePath, OfRealInputEndsInTheExpectedBalancesAndOutcomes) {
    for (const Sample& sample : kSamples) {
        SCOPED_TRACE(sample.name);
        const std::string url = "file:" + path(fmt::format("log-{}", sample.name));
        const std::string data = path(sample.name);
        ASSERT_EQ(produce(url, sample.lines()).exit_code, 0);
        feed(url, data);
        EXPECT_EQ(balances_of(sample.expected()).size(), sample.balances);
        EXPECT_EQ(exported_balances(data), balances_of(sample.expected()));
        EXPECT_EQ(exported_outcomes(data), outcomes_of(sample.expected()));
        ASSERT_RUNS({"verify", "--data", data, "--log", url});
        ASSERT_RUNS({"replay", "--log", url, "--data", data + "-again", "--compare", data});
    }
}

// A program's events all lie in one partition, so its balances are what they are in a log with a single one; but a
// partition's clock is its own, so only what is earned in all is the same.
TEST_F(WholePath, OverFourPartitionsEarnsTheSameAsOverOne) {
    const Lines lines = lines_of_many_programs();
    const auto earned = [&](unsigned partitions) {
        const std::string url = "file:" + path(fmt::format("log-{}", partitions));
        const std::string data = path(fmt::format("data-{}", partitions));
        EXPECT_EQ(produce(url, lines, partitions).exit_code, 0);
        feed(url, data);
        const Ran verified = run_program({"verify", "--data", data, "--log", url});
        EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.err;
        uint64_t entries = 0;
        for (uint32_t partition = 0; partition < partitions; ++partition) {
            const LedgerView view = view_of(data, partition);
            EXPECT_GT(view.size, 0U) << partition;
            entries += view.size;
        }
        EXPECT_EQ(entries, lines.size()) << "one event, one entry";
        std::map<std::string, int64_t> sums;
        for (const auto& [whose, b] : exported_balances(data)) sums[whose] = b.pending + b.available;
        return sums;
    };
    const auto over_one = earned(1);
    EXPECT_GT(over_one.size(), 100U);
    EXPECT_EQ(earned(4), over_one);
}

#else

class BothLogs : public WholePath {
  protected:
    void SetUp() override {
        if (test_broker().empty()) GTEST_SKIP() << kNoBroker;
    }

    // The events of each partition are the same in both, their append times are not.
    void compare(const Lines& lines, unsigned partitions, std::string_view name = "lines") {
        const TemporaryTopic topic;
        const std::string file_url = "file:" + path(fmt::format("{}-log", name));
        const std::string from_file = path(fmt::format("{}-from-file", name));
        const std::string from_kafka = path(fmt::format("{}-from-kafka", name));
        const Ran to_file = produce(file_url, lines, partitions);
        ASSERT_EQ(to_file.exit_code, 0) << to_file.err;
        const Ran to_kafka = produce(topic.url(), lines, partitions);
        ASSERT_EQ(to_kafka.exit_code, 0) << to_kafka.err;
        feed(file_url, from_file);
        feed(topic.url(), from_kafka, "1000");
        for (uint32_t partition = 0; partition < partitions; ++partition) {
            const LedgerView view = view_of(from_kafka, partition);
            EXPECT_EQ(view, view_of(from_file, partition)) << partition;
            EXPECT_EQ(view.root, view.root_of_entries);
            EXPECT_GT(view.size, 0U);
        }
        ASSERT_RUNS({"verify", "--data", from_kafka, "--log", topic.url()});
    }
};

TEST_F(BothLogs, OfRealInputGiveOneLedgerWithTheExpectedBalancesAndOutcomes) {
    for (const Sample& sample : kSamples) {
        SCOPED_TRACE(sample.name);
        compare(sample.lines(), 1, sample.name);
        const std::string data = path(fmt::format("{}-from-kafka", sample.name));
        EXPECT_EQ(exported_balances(data), balances_of(sample.expected()));
        EXPECT_EQ(exported_outcomes(data), outcomes_of(sample.expected()));
    }
}

TEST_F(BothLogs, OverFourPartitionsGiveTheSameLedgerInEach) {
    compare(lines_of_many_programs(), 4);
}

#endif

}  // namespace
}  // namespace upline::testing
