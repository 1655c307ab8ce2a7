// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_log.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>
#include <syslog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <thread>

namespace upline {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kOpenTimeoutMs = 10'000;
constexpr std::string_view kOpenTimeoutProperty = "upline.open.timeout.ms";
constexpr int kAdminTimeoutMs = 30'000;
constexpr size_t kFetchChunk = 512;
constexpr auto kCommitInterval = std::chrono::seconds(1);
// In a pause of the stream that is so long the topic may have been deleted and made anew without a lost connection.
constexpr auto kPauseToVerify = milliseconds(20);
// A partition whose leader just restarted may show an end that is too low, for a moment.
constexpr auto kLowEndGrace = std::chrono::seconds(2);

template <auto kFunction>
struct Deleter {
    template <class T>
    void operator()(T* p) const {
        kFunction(p);
    }
};
void destroy_client(rd_kafka_t* client) {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}
using ClientPtr = std::unique_ptr<rd_kafka_t, Deleter<destroy_client>>;
using ConfPtr = std::unique_ptr<rd_kafka_conf_t, Deleter<rd_kafka_conf_destroy>>;
using TopicPtr = std::unique_ptr<rd_kafka_topic_t, Deleter<rd_kafka_topic_destroy>>;
using QueuePtr = std::unique_ptr<rd_kafka_queue_t, Deleter<rd_kafka_queue_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, Deleter<rd_kafka_event_destroy>>;
using MessagePtr = std::unique_ptr<rd_kafka_message_t, Deleter<rd_kafka_message_destroy>>;
using PartitionListPtr =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Deleter<rd_kafka_topic_partition_list_destroy>>;

int ms_until(Clock::time_point deadline) {
    return static_cast<int>(
        std::max<int64_t>(0, std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count()));
}

// ---------------------------------------------------------------------------------------------------------------------
// Address and settings

struct Topic {
    std::string brokers;
    std::string name;
    std::string text() const { return fmt::format("topic {} at {}", name, brokers); }
};

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

Result<Topic> parse_url(std::string_view url) {
    const Error wrong{ErrorCode::kInvalid,
                      fmt::format("\"{}\" is no Kafka log: write kafka://host:port[,host:port]/topic", url)};
    constexpr std::string_view kScheme = "kafka://";
    if (!url.starts_with(kScheme)) return wrong;
    const std::string_view rest = url.substr(kScheme.size());
    const size_t slash = rest.find('/');
    if (slash == std::string_view::npos) return wrong;
    const Topic topic{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + 1))};
    for (std::string_view left = topic.brokers;;) {
        const std::string_view broker = left.substr(0, left.find(','));
        const size_t colon = broker.rfind(':');
        if (colon == 0 || colon == std::string_view::npos || !is_port(broker.substr(colon + 1))) return wrong;
        if (broker.size() == left.size()) break;
        left.remove_prefix(broker.size() + 1);
    }
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    };
    if (topic.name.empty() || topic.name.size() > 249 || !std::all_of(topic.name.begin(), topic.name.end(), allowed)) {
        return wrong;
    }
    return topic;
}

// What the promises of this log hang on; nobody may turn it off by accident.
constexpr std::string_view kReserved[] = {
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "check.crcs",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "isolation.level",
    "enable.partition.eof",
    "metadata.broker.list",
    "partitioner",
    "request.required.acks",
    "transactional.id",
};

struct Settings {
    Topic topic;
    std::vector<std::pair<std::string, std::string>> properties;
    int open_timeout_ms = kOpenTimeoutMs;
    bool wants_log = false;
};

Result<Settings> parse_settings(std::string_view url, const LogOptions& options) {
    Settings settings;
    UPLINE_TRY_ASSIGN(settings.topic, parse_url(url));
    for (const auto& [key, value] : options.properties) {
        if (std::find(std::begin(kReserved), std::end(kReserved), key) != std::end(kReserved)) {
            return Error{ErrorCode::kInvalid, fmt::format("{} is set by Upline and cannot be changed", key)};
        }
        if (key != kOpenTimeoutProperty) {
            settings.wants_log |= key == "debug";
            settings.properties.emplace_back(key, value);
            continue;
        }
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), settings.open_timeout_ms);
        if (error != std::errc{} || end != value.data() + value.size() || settings.open_timeout_ms < 1) {
            return Error{ErrorCode::kInvalid, fmt::format("{} must be a number of milliseconds", key)};
        }
    }
    return settings;
}

struct Property {
    const char* key;
    const char* value;
};

