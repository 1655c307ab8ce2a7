// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "events/base/check.h"

namespace upline::kafka {
namespace {

constexpr Property kWriterProperties[] = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"partitioner", "murmur2"},  // as Java's; it agrees with partition_of, by which we choose ourselves
    {"linger.ms", "5"},
    {"batch.num.messages", "100000"},
    {"queue.buffering.max.messages", "1000000"},
    {"queue.buffering.max.kbytes", "262144"},
    {"message.max.bytes", "1048576"},  // kMaxValueBytes and the envelope
    {"message.timeout.ms", "30000"},
    {"compression.codec", "lz4"},
};

class KafkaWriter final : public LogWriter {
  public:
    KafkaWriter(const Settings& settings, uint32_t partition_count)
        : settings_(settings), partition_count_(partition_count) {}

    // Drops records that were never confirmed, as the contract says: waiting for a broker that is away would hang.
    ~KafkaWriter() override {
        if (client_) rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        topic_.reset();
    }
    KafkaWriter(const KafkaWriter&) = delete;
    KafkaWriter& operator=(const KafkaWriter&) = delete;

    Status open() {
        UPLINE_TRY_ASSIGN(client_, make_client(RD_KAFKA_PRODUCER, settings_, kWriterProperties, this,
                                               &KafkaWriter::on_delivery, &KafkaWriter::on_error));
        topic_.reset(rd_kafka_topic_new(client_.get(), settings_.topic.name.c_str(), nullptr));
        if (!topic_) return Error{ErrorCode::kInvalid, "the Kafka client refuses the topic's name"};
        return ok_status();
    }

    Status append(std::string_view program, std::span<const std::byte> value,
                  std::optional<int64_t> append_time_ms) override {
        return append_to(partition_of(program, partition_count_), program, value, append_time_ms);
    }

    Status append_to(uint32_t partition, std::string_view program, std::span<const std::byte> value,
                     std::optional<int64_t> append_time_ms) override {
        if (failed_ > 0) return failure();
        if (partition >= partition_count_) {
            return Error{ErrorCode::kInvalid,
                         fmt::format("there is no partition {}: the topic has {}", partition, partition_count_)};
        }
        if (value.size() > kMaxValueBytes) {
            return Error{ErrorCode::kInvalid, fmt::format("a record of {} bytes is too large: a log takes {} at most",
                                                          value.size(), kMaxValueBytes)};
        }
        // librdkafka takes time 0 for "now".
        if (append_time_ms.value_or(1) < 1) {
            return Error{ErrorCode::kInvalid, "an append time that is not after 1970-01-01T00:00:00Z"};
        }
        for (;;) {
            // An empty value is not null: null is a tombstone.
            const rd_kafka_resp_err_t error = rd_kafka_producev(
                client_.get(), RD_KAFKA_V_RKT(topic_.get()), RD_KAFKA_V_PARTITION(static_cast<int32_t>(partition)),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(program.data(), program.size()),
                RD_KAFKA_V_VALUE(const_cast<std::byte*>(value.empty() ? &kNothing : value.data()), value.size()),
                RD_KAFKA_V_TIMESTAMP(append_time_ms.value_or(0)), RD_KAFKA_V_END);
            if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
                ++unconfirmed_;
                if (++since_poll_ == kPollEvery) {
                    since_poll_ = 0;
                    rd_kafka_poll(client_.get(), 0);
                }
                return ok_status();
            }
            if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                note_failure(rd_kafka_err2str(error));
                return failure();
            }
            rd_kafka_poll(client_.get(), 10);
            if (failed_ > 0) return failure();
        }
    }

    // Ends by itself: a record that is not confirmed in message.timeout.ms comes back as failed.
    Status flush() override {
        while (rd_kafka_flush(client_.get(), 1000) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
        }
        if (failed_ > 0) return failure();
        UPLINE_CHECK(unconfirmed_ == 0, "each record is reported as delivered or failed");
        return ok_status();
    }

    const std::map<uint32_t, Span>& written() const override { return written_; }

  private:
    static constexpr std::byte kNothing{};
    static constexpr int kPollEvery = 1000;

    static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
        auto* self = static_cast<KafkaWriter*>(opaque);
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            self->note_failure(rd_kafka_err2str(message->err));
            return;
        }
        --self->unconfirmed_;
        Span& span = self->written_.try_emplace(static_cast<uint32_t>(message->partition)).first->second;
        span.first = span.count == 0 ? message->offset : std::min(span.first, message->offset);
        span.last = std::max(span.last, message->offset);
        ++span.count;
    }

    // Deliveries that fail are reported one by one; this only remembers why.
    static void on_error(rd_kafka_t*, int, const char* reason, void* opaque) {
        static_cast<KafkaWriter*>(opaque)->trouble_ = reason;
    }

    void note_failure(std::string_view words) {
        if (failed_++ == 0) failure_words_ = words;
    }

    Error failure() const {
        return {ErrorCode::kUnavailable,
                fmt::format("{}: {} records are not confirmed, {} of them failed: {}{}{} (append them again)",
                            settings_.topic.text(), std::max(unconfirmed_, failed_), failed_, failure_words_,
                            trouble_.empty() ? "" : "; ", trouble_)};
    }

    const Settings settings_;
    const uint32_t partition_count_;
    ClientPtr client_;
    TopicPtr topic_;
    std::map<uint32_t, Span> written_;
    uint64_t unconfirmed_ = 0;
    uint64_t failed_ = 0;
    std::string failure_words_;
    std::string trouble_;
    int since_poll_ = 0;
};

}  // namespace

Result<std::unique_ptr<LogWriter>> open_writer(const Settings& settings, uint32_t partition_count) {
    auto writer = std::make_unique<KafkaWriter>(settings, partition_count);
    UPLINE_TRY(writer->open());
    return std::unique_ptr<LogWriter>(std::move(writer));
}

}  // namespace upline::kafka
