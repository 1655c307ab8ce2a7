// SPDX-License-Identifier: Apache-2.0
// The Kafka log against what brokers, topics and networks do to it. What it has in common with every log is in
// event_log_test.cc. Tests that need a broker take it from UPLINE_TEST_KAFKA=host:port, and those that stop it do so
// through the script UPLINE_TEST_BROKER_CONTROL (tests/kafka/broker); they say so where they are skipped.
#include "events/log/kafka_topic.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <sys/socket.h>

#include <atomic>
#include <set>
#include <thread>

#include "events/base/file_system.h"
#include "tests/events/log/log_harness.h"

namespace upline {
namespace {

constexpr int64_t kSomeTimeMs = 1'700'000'000'000;

TEST(Murmur2, AgreesWithJava) {
    // Vectors of Apache Kafka's own test of Utils.murmur2.
    const std::pair<const char*, int32_t> vectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (const auto& [key, hash] : vectors) EXPECT_EQ(static_cast<int32_t>(murmur2(key)), hash) << key;
}

TEST(Murmur2, AgreesWithLibrdkafkaOnEveryKeyAndCount) {
    std::mt19937_64 random(test_seed());
    for (int i = 0; i < 20'000; ++i) {
        const std::string key = random_bytes(random, 1 + random() % 70);
        const auto count = static_cast<int32_t>(1 + random() % 1000);
        const int32_t theirs =
            rd_kafka_msg_partitioner_murmur2(nullptr, key.data(), key.size(), count, nullptr, nullptr);
        ASSERT_EQ(partition_of(key, static_cast<uint32_t>(count)), static_cast<uint32_t>(theirs));
    }
}

TEST(KafkaLogOptions, WhatItsPromisesHangOnCannotBeChanged) {
    for (const char* key : {"acks", "auto.offset.reset", "check.crcs", "enable.auto.commit", "enable.idempotence",
                            "isolation.level", "partitioner", "bootstrap.servers", "transactional.id"}) {
        LogOptions options;
        options.properties = {{key, "1"}};
        EXPECT_TRUE(fails_with(open_log("kafka://127.0.0.1:1/t", options), ErrorCode::kInvalid,
                               fmt::format("{} is set by Upline", key)));
    }
}

TEST(KafkaLogOptions, UnknownAndWrongOnesAreRefused) {
    const std::pair<const char*, const char*> wrong[] = {{"linger.mss", "5"},
                                                         {"linger.ms", "soon"},
                                                         {"upline.open.timeout.ms", "soon"},
                                                         {"upline.open.timeout.ms", "0"}};
    for (const auto& [key, value] : wrong) {
        LogOptions options;
        options.properties = {{key, value}, {"upline.open.timeout.ms", "100"}};
        EXPECT_TRUE(fails_with(open_log("kafka://127.0.0.1:1/t", options), ErrorCode::kInvalid, key));
    }
}

TEST(KafkaLogOptions, NoBrokerIsSaidAfterTheTimeAsked) {
    // A port nobody listens at: bound, so that no other process takes it, and never listened to.
    const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);

    LogOptions options;
    options.properties = {{"upline.open.timeout.ms", "700"}};
    const auto before = std::chrono::steady_clock::now();
    const auto log = open_log(fmt::format("kafka://127.0.0.1:{}/t", ntohs(address.sin_port)), options);
    const auto waited = std::chrono::steady_clock::now() - before;
    EXPECT_TRUE(fails_with(log, ErrorCode::kUnavailable, "no Kafka broker answers at 127.0.0.1:"));
    EXPECT_TRUE(fails_with(log, ErrorCode::kUnavailable, "Connection refused"));
    EXPECT_GE(waited, std::chrono::milliseconds(650));
    EXPECT_LT(waited, std::chrono::milliseconds(3000));
}

class KafkaLogTest : public testing::Test {
  protected:
    void SetUp() override {
        if (test_broker().empty()) GTEST_SKIP() << kNoBroker;
        topic_ = std::make_unique<TemporaryTopic>();
    }

