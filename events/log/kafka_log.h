// SPDX-License-Identifier: Apache-2.0
// The event log that is an Apache Kafka topic, through librdkafka. URL "kafka://host:port[,host:port]/topic".
//
// What a topic must be for a ledger to trust it: a partition count that never changes, cleanup.policy=delete with
// unlimited retention, unclean leader election off, LogAppendTime where producers write directly
// (create_kafka_topic sets these). What Upline sees to itself: acks=all and idempotence when writing; read_committed,
// record checksums and no automatic offset when reading; and that a topic deleted and made anew under a reader is
// refused: after each lost connection and each pause of the stream the last record given is fetched again and compared.
//
// Properties of librdkafka are passed on as they are (LogOptions::properties), except those on which the above hangs:
// they are refused. "upline.open.timeout.ms" (default 10000) is ours: how long to wait for a broker when opening.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/log/event_log.h"

namespace upline {

Result<std::unique_ptr<EventLog>> open_kafka_log(std::string_view url, const LogOptions& options = {});

using TopicConfig = std::vector<std::pair<std::string, std::string>>;

// Makes the topic of `url` as a ledger needs it and waits until it can be written to; `config` adds to that or
// replaces it. kConflict if there is one already.
Status create_kafka_topic(std::string_view url, uint32_t partitions, const TopicConfig& config = {},
                          const LogOptions& options = {});
// kNotFound if there is none.
Status delete_kafka_topic(std::string_view url, const LogOptions& options = {});

}  // namespace upline
