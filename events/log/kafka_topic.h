// SPDX-License-Identifier: Apache-2.0
// Makes and deletes the Kafka topic of a log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "events/log/event_log.h"

namespace upline {

using TopicConfig = std::vector<std::pair<std::string, std::string>>;

// Makes the topic of `url` as a ledger needs it and waits until it can be written to; `config` adds to that or
// replaces it. kConflict if there is one already.
Status create_kafka_topic(std::string_view url, uint32_t partitions, const TopicConfig& config = {},
                          const LogOptions& options = {});
// kNotFound if there is none.
Status delete_kafka_topic(std::string_view url, const LogOptions& options = {});

}  // namespace upline