    std::unique_ptr<EventLog> make(uint32_t partitions, const TopicConfig& config = {},
                                   const LogOptions& options = {}) {
        EXPECT_OK(create_kafka_topic(topic_->url(), partitions, config));
        return open(options);
    }
    std::unique_ptr<EventLog> open(const LogOptions& options = {}) {
        auto log = open_log(topic_->url(), options);
        EXPECT_OK(log);
        return log.ok() ? std::move(*log) : nullptr;
    }

    // Appends `count` records "first", "first + 1" ... to partition 0 and flushes.
    void write(EventLog& log, int first, int count) {
        auto writer = log.open_writer();
        ASSERT_OK(writer);
        for (int i = first; i < first + count; ++i) {
            ASSERT_OK((*writer)->append_to(0, "p", as_bytes(std::to_string(i))));
        }
        ASSERT_OK((*writer)->flush());
    }

    // What an operator or a retention setting does.
    void delete_records_before(Offset offset) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        char words[512];
        rd_kafka_conf_set(conf, "bootstrap.servers", test_broker().c_str(), words, sizeof words);
        rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
        rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(list, topic_->name().c_str(), 0)->offset = offset;
        rd_kafka_DeleteRecords_t* request = rd_kafka_DeleteRecords_new(list);
        rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
        rd_kafka_DeleteRecords(client, &request, 1, nullptr, queue);
        rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 10'000);
        EXPECT_NE(event, nullptr);
        EXPECT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
        rd_kafka_event_destroy(event);
        rd_kafka_queue_destroy(queue);
        rd_kafka_DeleteRecords_destroy(request);
        rd_kafka_topic_partition_list_destroy(list);
        rd_kafka_destroy(client);
    }

    std::unique_ptr<TemporaryTopic> topic_;
};

