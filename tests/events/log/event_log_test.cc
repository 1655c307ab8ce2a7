// SPDX-License-Identifier: Apache-2.0
// What every event log must do: one suite, which each implementation passes. UPLINE_TEST_LOG names the one it is
// compiled for.
#include "events/log/event_log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/events/log/log_harness.h"

namespace upline {
namespace {

class AnyLog : public testing::TestWithParam<const char*> {
  protected:
    void SetUp() override {
        if (is_kafka() && test_broker().empty()) GTEST_SKIP() << kNoBroker;
        if (is_kafka()) topic_ = std::make_unique<TemporaryTopic>();
    }
    bool is_kafka() const { return std::string_view(GetParam()) == "Kafka"; }
    std::string url() const { return is_kafka() ? topic_->url() : "file:" + folder_.path() + "/log"; }

    // Topics keep the times that writers give, so that what was written can be compared as a whole.
    void make(uint32_t partitions) {
        LogOptions options;
        if (is_kafka()) {
            ASSERT_OK(create_kafka_topic(url(), partitions, {{"message.timestamp.type", "CreateTime"}}));
        } else {
            options.create_with_partitions = partitions;
        }
        Result<std::unique_ptr<EventLog>> opened = open_log(url(), options);
        ASSERT_OK(opened);
        log_ = std::move(*opened);
    }

    void remove() {
        log_.reset();
        if (is_kafka()) {
            ASSERT_OK(delete_kafka_topic(url()));
        } else {
            std::filesystem::remove_all(folder_.path() + "/log");
        }
    }

    // Appends to a partition and flushes; the records as a reader must see them.
    std::vector<Remembered> write(uint32_t partition, const std::vector<std::string>& values, int64_t first_time_ms) {
        std::vector<Remembered> written;
        Result<std::unique_ptr<LogWriter>> writer = log_->open_writer();
        EXPECT_OK(writer);
        if (!writer.ok()) return written;
        for (const std::string& value : values) {
            const int64_t time_ms = first_time_ms + static_cast<int64_t>(written.size());
            EXPECT_OK((*writer)->append_to(partition, "p", as_bytes(value), time_ms));
            written.push_back({static_cast<Offset>(written.size()), time_ms, value});
        }
        EXPECT_OK((*writer)->flush());
        return written;
    }

