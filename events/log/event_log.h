// SPDX-License-Identifier: Apache-2.0
// Where events live: an append-only log of records addressed by (partition, offset). Two implementations pass one
// test suite: the embedded log (events/log/embedded_log.h, URL "file:DIR") and Apache Kafka (events/log/kafka_log.h,
// URL "kafka://host:port[,host:port]/topic").
//
// A program's events all lie in the partition murmur2(program) modulo the partition count, as Kafka's default
// partitioner computes it (partition_of), so one program never has two ledgers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "events/values/partition.h"
#include "events/values/record_batch.h"

namespace upline {

// The largest value a log takes: well above the limit of an event (32 KiB), below the default limit of a Kafka broker
// (1 MiB with the envelope).
inline constexpr size_t kMaxValueBytes = 1'000'000;

// The last record a reader has taken in, by which it recognises the log later. If the log's record at that offset is
// another, the log was truncated or replaced.
struct LogPosition {
    Offset offset = 0;
    int64_t append_time_ms = 0;
    std::array<std::byte, 32> value_sha256{};
    friend bool operator==(const LogPosition&, const LogPosition&) = default;
};
LogPosition position_of(const Record& record);

// Reads one partition in order. Not thread-safe; each reader has its own.
class LogReader {
  public:
    virtual ~LogReader() = default;

    // Clears `batch`, then waits until there is at least one record or `timeout_ms` has passed, and takes what is
    // there, at most `max_records` and about `max_bytes` of values. Only records that are durable (embedded: fsynced;
    // Kafka: committed and visible to read_committed) are given. An empty batch: nothing came in time.
    // Errors: kCorrupt (a record's checksum is wrong), kConflict (the log was truncated or replaced, or records we
    // have not read are gone: going on would skip events), kUnavailable (try again; the position is kept).
    virtual Status read(size_t max_records, size_t max_bytes, int timeout_ms, RecordBatch& batch) = 0;

    // True when every record that was durable at the time of the call had been given by read().
    virtual Result<bool> at_end() = 0;

    // The offset behind the last record that is durable now: how many records there are, of a Kafka topic with
    // transactions at most so many.
    virtual Result<Offset> end() = 0;

    // Advice to lag tools that all up to `next` (the offset after the last applied record) is done. Never needed for
    // correctness; failures are ignored by design, the position is the ledger's.
    virtual void note_progress(Offset next) = 0;
};

// Appends records. Not thread-safe. After kUnavailable from append() or flush() the writer is done and says the same
// again; open another.
class LogWriter {
  public:
    virtual ~LogWriter() = default;

    // Takes a copy of the record and sends it on its way to partition_of(program). Nothing is promised before flush()
    // returns. May wait for room. append_time_ms: now, unless given (a copy of a log keeps its times). An error here
    // or in flush(): of the records since the last good flush() any may be in the log or not; the events' ids make
    // producing them again harmless.
    virtual Status append(std::string_view program, std::span<const std::byte> value,
                          std::optional<int64_t> append_time_ms = std::nullopt) = 0;
    // The same to a given partition, for copies and tests.
    virtual Status append_to(uint32_t partition, std::string_view program, std::span<const std::byte> value,
                             std::optional<int64_t> append_time_ms = std::nullopt) = 0;

    // Returns when every record appended so far is durable and will be seen by readers; on error none is silently
    // dropped: the message says how many are not confirmed.
    virtual Status flush() = 0;

    // Where the records confirmed by this writer lie: partition -> (first offset, last offset, count).
    struct Span {
        Offset first = 0;
        Offset last = 0;
        uint64_t count = 0;
    };
    virtual const std::map<uint32_t, Span>& written() const = 0;
};

class EventLog {
  public:
    virtual ~EventLog() = default;

    virtual uint32_t partition_count() const = 0;

    // Names the log for ever: another log at the same place has another identity. Empty when the log cannot tell
    // (Kafka through this client); then truncation and replacement show in LogPosition only.
    virtual std::string identity() const = 0;

    // A reader that starts at the first record (offset 0; refuses with kConflict when the oldest records are gone), or
    // right after `after`, whose record is read again and compared: kConflict if it is gone or another.
    virtual Result<std::unique_ptr<LogReader>> open_reader(uint32_t partition,
                                                           std::optional<LogPosition> after = std::nullopt) = 0;

    // kConflict if another process writes to an embedded log.
    virtual Result<std::unique_ptr<LogWriter>> open_writer() = 0;
};

struct LogOptions {
    // -X key=value: passed to librdkafka as they are. Refused for an embedded log.
    std::vector<std::pair<std::string, std::string>> properties;
    // For an embedded log that does not exist yet: make it with so many partitions. nullopt: it must exist.
    std::optional<uint32_t> create_with_partitions;
};

// Opens "file:DIR" or "kafka://host:port[,host:port]/topic". kInvalid for another URL, kNotFound when there is no such
// log or topic, kUnavailable when no broker answers (after the librdkafka property "upline.open.timeout.ms" of ours,
// default 10000).
Result<std::unique_ptr<EventLog>> open_log(std::string_view url, const LogOptions& options = {});

}  // namespace upline