// Another program's producer, with nothing but the partitioner set as event.fbs says.
class ForeignProducer {
  public:
    ForeignProducer(const std::string& topic, const char* transactional_id = nullptr) : topic_(topic) {
        rd_kafka_conf_t* conf = rd_kafka_conf_new();
        char words[512];
        rd_kafka_conf_set(conf, "bootstrap.servers", test_broker().c_str(), words, sizeof words);
        rd_kafka_conf_set(conf, "partitioner", "murmur2", words, sizeof words);
        if (transactional_id != nullptr)
            rd_kafka_conf_set(conf, "transactional.id", transactional_id, words, sizeof words);
        client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
        if (transactional_id != nullptr) expect_good(rd_kafka_init_transactions(client_, 10'000));
    }
    ~ForeignProducer() { rd_kafka_destroy(client_); }
    ForeignProducer(const ForeignProducer&) = delete;
    ForeignProducer& operator=(const ForeignProducer&) = delete;

    void produce(const std::string& key, const char* value) {
        const size_t size = value == nullptr ? 0 : std::strlen(value);
        void* bytes = const_cast<char*>(value);
        EXPECT_EQ(
            rd_kafka_producev(client_, RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
                              RD_KAFKA_V_VALUE(bytes, size), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
            RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    void flush() { EXPECT_EQ(rd_kafka_flush(client_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR); }
    void begin() { expect_good(rd_kafka_begin_transaction(client_)); }
    void commit() { expect_good(rd_kafka_commit_transaction(client_, 10'000)); }
    void abort() { expect_good(rd_kafka_abort_transaction(client_, 10'000)); }

  private:
    static void expect_good(rd_kafka_error_t* error) {
        EXPECT_EQ(error, nullptr) << rd_kafka_error_string(error);
        if (error != nullptr) rd_kafka_error_destroy(error);
    }
    std::string topic_;
    rd_kafka_t* client_;
};

TEST_F(KafkaLogTest, ForeignProducersReachTheSamePartition) {
    const auto log = make(5);
    ForeignProducer producer(topic_->name());
    for (int i = 0; i < 100; ++i) {
        const std::string program = fmt::format("program-{}", i);
        producer.produce(program, program.c_str());
    }
    producer.flush();
    size_t seen = 0;
    for (uint32_t partition = 0; partition < 5; ++partition) {
        const auto got = read_to_end(*log, partition);
        ASSERT_OK(got);
        for (const Remembered& record : *got) EXPECT_EQ(partition_of(record.value, 5), partition);
        seen += got->size();
    }
    EXPECT_EQ(seen, 100u);
}

TEST_F(KafkaLogTest, MissingTopicIsNotMadeAndItIsSaidHow) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(fails_with(open_log(topic_->url()), ErrorCode::kNotFound,
                               fmt::format("kafka-topics.sh --create --topic {} --partitions N", topic_->name())));
    }
    EXPECT_TRUE(fails_with(delete_kafka_topic(topic_->url()), ErrorCode::kNotFound, "there is no topic"));
}

TEST_F(KafkaLogTest, TopicIsMadeOnceAsALedgerNeedsIt) {
    const auto log = make(3);
    EXPECT_EQ(log->partition_count(), 3u);
    EXPECT_TRUE(fails_with(create_kafka_topic(topic_->url(), 3), ErrorCode::kConflict, "already exists"));
    // With LogAppendTime the broker's clock counts, whatever the producer says.
    auto writer = log->open_writer();
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append_to(0, "p", as_bytes("x"), kSomeTimeMs));
    ASSERT_OK((*writer)->flush());
    const auto got = read_to_end(*log, 0);
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), 1u);
    EXPECT_GT(got->front().append_time_ms, kSomeTimeMs);
}

TEST_F(KafkaLogTest, NullValueIsAnEmptyRecord) {
    const auto log = make(1);
    ForeignProducer producer(topic_->name());
    producer.produce("p", nullptr);
    producer.produce("p", "x");
    producer.flush();
    const auto got = read_to_end(*log, 0);
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), 2u);
    EXPECT_EQ((*got)[0].value, "");
    EXPECT_EQ((*got)[1].value, "x");
}

TEST_F(KafkaLogTest, OnlyCommittedTransactionsAreGivenAndTheEndIsFound) {
    const auto log = make(1);
    ForeignProducer producer(topic_->name(), topic_->name().c_str());
    auto reader = log->open_reader(0);
    ASSERT_OK(reader);
    std::vector<std::string> values;
    const auto read_on = [&] {
        const auto got = read_to_end(**reader);
        EXPECT_OK(got);
        for (const Remembered& record : *got) values.push_back(record.value);
        return values;
    };
    producer.begin();
    producer.produce("p", "aborted");
    producer.flush();
    EXPECT_EQ(read_on(), std::vector<std::string>{});
    producer.abort();
    EXPECT_EQ(read_on(), std::vector<std::string>{});
    producer.begin();
    producer.produce("p", "good");
    producer.flush();
    EXPECT_EQ(read_on(), std::vector<std::string>{});
    producer.commit();
    EXPECT_EQ(read_on(), std::vector<std::string>{"good"});
    producer.begin();
    producer.produce("p", "still open");
    producer.flush();
    EXPECT_EQ(read_on(), std::vector<std::string>{"good"});
    producer.abort();
    EXPECT_EQ(read_on(), std::vector<std::string>{"good"});
}

TEST_F(KafkaLogTest, OldestRecordsGoneIsRefusedWithoutAndWithAPosition) {
    const auto log = make(1);
    write(*log, 0, 10);
    const auto all = read_to_end(*log, 0);
    ASSERT_OK(all);
    delete_records_before(5);
    EXPECT_TRUE(fails_with(log->open_reader(0), ErrorCode::kConflict,
                           "the oldest records are gone: offset 0 is needed, the log starts at 5"));
    EXPECT_TRUE(fails_with(log->open_reader(0, position_of((*all)[4])), ErrorCode::kConflict,
                           "the oldest records are gone: offset 4 is needed, the log starts at 5"));
    const auto rest = read_to_end(*log, 0, position_of((*all)[5]));
    ASSERT_OK(rest);
    EXPECT_EQ(rest->size(), 4u);
}

TEST_F(KafkaLogTest, RecordsThatGoBeforeTheyAreReadAreMissed) {
    // A small queue, so that the reader has not fetched them all by the time they go.
    LogOptions options;
    options.properties = {{"queued.min.messages", "1"}, {"fetch.message.max.bytes", "1000"}};
    const auto log = make(1, {}, options);
    for (int i = 0; i < 30; ++i) write(*log, 10 * i, 10);
    auto reader = log->open_reader(0);
    ASSERT_OK(reader);
    RecordBatch batch;
    ASSERT_OK((*reader)->read(1, 1000, 10'000, batch));
    ASSERT_EQ(batch.size(), 1u);
    delete_records_before(299);
    Status status = ok_status();
    Offset next = 1;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (status.ok() && std::chrono::steady_clock::now() < deadline) {
        status = (*reader)->read(1, 1000, 100, batch);
        if (!status.ok()) break;
        for (const Record& record : batch.records()) ASSERT_EQ(record.offset, next++);
    }
    EXPECT_TRUE(fails_with(status, ErrorCode::kConflict, "the oldest records are gone"));
    EXPECT_LT(next, 299);
}

TEST_F(KafkaLogTest, ARecordTheBrokerRefusesFailsTheFlushAndTheWriter) {
    const auto log = make(1, {{"max.message.bytes", "2000"}});
    std::mt19937_64 random(test_seed());
    auto writer = log->open_writer();
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append("p", as_bytes("small")));
    ASSERT_OK((*writer)->flush());
    ASSERT_OK((*writer)->append("p", as_bytes(random_bytes(random, 5000))));
    EXPECT_TRUE(
        fails_with((*writer)->flush(), ErrorCode::kUnavailable, "1 records are not confirmed, 1 of them failed"));
    EXPECT_TRUE(fails_with((*writer)->flush(), ErrorCode::kUnavailable, "Message size too large"));
    EXPECT_TRUE(fails_with((*writer)->append("p", as_bytes("x")), ErrorCode::kUnavailable, "1 of them failed"));
    EXPECT_EQ((*writer)->written().at(0).count, 1u);
}

TEST_F(KafkaLogTest, FullQueueWaitsForRoom) {
    LogOptions options;
    options.properties = {{"queue.buffering.max.messages", "10"}, {"batch.num.messages", "10"}};
    const auto log = make(1, {}, options);
    write(*log, 0, 2000);
    const auto got = read_to_end(*log, 0);
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), 2000u);
    for (size_t i = 0; i < got->size(); ++i) EXPECT_EQ((*got)[i].value, std::to_string(i));
}

TEST_F(KafkaLogTest, ProgressIsCommittedAsAdvice) {
    const auto log = make(1);
    write(*log, 0, 7);
    auto reader = log->open_reader(0);
    ASSERT_OK(reader);
    ASSERT_OK(read_to_end(**reader));
    (*reader)->note_progress(7);

    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char words[512];
    rd_kafka_conf_set(conf, "bootstrap.servers", test_broker().c_str(), words, sizeof words);
    rd_kafka_conf_set(conf, "group.id", "upline", words, sizeof words);
    rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic_->name().c_str(), 0);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    RecordBatch batch;
    do {
        ASSERT_OK((*reader)->read(1, 1, 100, batch));
        rd_kafka_committed(client, list, 10'000);
    } while (list->elems[0].offset != 7 && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(list->elems[0].offset, 7);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
}

// ---------------------------------------------------------------------------------------------------------------------
// The broker goes away. These stop it for everybody, so no other test that uses it may run at the same time.

class KafkaOutage : public KafkaLogTest {
  protected:
    void SetUp() override {
        KafkaLogTest::SetUp();
        if (IsSkipped()) return;
        if (std::getenv("UPLINE_TEST_BROKER_CONTROL") == nullptr) {
            GTEST_SKIP()
                << "needs to stop the broker: set UPLINE_TEST_BROKER_CONTROL to the path of tests/kafka/broker";
        }
    }
    void TearDown() override {
        if (!IsSkipped()) broker("start");
    }
    static void broker(const char* word) {
        const std::string command =
            fmt::format("\"{}\" {} >/dev/null", std::getenv("UPLINE_TEST_BROKER_CONTROL"), word);
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
};

TEST_F(KafkaOutage, NothingIsLostOrDoubledWhenTheBrokerGoesAndComesBack) {
    const auto log = make(1);
    auto reader = log->open_reader(0);
    ASSERT_OK(reader);
    std::atomic<int> appended = 0;
    std::atomic<bool> stop = false;
    std::thread writing([&] {
        auto writer = log->open_writer();
        EXPECT_OK(writer);
        while (writer.ok() && !stop) {
            for (int i = 0; i < 50; ++i) {
                EXPECT_OK((*writer)->append("p", as_bytes(std::to_string(appended++))));
            }
            EXPECT_OK((*writer)->flush());
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    std::thread outage([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        broker("halt");
        std::this_thread::sleep_for(std::chrono::milliseconds(1500));
        broker("start");
        std::this_thread::sleep_for(std::chrono::milliseconds(1500));
        stop = true;
    });
    int next = 0;
    bool was_unavailable = false;
    RecordBatch batch;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!(stop && next == appended) && std::chrono::steady_clock::now() < deadline) {
        const Status status = (*reader)->read(1000, 1 << 20, 200, batch);
        if (!status.ok()) {
            EXPECT_EQ(status.error().code, ErrorCode::kUnavailable) << status.error().message;
            was_unavailable = true;
            continue;
        }
        for (const Record& record : batch.records()) {
            EXPECT_EQ(record.offset, next);
            EXPECT_EQ(as_text(record.value), std::to_string(next));
            ++next;
        }
        if (HasFailure()) break;
    }
    outage.join();
    writing.join();
    EXPECT_EQ(next, appended);
    EXPECT_TRUE(was_unavailable);
    EXPECT_GT(next, 100);
}

TEST_F(KafkaOutage, FlushSaysHowManyAreNotConfirmed) {
    LogOptions options;
    options.properties = {{"message.timeout.ms", "1000"}};
    const auto log = make(1, {}, options);
    auto writer = log->open_writer();
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append("p", as_bytes("x")));
    ASSERT_OK((*writer)->flush());
    broker("halt");
    for (int i = 0; i < 3; ++i) ASSERT_OK((*writer)->append("p", as_bytes("y")));
    EXPECT_TRUE(
        fails_with((*writer)->flush(), ErrorCode::kUnavailable, "3 records are not confirmed, 3 of them failed"));
}

TEST_F(KafkaOutage, TopicMadeAnewWhileAwayIsRefused) {
    const auto log = make(1);
    write(*log, 0, 3);
    auto reader = log->open_reader(0);
    ASSERT_OK(reader);
    ASSERT_OK(read_to_end(**reader));
    broker("restart");
    ASSERT_OK(delete_kafka_topic(topic_->url()));
    const auto other = make(1);
    write(*other, 100, 10);
    Status status = ok_status();
    RecordBatch batch;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while ((status.ok() || status.error().code == ErrorCode::kUnavailable) &&
           std::chrono::steady_clock::now() < deadline) {
        status = (*reader)->read(10, 1000, 100, batch);
        ASSERT_TRUE(batch.empty()) << "a record of the other topic was given";
    }
    EXPECT_TRUE(fails_with(status, ErrorCode::kConflict, "truncated or replaced"));
}

}  // namespace
}  // namespace upline
