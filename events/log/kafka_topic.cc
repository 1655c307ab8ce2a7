// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_topic.h"

#include <fmt/format.h>

#include <map>
#include <thread>

#include "events/base/check.h"
#include "events/log/kafka_client.h"

namespace upline {
namespace {

using namespace kafka;

constexpr int kAdminTimeoutMs = 30'000;

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

    // The controller knows the topic now; the brokers learn of it a moment later.
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
