// SPDX-License-Identifier: Apache-2.0
// What Kafka may do to a running ledger: the program waits or refuses, says which, and loses nothing.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <cstdlib>
#include <string>

#include "tests/consumers/ledger_view.h"
#include "tests/e2e/program.h"
#include "tests/e2e/sample.h"
#include "tests/events/log/log_harness.h"

namespace upline::testing {
namespace {

Lines part(const Lines& lines, size_t from, size_t to) {
    return {lines.begin() + static_cast<std::ptrdiff_t>(from), lines.begin() + static_cast<std::ptrdiff_t>(to)};
}

// What an operator or a retention setting does.
void delete_records_before(const std::string& topic, Offset offset) {
    char words[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", test_broker().c_str(), words, sizeof words);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = offset;
    rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteRecords(client, &request, 1, nullptr, queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 10'000);
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

TEST(KafkaFaults, ABrokerThatIsAwayAtTheStartIsSaid) {
    const TemporaryFolder folder;
    const Ran ran = run_program({"run", "--log", "kafka://127.0.0.1:1/events", "--data", folder.path() + "/data",
                                 "--once", "-X", "upline.open.timeout.ms=1000"});
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_NE(ran.err.find("no Kafka broker answers at 127.0.0.1:1 within 1000 ms"), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("start it, or check the address"), std::string::npos) << ran.err;
}

class KafkaFault : public ::testing::Test {
  protected:
    void SetUp() override {
        if (test_broker().empty()) GTEST_SKIP() << kNoBroker;
        topic_ = std::make_unique<TemporaryTopic>();
        data_ = folder_.path() + "/data";
    }
    void append(const Lines& lines) {
        const Ran ran = produce(topic_->url(), lines);
        ASSERT_EQ(ran.exit_code, 0) << ran.err;
    }
    Ran run_once(const std::string& data) {
        return run_program({"run", "--log", topic_->url(), "--data", data, "--once"});
    }
    void expect_refused(const std::string& data, std::string_view words) {
        const Ran ran = run_once(data);
        EXPECT_EQ(ran.exit_code, 2);
        EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
    }
    uint64_t size() {
        const Result<LedgerView> view = view_ledger(data_);
        return view.ok() ? view->size : 0;
    }
    bool reaches(uint64_t wanted) {
        for (int i = 0; i < 300 && size() < wanted; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return size() == wanted;
    }

    TemporaryFolder folder_;
    std::string data_;
    std::unique_ptr<TemporaryTopic> topic_;
    const Lines lines_ = make_community("community", 100, 7);
};

TEST_F(KafkaFault, ATopicThatIsNotThereIsSaid) {
    expect_refused(data_, fmt::format("there is no topic {} at {}", topic_->name(), test_broker()));
}

TEST_F(KafkaFault, OldestRecordsThatAreGoneAreNeverSkipped) {
    append(part(lines_, 0, 10));
    ASSERT_EQ(run_once(data_).exit_code, 0);
    append(part(lines_, 10, 30));
    delete_records_before(topic_->name(), 20);
    expect_refused(data_,
                   "the oldest records are gone: offset 9 is needed, the log starts at 20. Going on would skip "
                   "events; bring them back from a mirror, and set retention.ms=-1");
    EXPECT_EQ(size(), 10U);
    expect_refused(folder_.path() + "/new", "the oldest records are gone: offset 0 is needed, the log starts at 20");
}

TEST_F(KafkaFault, ALedgerWhoseLastRecordIsStillThereGoesOn) {
    append(part(lines_, 0, 10));
    ASSERT_EQ(run_once(data_).exit_code, 0);
    delete_records_before(topic_->name(), 9);
    append(part(lines_, 10, 30));
    ASSERT_EQ(run_once(data_).exit_code, 0);
    EXPECT_EQ(size(), 30U);
}

TEST_F(KafkaFault, ATopicThatWasReplacedIsRefused) {
    append(part(lines_, 0, 10));
    ASSERT_EQ(run_once(data_).exit_code, 0);
    ASSERT_OK(delete_kafka_topic(topic_->url()));
    append(part(lines_, 50, 60));
    expect_refused(data_,
                   "another record is at offset 9: the log was truncated or replaced. Going on would mix two "
                   "logs; bring the old one back, or start a new ledger");
    EXPECT_EQ(size(), 10U);
}

TEST_F(KafkaFault, ATopicOfAnotherPartitionCountIsRefused) {
    append(part(lines_, 0, 10));
    ASSERT_EQ(run_once(data_).exit_code, 0);
    ASSERT_OK(delete_kafka_topic(topic_->url()));
    ASSERT_EQ(produce(topic_->url(), part(lines_, 0, 10), 2).exit_code, 0);
    expect_refused(data_,
                   "this ledger is of partition 0 of 1, the log says 0 of 2; a topic's partition count is fixed "
                   "for its life");
}

// The broker is stopped under a program that follows it, and started again.
TEST_F(KafkaFault, ABrokerThatGoesAndComesBackCostsNothing) {
    const char* control = std::getenv("UPLINE_TEST_BROKER_CONTROL");
    if (control == nullptr) {
        GTEST_SKIP() << "needs to stop the broker: set UPLINE_TEST_BROKER_CONTROL to the path of tests/kafka/broker";
    }
    const auto broker = [control](const char* word) {
        const std::string command = fmt::format("\"{}\" {} >/dev/null", control, word);
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    };
    append(part(lines_, 0, 40));
    Process run({"run", "--log", topic_->url(), "--data", data_});
    ASSERT_TRUE(reaches(40)) << run.err();
    broker("halt");
    const bool waits = run.says("waits for the log: no Kafka broker answers at ");
    broker("start");
    ASSERT_TRUE(waits) << run.err();
    append(part(lines_, 40, 100));
    ASSERT_TRUE(reaches(100)) << run.err();
    EXPECT_TRUE(run.says("the log is back, reading goes on")) << run.err();
    run.interrupt();
    EXPECT_EQ(run.wait(std::chrono::seconds(15)), 0) << run.err();

    ASSERT_EQ(run_once(folder_.path() + "/undisturbed").exit_code, 0);
    const auto expected = view_ledger(folder_.path() + "/undisturbed");
    const auto view = view_ledger(data_);
    ASSERT_OK(expected);
    ASSERT_OK(view);
    EXPECT_EQ(*view, *expected);
}

}  // namespace
}  // namespace upline::testing
