// SPDX-License-Identifier: Apache-2.0
#include "events/log/event_log.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include "events/log/embedded_log.h"
#include "events/log/kafka_log.h"

namespace upline {
LogPosition position_of(const Record& record) {
    LogPosition position{record.offset, record.append_time_ms, {}};
    SHA256(reinterpret_cast<const unsigned char*>(record.value.data()), record.value.size(),
           reinterpret_cast<unsigned char*>(position.value_sha256.data()));
    return position;
}

Result<std::unique_ptr<EventLog>> open_log(std::string_view url, const LogOptions& options) {
    if (url.starts_with("kafka://")) return open_kafka_log(url, options);
    if (!url.starts_with("file:") || url == "file:") {
        return Error{ErrorCode::kInvalid,
                     fmt::format("\"{}\" is no event log: write file:DIR or kafka://host:port/topic", url)};
    }
    if (!options.properties.empty()) {
        return Error{ErrorCode::kInvalid, fmt::format("\"{}={}\" is a setting for Kafka; {} is an embedded log",
                                                      options.properties[0].first, options.properties[0].second, url)};
    }
    UPLINE_TRY_ASSIGN(auto log, EmbeddedLog::open(std::string(url.substr(5)), options.create_with_partitions));
    return std::unique_ptr<EventLog>(std::move(log));
}

}  // namespace upline
