// SPDX-License-Identifier: Apache-2.0
// Reads a partition of a Kafka topic.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "events/log/kafka_client.h"

namespace upline::kafka {

// As EventLog::open_reader().
Result<std::unique_ptr<LogReader>> open_reader(const Settings& settings, uint32_t partition,
                                               const std::optional<LogPosition>& after);

}  // namespace upline::kafka
