// SPDX-License-Identifier: Apache-2.0
// The client of librdkafka that readers, writers and topics share: its address and settings, how it is made, and what
// goes wrong with its connections.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/base/result.h"
#include "events/log/event_log.h"

namespace upline::kafka {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

inline constexpr int kOpenTimeoutMs = 10'000;

template <auto kFunction>
struct Deleter {
    template <class T>
    void operator()(T* p) const {
        kFunction(p);
    }
};
inline void destroy_client(rd_kafka_t* client) {
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

int ms_until(Clock::time_point deadline);

struct Topic {
    std::string brokers;
    std::string name;
    std::string text() const { return "topic " + name + " at " + brokers; }
};

struct Settings {
    Topic topic;
    std::vector<std::pair<std::string, std::string>> properties;
    int open_timeout_ms = kOpenTimeoutMs;
    bool wants_log = false;
};

// kInvalid: the URL or a property is wrong, or may not be set.
Result<Settings> parse_settings(std::string_view url, const LogOptions& options);

struct Property {
    const char* key;
    const char* value;
};

// What went wrong with a client's connections, as librdkafka's error callback reports it. The callback runs only inside
// calls we make.
struct Trouble {
    bool any = false;
    bool all_brokers_down = false;
    std::string words;
};

// The error callback of a client whose opaque is a Trouble.
void note_trouble(rd_kafka_t*, int code, const char* reason, void* opaque);

using DeliveryCallback = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);

// `opaque` goes to the callbacks; it must point to a Trouble unless a delivery callback says otherwise.
Result<ClientPtr> make_client(rd_kafka_type_t type, const Settings& settings, std::span<const Property> properties,
                              void* opaque, DeliveryCallback on_delivery,
                              void (*on_error)(rd_kafka_t*, int, const char*, void*));

// A client that only asks for metadata or manages topics.
Result<ClientPtr> make_lookup_client(const Settings& settings, Trouble& trouble);

// How many partitions the topic has, all with a leader. Waits as long as opening may.
Result<uint32_t> count_partitions(rd_kafka_t* client, const Settings& settings, const Trouble& trouble);

Error no_broker(const Settings& settings, const Trouble& trouble);
Error no_topic(const Topic& topic);

}  // namespace upline::kafka
