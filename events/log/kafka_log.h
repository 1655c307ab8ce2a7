// SPDX-License-Identifier: Apache-2.0
// The event log that is an Apache Kafka topic, through librdkafka. URL "kafka://host:port[,host:port]/topic".
//
// What a topic must be for a ledger to trust it: a partition count that never changes, cleanup.policy=delete with
// unlimited retention, unclean leader election off, LogAppendTime where producers write directly
// (create_kafka_topic of events/log/kafka_topic.h sets these). Upline itself sets acks=all and idempotence
// when writing; read_committed, record checksums and no automatic offset when reading. It refuses a topic that was
// deleted and made again under a reader: after each lost connection and each pause of the stream it fetches the last
// record again and compares it.
//
// Properties of librdkafka are passed on as they are (LogOptions::properties), except those the above depends on:
// they are refused. "upline.open.timeout.ms" (default 10000) is ours: how long to wait for a broker when opening.
#pragma once

#include <memory>
#include <string_view>

#include "events/log/event_log.h"

namespace upline {

Result<std::unique_ptr<EventLog>> open_kafka_log(std::string_view url, const LogOptions& options = {});

}  // namespace upline