constexpr Property kCommonProperties[] = {
    {"client.id", "upline"},        {"socket.keepalive.enable", "true"},  {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "50"}, {"reconnect.backoff.max.ms", "1000"},
};

constexpr Property kReaderProperties[] = {
    {"group.id", "upline"},  // used for advice to lag tools only
    // We join no group. But so long a commit waits for the group's coordinator, when none is known (a broker that just
    // started), and the end of the client for the commit, busily.
    {"session.timeout.ms", "1000"},
    {"heartbeat.interval.ms", "300"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},
    {"allow.auto.create.topics", "false"},
    {"isolation.level", "read_committed"},
    {"check.crcs", "true"},
    {"enable.partition.eof", "true"},
    // This client stands still for a second after its queue was full: it must hold more than a second's worth.
    {"queued.min.messages", "1000000"},
    {"queued.max.messages.kbytes", "131072"},
    {"fetch.message.max.bytes", "8388608"},
    // The broker answers at once when there is something. A waiting fetch holds up other requests on its connection
    // (where does the log end?), so it must not wait long.
    {"fetch.wait.max.ms", "10"},
    {"fetch.error.backoff.ms", "50"},
};

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

// What went wrong with a client's connections, as it is told by librdkafka's error callback; that is called only from
// within calls we make.
struct Trouble {
    bool any = false;
    bool all_brokers_down = false;
    std::string words;
};

void note_trouble(rd_kafka_t*, int code, const char* reason, void* opaque) {
    auto* trouble = static_cast<Trouble*>(opaque);
    trouble->any = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        trouble->all_brokers_down = true;
        if (!trouble->words.empty()) return;  // the reason before it says more
    }
    trouble->words = reason;
}

void discard_log(const rd_kafka_t*, int, const char*, const char*) {}

