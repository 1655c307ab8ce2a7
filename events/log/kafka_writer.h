// SPDX-License-Identifier: Apache-2.0
// Appends to a Kafka topic.
#pragma once

#include <cstdint>
#include <memory>

#include "events/log/kafka_client.h"

namespace upline::kafka {

// As EventLog::open_writer().
Result<std::unique_ptr<LogWriter>> open_writer(const Settings& settings, uint32_t partition_count);

}  // namespace upline::kafka
