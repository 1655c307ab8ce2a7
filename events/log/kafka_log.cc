// SPDX-License-Identifier: Apache-2.0
#include "events/log/kafka_log.h"

#include <fmt/format.h>

#include "events/log/kafka_client.h"
#include "events/log/kafka_reader.h"
#include "events/log/kafka_writer.h"

namespace upline {
namespace {

using namespace kafka;

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
        return kafka::open_reader(settings_, partition, after);
    }

    Result<std::unique_ptr<LogWriter>> open_writer() override {
        return kafka::open_writer(settings_, partition_count_);
    }

  private:
    Settings settings_;
    uint32_t partition_count_;
};

}  // namespace

Result<std::unique_ptr<EventLog>> open_kafka_log(std::string_view url, const LogOptions& options) {
    UPLINE_TRY_ASSIGN(Settings settings, parse_settings(url, options));
    Trouble trouble;
    UPLINE_TRY_ASSIGN(const ClientPtr client, make_lookup_client(settings, trouble));
    UPLINE_TRY_ASSIGN(const uint32_t partitions, count_partitions(client.get(), settings, trouble));
    return std::unique_ptr<EventLog>(std::make_unique<KafkaLog>(std::move(settings), partitions));
}

}  // namespace upline
