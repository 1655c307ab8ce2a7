// SPDX-License-Identifier: Apache-2.0
// What the tests of event logs share: folders and topics that go away again, values and readings of a whole log.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "events/log/event_log.h"
#include "events/log/kafka_topic.h"

namespace upline {

#define ASSERT_OK(expression)                                       \
    do {                                                            \
        auto&& assert_ok_ = (expression);                           \
        ASSERT_TRUE(assert_ok_.ok()) << assert_ok_.error().message; \
    } while (false)
#define EXPECT_OK(expression)                                       \
    do {                                                            \
        auto&& expect_ok_ = (expression);                           \
        EXPECT_TRUE(expect_ok_.ok()) << expect_ok_.error().message; \
    } while (false)

template <class T>
::testing::AssertionResult fails_with(const Result<T>& result, ErrorCode code, std::string_view words) {
    if (result.ok()) return ::testing::AssertionFailure() << "no error; expected: " << words;
    const Error& error = result.error();
    if (error.code != code || error.message.find(words) == std::string::npos) {
        return ::testing::AssertionFailure() << "error " << static_cast<int>(error.code) << ": " << error.message
                                             << "; expected " << static_cast<int>(code) << ": " << words;
    }
    return ::testing::AssertionSuccess();
}

// A folder of its own for one test.
class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "upline-test-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// The broker tests may use, as "host:port"; empty if there is none.
inline std::string test_broker() {
    const char* address = std::getenv("UPLINE_TEST_KAFKA");
    return address == nullptr ? "" : address;
}
inline constexpr const char* kNoBroker =
    "needs a Kafka broker: set UPLINE_TEST_KAFKA=host:port (tools/dev kafka start)";

// A topic of its own for one test.
class TemporaryTopic {
  public:
    TemporaryTopic() {
        static int count = 0;
        url_ = fmt::format("kafka://{}/upline-test-{}-{}-{}", test_broker(), ::getpid(),
                           std::chrono::system_clock::now().time_since_epoch().count() / 1'000'000, ++count);
    }
    ~TemporaryTopic() {
        const Status ignored = delete_kafka_topic(url_);
        (void)ignored;
    }
    TemporaryTopic(const TemporaryTopic&) = delete;
    TemporaryTopic& operator=(const TemporaryTopic&) = delete;
    const std::string& url() const { return url_; }
    std::string name() const { return url_.substr(url_.rfind('/') + 1); }

  private:
    std::string url_;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}
inline std::string as_text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A record as the tests remember it.
struct Remembered {
    Offset offset = 0;
    int64_t append_time_ms = 0;
    std::string value;
    friend bool operator==(const Remembered&, const Remembered&) = default;
};
inline std::ostream& operator<<(std::ostream& out, const Remembered& r) {
    return out << fmt::format("{{offset {}, time {}, {} bytes}}", r.offset, r.append_time_ms, r.value.size());
}
inline void remember(const RecordBatch& batch, std::vector<Remembered>& out) {
    for (const Record& record : batch.records()) {
        out.push_back({record.offset, record.append_time_ms, as_text(record.value)});
    }
}
inline LogPosition position_of(const Remembered& r) {
    return position_of(Record{r.offset, r.append_time_ms, as_bytes(r.value)});
}

// Reads until the log's end. Ends with an error after 30 seconds.
inline Result<std::vector<Remembered>> read_to_end(LogReader& reader) {
    std::vector<Remembered> all;
    RecordBatch batch;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (int wait_ms = 0; std::chrono::steady_clock::now() < deadline;) {
        UPLINE_TRY(reader.read(1000, size_t{1} << 20, wait_ms, batch));
        remember(batch, all);
        wait_ms = 0;
        if (!batch.empty()) continue;
        UPLINE_TRY_ASSIGN(const bool end, reader.at_end());
        if (end) return all;
        wait_ms = 10;
    }
    return Error{ErrorCode::kUnavailable, "the log's end was not reached in 30 seconds"};
}
inline Result<std::vector<Remembered>> read_to_end(EventLog& log, uint32_t partition,
                                                   std::optional<LogPosition> after = std::nullopt) {
    UPLINE_TRY_ASSIGN(const auto reader, log.open_reader(partition, after));
    return read_to_end(*reader);
}

inline std::string random_bytes(std::mt19937_64& random, size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; i += 8) {
        const uint64_t word = random();
        std::memcpy(bytes.data() + i, &word, std::min<size_t>(8, size - i));
    }
    return bytes;
}

// A seed that is printed, and can be given again with UPLINE_TEST_SEED.
inline uint64_t test_seed() {
    const char* given = std::getenv("UPLINE_TEST_SEED");
    const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    fmt::print("UPLINE_TEST_SEED={}\n", seed);
    return seed;
}

}  // namespace upline
