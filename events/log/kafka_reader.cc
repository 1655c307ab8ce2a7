// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace upline::kafka {
namespace {

constexpr size_t kFetchChunk = 512;
constexpr auto kCommitInterval = std::chrono::seconds(1);
// In a pause this long the topic may have been deleted and made again without a lost connection.
constexpr auto kPauseToVerify = milliseconds(20);
// A partition whose leader just restarted may show an end that is too low, for a moment.
constexpr auto kLowEndGrace = std::chrono::seconds(2);

constexpr Property kReaderProperties[] = {
    {"group.id", "upline"},  // used for advice to lag tools only
    // We join no group. But when no group coordinator is known (a broker that just started), a commit waits this long
    // for it, and closing the client busily waits for the commit.
    {"session.timeout.ms", "1000"},
    {"heartbeat.interval.ms", "300"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"allow.auto.create.topics", "false"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "true"},
    // The client pauses for a second after its queue was full: the queue must hold more than a second's worth.
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.message.max.bytes", "8388608"},
    // The broker answers at once when there is a record. A waiting fetch blocks other requests on its connection, such
    // as the query for the log's end, so it must not wait long.
    {"fetch.wait.max.ms", "10"},
    {"fetch.error.backoff.ms", "50"},
};

Error oldest_gone(const Topic& topic, uint32_t partition, Offset wanted, Offset low) {
    return {
        ErrorCode::kConflict,
        fmt::format("{}, partition {}: the oldest records are gone: offset {} is needed, the log starts at {}. Going "
                    "on would skip events; bring them back from a mirror, and set retention.ms=-1",
                    topic.text(), partition, wanted, low)};
}

Error truncated_or_replaced(const Topic& topic, uint32_t partition, Offset offset, std::string_view how) {
    return {ErrorCode::kConflict,
            fmt::format("{}, partition {}: {} at offset {}: the log was truncated or replaced. Going on would mix two "
                        "logs; bring the old one back, or start a new ledger",
                        topic.text(), partition, how, offset)};
}

// Assigns the partition to itself at an offset of its choice. It starts at the last record given, if there is one, and
// compares that record first. After any sign that the log behind the connection may be another, it starts again in the
// same way. It has many members: it remembers each sign
// until the log has shown what the sign meant.
class KafkaReader final : public LogReader {
  public:
    KafkaReader(const Settings& settings, uint32_t partition, std::optional<LogPosition> after)
        : settings_(settings), partition_(partition), last_(after) {}

    ~KafkaReader() override {
        fetched_.clear();
        queue_.reset();
    }
    KafkaReader(const KafkaReader&) = delete;
    KafkaReader& operator=(const KafkaReader&) = delete;

    Status open() {
        UPLINE_TRY_ASSIGN(
            client_, make_client(RD_KAFKA_CONSUMER, settings_, kReaderProperties, &trouble_, nullptr, note_trouble));
        rd_kafka_poll_set_consumer(client_.get());
        queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
        const auto deadline = Clock::now() + milliseconds(settings_.open_timeout_ms);
        Result<Watermarks> marks = query_watermarks(settings_.open_timeout_ms);
        if (!marks.ok()) return marks.error();
        const Offset wanted = last_ ? last_->offset : 0;
        if (marks->low > wanted) return oldest_gone(settings_.topic, partition_, wanted, marks->low);
        RecordBatch none;
        do {
            UPLINE_TRY(step(std::min(100, ms_until(deadline)), 0, 0, none));
            if (!verifying_) return ok_status();
        } while (Clock::now() < deadline);
        return no_broker(settings_, trouble_);
    }