using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// `opaque` goes to the callbacks; it must point to a Trouble unless a delivery callback says otherwise.
Result<ClientPtr> make_client(rd_kafka_type_t type, const Settings& settings, std::span<const Property> properties,
                              void* opaque, DeliveryCallback on_delivery,
                              void (*on_error)(rd_kafka_t*, int, const char*, void*)) {
    ConfPtr conf(rd_kafka_conf_new());
    char words[512] = "";
    const auto set = [&](const char* key, const char* value) -> Status {
        if (rd_kafka_conf_set(conf.get(), key, value, words, sizeof words) == RD_KAFKA_CONF_OK) return ok_status();
        return Error{ErrorCode::kInvalid, fmt::format("the Kafka client refuses {}={}: {}", key, value, words)};
    };
    UPLINE_TRY(set("bootstrap.servers", settings.topic.brokers.c_str()));
    for (const Property& property : kCommonProperties) UPLINE_TRY(set(property.key, property.value));
    for (const Property& property : properties) UPLINE_TRY(set(property.key, property.value));
    for (const auto& [key, value] : settings.properties) UPLINE_TRY(set(key.c_str(), value.c_str()));
    rd_kafka_conf_set_opaque(conf.get(), opaque);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    if (on_delivery != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    // What matters comes back as errors; the client's own lines on standard error are for who asks with debug=.
    if (!settings.wants_log) rd_kafka_conf_set_log_cb(conf.get(), discard_log);
    ClientPtr client(rd_kafka_new(type, conf.get(), words, sizeof words));
    if (!client) return Error{ErrorCode::kInvalid, fmt::format("the Kafka client refuses its settings: {}", words)};
    (void)conf.release();  // the client's now
    return client;
}

Error no_broker(const Settings& settings, const Trouble& trouble) {
    return {ErrorCode::kUnavailable,
            fmt::format("no Kafka broker answers at {} within {} ms{}{}; start it, or check the address",
                        settings.topic.brokers, settings.open_timeout_ms, trouble.words.empty() ? "" : ": ",
                        trouble.words)};
}

Error no_topic(const Topic& topic) {
    return {ErrorCode::kNotFound,
            fmt::format("there is no topic {0} at {1}; make it with `upline produce --partitions N`, or with "
                        "kafka-topics.sh --create --topic {0} --partitions N --config cleanup.policy=delete --config "
                        "retention.ms=-1 --config retention.bytes=-1 --config message.timestamp.type=LogAppendTime",
                        topic.name, topic.brokers)};
}

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

// How many partitions the topic has, all with a leader. Waits as long as opening may.
Result<uint32_t> count_partitions(rd_kafka_t* client, const Settings& settings, const Trouble& trouble) {
    const TopicPtr topic(rd_kafka_topic_new(client, settings.topic.name.c_str(), nullptr));
    if (!topic) return Error{ErrorCode::kInvalid, "the Kafka client refuses the topic's name"};
    const auto deadline = Clock::now() + milliseconds(settings.open_timeout_ms);
    for (;;) {
        const rd_kafka_metadata_t* metadata = nullptr;
        const rd_kafka_resp_err_t error =
            rd_kafka_metadata(client, 0, topic.get(), &metadata, std::max(1, ms_until(deadline)));
        rd_kafka_poll(client, 0);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            const std::unique_ptr<const rd_kafka_metadata_t, Deleter<rd_kafka_metadata_destroy>> owner(metadata);
            UPLINE_CHECK(metadata->topic_cnt == 1, "metadata of one topic was asked for");
            const rd_kafka_metadata_topic_t& found = metadata->topics[0];
            if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return no_topic(settings.topic);
            const auto has_leader = [](const rd_kafka_metadata_partition_t& p) { return p.leader >= 0; };
            if (found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.partition_cnt > 0 &&
                std::all_of(found.partitions, found.partitions + found.partition_cnt, has_leader)) {
                return static_cast<uint32_t>(found.partition_cnt);
            }
        }
        if (Clock::now() >= deadline) return no_broker(settings, trouble);
        std::this_thread::sleep_for(milliseconds(20));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Reader

// Reads by assigning the partition to itself at an offset of its choice. It always starts at the last record given, if
// there is one, takes that record first and compares it; and whenever there was any sign that the log behind the
// connection might be another, it starts again in the same way.
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
        // Behind the last record there may be offsets that no reader ever sees (markers of transactions); then only
        // the end that fetching came to tells.
        return std::max(next, end_reached_) >= marks.high;
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

    // Waits up to `wait_ms` for something to come, and moves what there is to `batch` within its limits.
    Status step(int wait_ms, size_t max_records, size_t max_bytes, RecordBatch& batch) {
        if (restart_) UPLINE_TRY(restart());
        nothing_came_ = false;
        if (fetched_next_ == fetched_.size()) fetch(wait_ms);
        if (trouble_.any) {
            // Whatever has come may be from behind the loss of a connection. None of it is given.
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

    // A batch call of librdkafka waits until it has all or the time is over, so first one message, then the rest.
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

    // Our queue was empty for long before this record came, and (where the broker's clock says so) none was appended
    // for long. A busy stream whose reader takes its time is no pause.
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

    // Something else than a record: the end of the partition, or an error of the partition or the client.
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
    bool restart_ = true;              // start anew at last_ before anything else
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

// ---------------------------------------------------------------------------------------------------------------------
// Writer

class KafkaWriter final : public LogWriter {
  public:
    KafkaWriter(const Settings& settings, uint32_t partition_count)
        : settings_(settings), partition_count_(partition_count) {}

    // Records never confirmed are given up, as the contract says; waiting for a broker that is away would be a hang.
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

// ---------------------------------------------------------------------------------------------------------------------
// The log

class KafkaLog final : public EventLog {
  public:
    KafkaLog(Settings settings, uint32_t partition_count)
        : settings_(std::move(settings)), partition_count_(partition_count) {}

    uint32_t partition_count() const override { return partition_count_; }
    std::string identity() const override { return ""; }

    Result<std::unique_ptr<LogReader>> open_reader(uint32_t partition, std::optional<LogPosition> after) override {
        if (partition >= partition_count_) {
            return Error{ErrorCode::kInvalid, fmt::format("there is no partition {}: {} has {}", partition,
                                                          settings_.topic.text(), partition_count_)};
        }
        auto reader = std::make_unique<KafkaReader>(settings_, partition, after);
        UPLINE_TRY(reader->open());
        return std::unique_ptr<LogReader>(std::move(reader));
    }

    Result<std::unique_ptr<LogWriter>> open_writer() override {
        auto writer = std::make_unique<KafkaWriter>(settings_, partition_count_);
        UPLINE_TRY(writer->open());
        return std::unique_ptr<LogWriter>(std::move(writer));
    }

  private:
    Settings settings_;
    uint32_t partition_count_;
};

constexpr Property kLookupProperties[] = {{"allow.auto.create.topics", "false"}};

Result<ClientPtr> make_lookup_client(const Settings& settings, Trouble& trouble) {
    return make_client(RD_KAFKA_CONSUMER, settings, kLookupProperties, &trouble, nullptr, note_trouble);
}

Result<EventPtr> wait_for(rd_kafka_queue_t* queue, const Settings& settings) {
    EventPtr event(rd_kafka_queue_poll(queue, kAdminTimeoutMs));
    if (!event) {
        return Error{ErrorCode::kUnavailable, fmt::format("{} does not answer in time", settings.topic.brokers)};
    }
    if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return Error{ErrorCode::kUnavailable,
                     fmt::format("{}: {}", settings.topic.text(), rd_kafka_event_error_string(event.get()))};
    }
    return event;
}

Status topic_result(const rd_kafka_topic_result_t* result, const Settings& settings) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(result);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return ok_status();
    if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return no_topic(settings.topic);
    const char* words = rd_kafka_topic_result_error_string(result);
    return Error{error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? ErrorCode::kConflict : ErrorCode::kInvalid,
                 fmt::format("{}: {}", settings.topic.text(), words != nullptr ? words : rd_kafka_err2str(error))};
}

}  // namespace

Result<std::unique_ptr<EventLog>> open_kafka_log(std::string_view url, const LogOptions& options) {
    UPLINE_TRY_ASSIGN(Settings settings, parse_settings(url, options));
    Trouble trouble;
    UPLINE_TRY_ASSIGN(const ClientPtr client, make_lookup_client(settings, trouble));
    UPLINE_TRY_ASSIGN(const uint32_t partitions, count_partitions(client.get(), settings, trouble));
    return std::unique_ptr<EventLog>(std::make_unique<KafkaLog>(std::move(settings), partitions));
}

Status create_kafka_topic(std::string_view url, uint32_t partitions, const TopicConfig& config,
                          const LogOptions& options) {
    UPLINE_TRY_ASSIGN(const Settings settings, parse_settings(url, options));
    std::map<std::string, std::string> wanted = {
        {"cleanup.policy", "delete"},
        {"retention.ms", "-1"},
        {"retention.bytes", "-1"},
        {"unclean.leader.election.enable", "false"},
        {"message.timestamp.type", "LogAppendTime"},
    };
    for (const auto& [key, value] : config) wanted[key] = value;

    char words[512] = "";
    constexpr int kBrokersChoice = -1;
    rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(settings.topic.name.c_str(), static_cast<int>(partitions),
                                                       kBrokersChoice, words, sizeof words);
    if (topic == nullptr) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", settings.topic.text(), words)};
    const std::unique_ptr<rd_kafka_NewTopic_t, Deleter<rd_kafka_NewTopic_destroy>> owner(topic);
    for (const auto& [key, value] : wanted) {
        if (rd_kafka_NewTopic_set_config(topic, key.c_str(), value.c_str()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            return Error{ErrorCode::kInvalid,
                         fmt::format("the Kafka client refuses the topic setting {}={}", key, value)};
        }
    }

    Trouble trouble;
    UPLINE_TRY_ASSIGN(const ClientPtr client, make_lookup_client(settings, trouble));
    const QueuePtr queue(rd_kafka_queue_new(client.get()));
    rd_kafka_CreateTopics(client.get(), &topic, 1, nullptr, queue.get());
    UPLINE_TRY_ASSIGN(const EventPtr event, wait_for(queue.get(), settings));
    size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    UPLINE_CHECK(count == 1, "one topic was asked for");
    UPLINE_TRY(topic_result(results[0], settings));

    // The controller has it; the brokers learn of it a moment later.
    const auto deadline = Clock::now() + milliseconds(settings.open_timeout_ms);
    for (;;) {
        const Result<uint32_t> seen = count_partitions(client.get(), settings, trouble);
        if (seen.ok()) return ok_status();
        if (seen.error().code != ErrorCode::kNotFound || Clock::now() >= deadline) return seen.error();
        std::this_thread::sleep_for(milliseconds(20));
    }
}

Status delete_kafka_topic(std::string_view url, const LogOptions& options) {
    UPLINE_TRY_ASSIGN(const Settings settings, parse_settings(url, options));
    Trouble trouble;
    UPLINE_TRY_ASSIGN(const ClientPtr client, make_lookup_client(settings, trouble));
    rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(settings.topic.name.c_str());
    const std::unique_ptr<rd_kafka_DeleteTopic_t, Deleter<rd_kafka_DeleteTopic_destroy>> owner(topic);
    const QueuePtr queue(rd_kafka_queue_new(client.get()));
    rd_kafka_DeleteTopics(client.get(), &topic, 1, nullptr, queue.get());
    UPLINE_TRY_ASSIGN(const EventPtr event, wait_for(queue.get(), settings));
    size_t count = 0;
    const auto* results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
    UPLINE_CHECK(count == 1, "one topic was asked for");
    return topic_result(results[0], settings);
}

}  // namespace upline
