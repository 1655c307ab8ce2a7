// SPDX-License-Identifier: Apache-2.0
// The embedded log: an event log that is a folder, for one machine without a broker. URL "file:DIR".
//
// One process writes, any number read while it does. A record is given to readers once it is on the disk, never
// before, so what a ledger was built from cannot vanish in a power cut. events/log/embedded_format.h has the files'
// bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "events/base/file_system.h"
#include "events/log/event_log.h"

namespace upline {

inline constexpr uint32_t kMaxEmbeddedPartitions = 512;

// Not thread-safe, but its readers and writer each may live in a thread of their own.
class EmbeddedLog final : public EventLog {
  public:
    // Makes the log if there is none at `directory` and `create_with_partitions` is given: all of it or nothing, also
    // when killed. `files` must outlive the log, its readers and its writer.
    static Result<std::unique_ptr<EmbeddedLog>> open(std::string directory,
                                                     std::optional<uint32_t> create_with_partitions,
                                                     FileSystem& files = FileSystem::real());

    uint32_t partition_count() const override { return partition_count_; }
    std::string identity() const override;
    Result<std::unique_ptr<LogReader>> open_reader(uint32_t partition,
                                                   std::optional<LogPosition> after = std::nullopt) override;
    Result<std::unique_ptr<LogWriter>> open_writer() override;

    // What open_writer() had to cut off, a line for each torn tail.
    const std::vector<std::string>& notices() const { return notices_; }

  private:
    EmbeddedLog(std::string directory, FileSystem& files) : directory_(std::move(directory)), files_(files) {}

    std::string directory_;
    FileSystem& files_;
    uint32_t partition_count_ = 0;
    std::array<std::byte, 16> identity_{};
    std::vector<std::string> notices_;
};

}  // namespace upline
