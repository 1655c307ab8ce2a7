// SPDX-License-Identifier: Apache-2.0
// For tests: records of events written as JSON Lines, in memory and in an embedded log.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "consumers/consume.h"
#include "events/base/check.h"
#include "events/json_reader.h"
#include "events/log/embedded_log.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "tests/e2e/sample.h"
#include "tests/events/log/log_harness.h"

namespace upline::testing {

// After every event of the tests, so that none is from the future.
inline const int64_t kAppendTimeMs = *parse_time("2026-02-01T00:00:00Z") / 1000;

using Bytes = std::vector<std::byte>;

inline Bytes record_of(const Event& event) {
    RecordWriter writer;
    const std::span<const std::byte> record = writer.encode(event);
    return {record.begin(), record.end()};
}
inline Bytes record_of(const std::string& line) {
    EventParser parser;
    const Result<Event> event = parser.parse(line);
    UPLINE_CHECK(event.ok(), "an event");
    return record_of(*event);
}
inline std::vector<Bytes> records_of(const Lines& lines) {
    std::vector<Bytes> records;
    for (const std::string& line : lines) records.push_back(record_of(line));
    return records;
}

// Some of them, as a log gives them: offsets count from 0.
struct Batch {
    RecordBatch records;
    std::vector<Input> inputs;

    Batch(const std::vector<Bytes>& values, size_t first, size_t count) {
        for (size_t i = first; i < first + count; ++i)
            records.append(static_cast<Offset>(i), kAppendTimeMs + static_cast<int64_t>(i), values[i]);
        for (const Record& record : records.records())
            inputs.push_back(read_input(record.value, record.append_time_ms));
    }
};

inline std::unique_ptr<EmbeddedLog> open_embedded(const std::string& directory, uint32_t partitions = 1) {
    auto log = EmbeddedLog::open(directory, partitions);
    UPLINE_CHECK(log.ok(), "an embedded log");
    return std::move(*log);
}

inline void append(EventLog& log, const std::vector<Bytes>& values, uint32_t partition = 0,
                   int64_t append_time_ms = kAppendTimeMs) {
    auto writer = log.open_writer();
    UPLINE_CHECK(writer.ok(), "the log's only writer");
    for (const Bytes& value : values)
        UPLINE_CHECK((*writer)->append_to(partition, "", value, append_time_ms).ok(), "an append");
    UPLINE_CHECK((*writer)->flush().ok(), "a flush");
}

// Opens the shard of a partition and feeds it to the log's end, as the program does.
inline Status feed_shard(EventLog& log, const std::string& data, uint32_t partition = 0,
                         const ConsumeOptions& options = {.once = true}) {
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(data, DataFolder::Access::kWrite));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Shard> shard,
                      Shard::open(folder, {{partition, log.partition_count()}, log.identity()}));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader,
                      log.open_reader(partition, shard->position().last_record));
    return consume(*shard, *reader, options);
}

}  // namespace upline::testing
