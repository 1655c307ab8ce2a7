// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_client.h"

#include <fmt/format.h>
#include <syslog.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <thread>

#include "events/base/check.h"

namespace upline::kafka {
namespace {

constexpr std::string_view kOpenTimeoutProperty = "upline.open.timeout.ms";

// The guarantees of this log depend on these: nobody may turn them off by accident.
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

constexpr Property kCommonProperties[] = {
    {"client.id", "upline"},        {"socket.keepalive.enable", "true"},  {"socket.nagle.disable", "true"},
    {"reconnect.backoff.ms", "50"}, {"reconnect.backoff.max.ms", "1000"},
};

constexpr Property kLookupProperties[] = {{"allow.auto.create.topics", "false"}};

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

void discard_log(const rd_kafka_t*, int, const char*, const char*) {}

}  // namespace

int ms_until(Clock::time_point deadline) {
    return static_cast<int>(
        std::max<int64_t>(0, std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count()));
}

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

void note_trouble(rd_kafka_t*, int code, const char* reason, void* opaque) {
    auto* trouble = static_cast<Trouble*>(opaque);
    trouble->any = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        trouble->all_brokers_down = true;
        if (!trouble->words.empty()) return;  // the reason before it says more
    }
    trouble->words = reason;
}

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
    // What matters comes back as errors. The client's own lines on standard error appear only with debug=.
    if (!settings.wants_log) rd_kafka_conf_set_log_cb(conf.get(), discard_log);
    ClientPtr client(rd_kafka_new(type, conf.get(), words, sizeof words));
    if (!client) return Error{ErrorCode::kInvalid, fmt::format("the Kafka client refuses its settings: {}", words)};
    (void)conf.release();  // the client's now
    return client;
}

Result<ClientPtr> make_lookup_client(const Settings& settings, Trouble& trouble) {
    return make_client(RD_KAFKA_CONSUMER, settings, kLookupProperties, &trouble, nullptr, note_trouble);
}

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

}  // namespace upline::kafka