    Status read(size_t max_records, size_t max_bytes, int timeout_ms, RecordBatch& batch) override {
        batch.clear();
        commit_if_due();
        const auto deadline = Clock::now() + milliseconds(timeout_ms);
        while (batch.size() < max_records && batch.value_bytes() < max_bytes) {
            const bool got_some = !batch.empty();
            UPLINE_TRY(step(got_some ? 0 : ms_until(deadline), max_records, max_bytes, batch));
            if (nothing_came_ && (got_some || Clock::now() >= deadline)) break;
        }
        if (!batch.empty()) {
            last_ = position_of(batch.records().back());
        } else if (trouble_.all_brokers_down) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("no Kafka broker answers at {}: {}; reading goes on where it was once one does",
                                     settings_.topic.brokers, trouble_.words)};
        }
        return ok_status();
    }

    Result<bool> at_end() override {
        UPLINE_TRY_ASSIGN(const Watermarks marks, query_watermarks(settings_.open_timeout_ms));
        if (trouble_.any || restart_ || verifying_ || fetched_next_ < fetched_.size()) return false;
        const Offset next = last_ ? last_->offset + 1 : 0;
        if (marks.high < next) {  // the next read() says in which way this is not the log it was
            restart_ = true;
            return false;
        }
        // Behind the last record there may be offsets that no reader ever sees (markers of transactions). Then only the
        // end that fetching reached tells.
        return std::max(next, end_reached_) >= marks.high;
    }
    Result<Offset> end() override {
        UPLINE_TRY_ASSIGN(const Watermarks marks, query_watermarks(settings_.open_timeout_ms));
        return marks.high;
    }

    void note_progress(Offset next) override {
        progress_ = next;
        commit_if_due();
    }

  private:
    struct Watermarks {
        Offset low = 0;
        Offset high = 0;  // the offset behind the last record that read_committed shows
    };

    Result<Watermarks> query_watermarks(int timeout_ms) {
        Watermarks marks;
        const rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(client_.get(), settings_.topic.name.c_str(),
                                             static_cast<int32_t>(partition_), &marks.low, &marks.high, timeout_ms);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return marks;
        return Error{ErrorCode::kUnavailable, fmt::format("{}, partition {}: its ends cannot be asked for: {}",
                                                          settings_.topic.text(), partition_, rd_kafka_err2str(error))};
    }

    // Waits up to `wait_ms` for records, and moves them to `batch` within its limits.
    Status step(int wait_ms, size_t max_records, size_t max_bytes, RecordBatch& batch) {
        if (restart_) UPLINE_TRY(restart());
        nothing_came_ = false;
        if (fetched_next_ == fetched_.size()) fetch(wait_ms);
        if (trouble_.any) {
            // These records may have come after the connection was lost: none of them is given.
            batch.clear();
            trouble_.any = false;
            verifying_ = false;
            restart_ = true;
            return ok_status();
        }
        while (fetched_next_ < fetched_.size()) {
            const rd_kafka_message_t& message = *fetched_[fetched_next_];
            if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
                ++fetched_next_;
                UPLINE_TRY(take_error(message));
                continue;
            }
            if (last_ && !verifying_ && is_behind_pause(message, batch)) {
                batch.clear();
                restart_ = true;
                return ok_status();
            }
            if (!verifying_ && (batch.size() >= max_records || batch.value_bytes() >= max_bytes)) break;
            ++fetched_next_;
            paused_for_ = {};
            trouble_ = {};
            UPLINE_TRY(take_record(message, batch));
        }
        return ok_status();
    }

    Status restart() {
        fetched_.clear();
        fetched_next_ = 0;
        end_reached_ = 0;
        paused_for_ = {};
        drained_at_.reset();
        const PartitionListPtr list(rd_kafka_topic_partition_list_new(1));
        rd_kafka_topic_partition_list_add(list.get(), settings_.topic.name.c_str(), static_cast<int32_t>(partition_))
            ->offset = last_ ? last_->offset : 0;
        const rd_kafka_resp_err_t error = rd_kafka_assign(client_.get(), list.get());
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return Error{ErrorCode::kUnavailable,
                         fmt::format("{}, partition {}: reading cannot be started: {}", settings_.topic.text(),
                                     partition_, rd_kafka_err2str(error))};
        }
        if (!verifying_) verifying_since_ = Clock::now();
        verifying_ = last_.has_value();
        restart_ = false;
        return ok_status();
    }

    // A batch call of librdkafka waits until it is full or the time is over: so first one message, then the rest.
    void fetch(int wait_ms) {
        fetched_.clear();
        fetched_next_ = 0;
        fetch_some(wait_ms, 1);
        nothing_came_ = fetched_.empty();
        const auto came_at = Clock::now();
        if (!nothing_came_) fetch_some(0, kFetchChunk - 1);
        const auto is_record = [](const MessagePtr& m) { return m->err == RD_KAFKA_RESP_ERR_NO_ERROR; };
        if (drained_at_ && std::any_of(fetched_.begin(), fetched_.end(), is_record)) {
            paused_for_ = std::chrono::duration_cast<milliseconds>(came_at - *drained_at_);
            drained_at_.reset();
        }
        if (!drained_at_ && fetched_.size() < kFetchChunk) drained_at_ = came_at;
    }

    // Our queue was empty for a while before this record came, and, where the broker's clock sets times, no record was
    // appended in that while. A busy stream with a slow reader is no pause.
    bool is_behind_pause(const rd_kafka_message_t& message, const RecordBatch& batch) const {
        if (paused_for_ < kPauseToVerify) return false;
        rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        const int64_t time_ms = rd_kafka_message_timestamp(&message, &kind);
        const int64_t before_ms = batch.empty() ? last_->append_time_ms : batch.records().back().append_time_ms;
        return kind != RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME || time_ms - before_ms >= kPauseToVerify.count();
    }

    void fetch_some(int wait_ms, size_t count) {
        rd_kafka_message_t* messages[kFetchChunk];
        const ssize_t got = rd_kafka_consume_batch_queue(queue_.get(), wait_ms, messages, count);
        for (ssize_t i = 0; i < got; ++i) fetched_.emplace_back(messages[i]);
    }

    // Not a record: the end of the partition, or an error of the partition or the client.
    Status take_error(const rd_kafka_message_t& message) {
        const auto say = [&](ErrorCode code) {
            return Error{code, fmt::format("{}, partition {}: {}", settings_.topic.text(), partition_,
                                           rd_kafka_message_errstr(&message))};
        };
        switch (message.err) {
            case RD_KAFKA_RESP_ERR__PARTITION_EOF:
                trouble_ = {};
                if (!verifying_) {
                    end_reached_ = message.offset;
                    return ok_status();
                }
                if (Clock::now() - verifying_since_ > kLowEndGrace) {
                    return truncated_or_replaced(settings_.topic, partition_, last_->offset, "there is no record");
                }
                std::this_thread::sleep_for(milliseconds(50));
                restart_ = true;
                return ok_status();
            case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: return ok_status();  // the group serves lag tools only
            case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: {
                restart_ = true;
                UPLINE_TRY_ASSIGN(const Watermarks marks, query_watermarks(settings_.open_timeout_ms));
                const Offset wanted = last_ ? last_->offset : 0;
                if (marks.low > wanted) return oldest_gone(settings_.topic, partition_, wanted, marks.low);
                return truncated_or_replaced(settings_.topic, partition_, wanted, "there is no record");
            }
            case RD_KAFKA_RESP_ERR__BAD_MSG:
            case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: restart_ = true; return say(ErrorCode::kCorrupt);
            default: restart_ = true; return say(ErrorCode::kUnavailable);
        }
    }

    Status take_record(const rd_kafka_message_t& message, RecordBatch& batch) {
        rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        const int64_t append_time_ms = rd_kafka_message_timestamp(&message, &kind);
        if (kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || append_time_ms < 0) {
            restart_ = true;
            return Error{
                ErrorCode::kConflict,
                fmt::format("{}, partition {}: the record of offset {} has no append time, which the rules need",
                            settings_.topic.text(), partition_, message.offset)};
        }
        // A null value (a tombstone) is an empty one: there is nothing in it to read.
        const std::span value(static_cast<const std::byte*>(message.payload),
                              message.payload == nullptr ? 0 : message.len);
        if (verifying_) {
            if (position_of({message.offset, append_time_ms, value}) != *last_) {
                restart_ = true;
                return truncated_or_replaced(settings_.topic, partition_, last_->offset, "another record is");
            }
            verifying_ = false;
            return ok_status();
        }
        const Offset before = !batch.empty() ? batch.records().back().offset : last_ ? last_->offset : -1;
        if (message.offset <= before) {
            restart_ = true;
            return truncated_or_replaced(settings_.topic, partition_, message.offset,
                                         "a record given before comes again");
        }
        batch.append(message.offset, append_time_ms, value);
        return ok_status();
    }

    void commit_if_due() {
        if (progress_ == committed_ || Clock::now() - committed_at_ < kCommitInterval) return;
        const PartitionListPtr list(rd_kafka_topic_partition_list_new(1));
        rd_kafka_topic_partition_list_add(list.get(), settings_.topic.name.c_str(), static_cast<int32_t>(partition_))
            ->offset = progress_;
        (void)rd_kafka_commit(client_.get(), list.get(), 1);
        committed_ = progress_;
        committed_at_ = Clock::now();
    }

    const Settings settings_;
    const uint32_t partition_;
    Trouble trouble_;
    ClientPtr client_;
    QueuePtr queue_;
    std::vector<MessagePtr> fetched_;
    size_t fetched_next_ = 0;
    std::optional<LogPosition> last_;  // the last record given
    bool restart_ = true;              // start again at last_ before anything else
    bool verifying_ = false;           // the next record must be last_
    Clock::time_point verifying_since_;
    bool nothing_came_ = false;
    std::optional<Clock::time_point> drained_at_;  // when our queue was found empty of records, and none came since
    milliseconds paused_for_{};                    // how long ago that was when the next record came
    Offset end_reached_ = 0;                       // fetching came to the end of the log here
    Offset progress_ = 0;
    Offset committed_ = 0;
    Clock::time_point committed_at_;
};

}  // namespace

Result<std::unique_ptr<LogReader>> open_reader(const Settings& settings, uint32_t partition,
                                               const std::optional<LogPosition>& after) {
    auto reader = std::make_unique<KafkaReader>(settings, partition, after);
    UPLINE_TRY(reader->open());
    return std::unique_ptr<LogReader>(std::move(reader));
}

}  // namespace upline::kafka