    TemporaryFolder folder_;
    std::unique_ptr<TemporaryTopic> topic_;
    std::unique_ptr<EventLog> log_;
};

constexpr int64_t kSomeTimeMs = 1'700'000'000'000;

TEST_P(AnyLog, GivesBackEveryByteInOrder) {
    make(3);
    std::mt19937_64 random(test_seed());
    std::string every_byte;
    for (int b = 0; b < 256; ++b) every_byte += static_cast<char>(b);
    std::vector<std::vector<Remembered>> expected(3);
    Result<std::unique_ptr<LogWriter>> writer = log_->open_writer();
    ASSERT_OK(writer);
    const auto put = [&](uint32_t partition, std::string value) {
        const int64_t time_ms = kSomeTimeMs + static_cast<int64_t>(random() % 1000);
        ASSERT_OK((*writer)->append_to(partition, "p", as_bytes(value), time_ms));
        expected[partition].push_back({static_cast<Offset>(expected[partition].size()), time_ms, std::move(value)});
    };
    put(0, "");
    put(0, every_byte);
    put(0, random_bytes(random, 32 * 1024));
    put(1, random_bytes(random, kMaxValueBytes));
    for (size_t size = 0; size < 70; ++size) put(2, random_bytes(random, size));
    for (int i = 0; i < 300; ++i) {
        put(static_cast<uint32_t>(random() % 3), random_bytes(random, random() % (random() % 20 == 0 ? 200'000 : 400)));
        if (random() % 50 == 0) ASSERT_OK((*writer)->flush());
    }
    ASSERT_OK((*writer)->flush());

    for (uint32_t partition = 0; partition < 3; ++partition) {
        const auto got = read_to_end(*log_, partition);
        ASSERT_OK(got);
        EXPECT_EQ(*got, expected[partition]);
    }
}

TEST_P(AnyLog, ValuesStartAtMultiplesOfEightAndReadsKeepTheirLimits) {
    make(1);
    std::vector<std::string> values;
    for (size_t size = 0; size < 200; ++size) values.push_back(std::string(size, 'x'));
    const auto written = write(0, values, kSomeTimeMs);
    auto reader = log_->open_reader(0);
    ASSERT_OK(reader);
    RecordBatch batch;
    std::vector<Remembered> got;
    for (size_t round = 0; got.size() < written.size(); ++round) {
        ASSERT_LT(round, 10'000u);
        const size_t max_records = 1 + round % 7;
        const size_t max_bytes = 1 + round % 300;
        ASSERT_OK((*reader)->read(max_records, max_bytes, 1000, batch));
        ASSERT_LE(batch.size(), max_records);
        if (batch.size() > 1) {
            ASSERT_LT(batch.value_bytes() - batch.records().back().value.size(), max_bytes);
        }
        for (const Record& record : batch.records()) {
            EXPECT_EQ(reinterpret_cast<uintptr_t>(record.value.data()) % 8, 0u);
        }
        remember(batch, got);
    }
    EXPECT_EQ(got, written);
}

TEST_P(AnyLog, PutsEachProgramIntoThePartitionOfItsHash) {
    make(4);
    auto writer = log_->open_writer();
    ASSERT_OK(writer);
    for (int i = 0; i < 100; ++i) {
        const std::string program = fmt::format("program-{}", i);
        ASSERT_OK((*writer)->append(program, as_bytes(program)));
    }
    ASSERT_OK((*writer)->flush());
    size_t seen = 0;
    for (uint32_t partition = 0; partition < 4; ++partition) {
        const auto got = read_to_end(*log_, partition);
        ASSERT_OK(got);
        for (const Remembered& record : *got) EXPECT_EQ(partition_of(record.value, 4), partition);
        seen += got->size();
    }
    EXPECT_EQ(seen, 100u);
}

TEST_P(AnyLog, GivesRecordsWithoutATimeTheTimeOfNow) {
    make(1);
    const auto now_ms = [] {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    };
    const int64_t before = now_ms();
    auto writer = log_->open_writer();
    ASSERT_OK(writer);
    ASSERT_OK((*writer)->append("p", as_bytes("x")));
    ASSERT_OK((*writer)->flush());
    const auto got = read_to_end(*log_, 0);
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), 1u);
    EXPECT_GE(got->front().append_time_ms, before);
    EXPECT_LE(got->front().append_time_ms, now_ms());
}

TEST_P(AnyLog, WrittenSaysWhereRecordsLie) {
    make(2);
    write(1, {"a", "b"}, kSomeTimeMs);
    auto writer = log_->open_writer();
    ASSERT_OK(writer);
    EXPECT_TRUE((*writer)->written().empty());
    ASSERT_OK((*writer)->append_to(1, "p", as_bytes("c")));
    ASSERT_OK((*writer)->flush());
    ASSERT_OK((*writer)->append_to(1, "p", as_bytes("d")));
    ASSERT_OK((*writer)->append_to(0, "p", as_bytes("e")));
    ASSERT_OK((*writer)->flush());
    ASSERT_EQ((*writer)->written().size(), 2u);
    const auto& zero = (*writer)->written().at(0);
    const auto& one = (*writer)->written().at(1);
    EXPECT_EQ(zero.first, 0);
    EXPECT_EQ(zero.last, 0);
    EXPECT_EQ(zero.count, 1u);
    EXPECT_EQ(one.first, 2);
    EXPECT_EQ(one.last, 3);
    EXPECT_EQ(one.count, 2u);
}

TEST_P(AnyLog, GoesOnRightAfterAnyPosition) {
    make(1);
    std::mt19937_64 random(test_seed());
    std::vector<std::string> values;
    values.reserve(40);
    for (int i = 0; i < 40; ++i) values.push_back(random_bytes(random, random() % 100'000));
    const auto written = write(0, values, kSomeTimeMs);
    for (size_t i = 0; i < written.size(); i += is_kafka() ? 7 : 1) {
        const auto rest = read_to_end(*log_, 0, position_of(written[i]));
        ASSERT_OK(rest);
        EXPECT_EQ(*rest, std::vector(written.begin() + static_cast<long>(i) + 1, written.end()));
    }
}

TEST_P(AnyLog, RefusesAPositionWhoseRecordIsAnother) {
    make(1);
    const auto written = write(0, {"a", "b", "c"}, kSomeTimeMs);
    const LogPosition good = position_of(written[1]);
    LogPosition other_time = good;
    ++other_time.append_time_ms;
    EXPECT_TRUE(fails_with(log_->open_reader(0, other_time), ErrorCode::kConflict, "replaced"));
    LogPosition other_value = good;
    other_value.value_sha256[31] ^= std::byte{1};
    EXPECT_TRUE(fails_with(log_->open_reader(0, other_value), ErrorCode::kConflict, "replaced"));
    LogPosition other_offset = good;
    ++other_offset.offset;
    EXPECT_TRUE(fails_with(log_->open_reader(0, other_offset), ErrorCode::kConflict, "replaced"));
}

TEST_P(AnyLog, RefusesALogThatIsShorterThanThePosition) {
    make(1);
    const auto written = write(0, {"a", "b", "c"}, kSomeTimeMs);
    for (const Offset offset : {Offset{3}, Offset{4}, Offset{1'000'000}}) {
        LogPosition beyond = position_of(written[2]);
        beyond.offset = offset;
        EXPECT_TRUE(fails_with(log_->open_reader(0, beyond), ErrorCode::kConflict, "truncated or replaced")) << offset;
    }
}

TEST_P(AnyLog, RefusesALogMadeAnewInTheSamePlace) {
    make(1);
    const auto written = write(0, {"a", "b", "c"}, kSomeTimeMs);
    remove();
    make(1);
    write(0, {"d", "e", "f", "g"}, kSomeTimeMs);
    EXPECT_TRUE(fails_with(log_->open_reader(0, position_of(written[1])), ErrorCode::kConflict, "replaced"));
}

TEST_P(AnyLog, NoticesThatItWasMadeAnewWhileItIsRead) {
    make(1);
    write(0, {"a", "b", "c"}, kSomeTimeMs);
    auto reader = log_->open_reader(0);
    ASSERT_OK(reader);
    const auto got = read_to_end(**reader);
    ASSERT_OK(got);
    EXPECT_EQ(got->size(), 3u);
    RecordBatch batch;
    remove();
    make(1);
    write(0, {"d", "e", "f", "g", "h"}, kSomeTimeMs);
    Status status = ok_status();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while ((status.ok() || status.error().code == ErrorCode::kUnavailable) &&
           std::chrono::steady_clock::now() < deadline) {
        status = (*reader)->read(10, 1000, 100, batch);
        ASSERT_TRUE(batch.empty()) << "a record of the other log was given";
    }
    EXPECT_TRUE(fails_with(status, ErrorCode::kConflict, "replaced"));
}

TEST_P(AnyLog, ReaderFollowsAWriter) {
    make(1);
    std::mt19937_64 random(test_seed());
    constexpr size_t kRecords = 20'000;
    std::atomic<bool> failed = false;
    std::thread writing([&] {
        auto writer = log_->open_writer();
        failed = !writer.ok();
        for (size_t i = 0; i < kRecords && !failed; ++i) {
            failed = !(*writer)->append("p", as_bytes(fmt::format("{}", i))).ok() ||
                     (i % 500 == 0 && !(*writer)->flush().ok());
        }
        failed = failed || !(*writer)->flush().ok();
    });
    auto reader = log_->open_reader(0);
    std::vector<Remembered> got;
    RecordBatch batch;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (reader.ok() && got.size() < kRecords && !failed && std::chrono::steady_clock::now() < deadline) {
        const Status status = (*reader)->read(1 + random() % 3000, 1 << 20, 50, batch);
        EXPECT_OK(status);
        if (!status.ok()) break;
        remember(batch, got);
    }
    writing.join();
    EXPECT_OK(reader);
    EXPECT_FALSE(failed);
    ASSERT_EQ(got.size(), kRecords);
    for (size_t i = 0; i < kRecords; ++i) {
        ASSERT_EQ(got[i].offset, static_cast<Offset>(i));
        ASSERT_EQ(got[i].value, fmt::format("{}", i));
    }
}

TEST_P(AnyLog, IsAtItsEndExactlyWhenAllWasGiven) {
    make(1);
    auto reader = log_->open_reader(0);
    ASSERT_OK(reader);
    RecordBatch batch;
    const auto at_end = [&] {
        const Result<bool> end = (*reader)->at_end();
        EXPECT_OK(end);
        return end.ok() && *end;
    };
    const auto end = [&] {
        const Result<Offset> offset = (*reader)->end();
        EXPECT_OK(offset);
        return offset.ok() ? *offset : -1;
    };
    EXPECT_TRUE(at_end());
    EXPECT_EQ(end(), 0);
    write(0, {"a", "b", "c"}, kSomeTimeMs);
    EXPECT_EQ(end(), 3) << "whatever was given";
    for (size_t given = 0; given < 3; given += batch.size()) {
        EXPECT_FALSE(at_end()) << given;
        ASSERT_OK((*reader)->read(1, 1000, 10'000, batch));
        ASSERT_LE(batch.size(), 1u);
    }
    EXPECT_TRUE(at_end());
    write(0, {"d"}, kSomeTimeMs);
    EXPECT_FALSE(at_end());
    EXPECT_EQ(end(), 4);
}

TEST_P(AnyLog, ReadWaitsAsLongAsAskedAndNoLonger) {
    make(1);
    auto reader = log_->open_reader(0);
    ASSERT_OK(reader);
    RecordBatch batch;
    const auto before = std::chrono::steady_clock::now();
    ASSERT_OK((*reader)->read(10, 1000, 200, batch));
    const auto waited = std::chrono::steady_clock::now() - before;
    EXPECT_TRUE(batch.empty());
    EXPECT_GE(waited, std::chrono::milliseconds(190));
    EXPECT_LT(waited, std::chrono::milliseconds(1500));
}

TEST_P(AnyLog, RefusesWhatItCannotHoldAndGoesOn) {
    make(1);
    auto writer = log_->open_writer();
    ASSERT_OK(writer);
    const std::string too_large(kMaxValueBytes + 1, 'x');
    EXPECT_TRUE(fails_with((*writer)->append("p", as_bytes(too_large)), ErrorCode::kInvalid, "too large"));
    EXPECT_TRUE(fails_with((*writer)->append_to(1, "p", as_bytes("x")), ErrorCode::kInvalid, "no partition 1"));
    EXPECT_TRUE(fails_with((*writer)->append("p", as_bytes("x"), -1), ErrorCode::kInvalid, "append time"));
    EXPECT_TRUE(fails_with(log_->open_reader(1), ErrorCode::kInvalid, "no partition 1"));
    ASSERT_OK((*writer)->append("p", as_bytes("good")));
    ASSERT_OK((*writer)->flush());
    const auto got = read_to_end(*log_, 0);
    ASSERT_OK(got);
    ASSERT_EQ(got->size(), 1u);
    EXPECT_EQ(got->front().value, "good");
}

TEST_P(AnyLog, SaysThatThereIsNone) {
    EXPECT_TRUE(fails_with(open_log(url()), ErrorCode::kNotFound, "there is no"));
}

INSTANTIATE_TEST_SUITE_P(Logs, AnyLog, testing::Values(UPLINE_TEST_LOG),
                         [](const auto& param) { return std::string(param.param); });

TEST(OpenLog, RefusesWhatIsNoUrlOfALog) {
    for (const char* url :
         {"", "log", "file:", "http://a/b", "kafka:", "kafka://", "kafka://host:9092", "kafka://host:9092/",
          "kafka:///topic", "kafka://host/topic", "kafka://:9092/topic", "kafka://host:0/topic",
          "kafka://host:65536/topic", "kafka://host:9o/topic", "kafka://a:1,/topic", "kafka://a:1,b/topic",
          "kafka://host:9092/to pic", "kafka://host:9092/a/b"}) {
        EXPECT_TRUE(fails_with(open_log(url), ErrorCode::kInvalid, "write ")) << url;
    }
}

TEST(OpenLog, RefusesKafkaPropertiesForAnEmbeddedLog) {
    LogOptions options;
    options.properties = {{"linger.ms", "1"}};
    EXPECT_TRUE(fails_with(open_log("file:x", options), ErrorCode::kInvalid, "a setting for Kafka"));
}

TEST(RecordBatch, KeepsWhatItWasGivenAcrossReuse) {
    std::mt19937_64 random(test_seed());
    RecordBatch batch;
    for (int round = 0; round < 20; ++round) {
        batch.clear();
        EXPECT_TRUE(batch.empty());
        std::vector<std::string> values;
        size_t bytes = 0;
        for (int i = 0; i < 100; ++i) {
            values.push_back(random_bytes(random, random() % (i % 10 == 0 ? kMaxValueBytes : 3000)));
            bytes += values.back().size();
            batch.append(i, i, as_bytes(values.back()));
        }
        ASSERT_EQ(batch.size(), values.size());
        EXPECT_EQ(batch.value_bytes(), bytes);
        for (size_t i = 0; i < values.size(); ++i) {
            EXPECT_EQ(as_text(batch.records()[i].value), values[i]);
            EXPECT_EQ(reinterpret_cast<uintptr_t>(batch.records()[i].value.data()) % 8, 0u);
        }
    }
}

}  // namespace
}  // namespace upline
