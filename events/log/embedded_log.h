// SPDX-License-Identifier: Apache-2.0
// The embedded log: an event log that is a folder, for one machine without a broker. URL "file:DIR".
//
// One process writes, any number read while it does. A record is given to readers once it is on the disk, never
// before, so what a ledger was built from cannot vanish in a power cut.
//
// FORMAT, version 1. All numbers little-endian, signed ones in two's complement. Pages and numbers here are for ever.
//
//   DIR/lock                  held with flock(2), exclusively, by the writer; holds its process id, for messages
//   DIR/partition-00000.log   one file per partition
//
// A partition file is a header page of 4096 bytes and records behind it:
//
//   at    size  header page
//   0     8     "UPLNLOG" and 0x00
//   8     4     format version, 1
//   12    4     number of this partition
//   16    4     number of partitions
//   20    4     0
//   24    16    identity of the log: random, the same in all its files
//   40    8     XXH3-64 of bytes 0 to 39
//   512   24    watermark, first slot
//   1024  24    watermark, second slot
//
//   at    size  watermark: all before it is on the disk
//   0     8     where in the file the next record will start
//   8     8     the next record's offset
//   16    8     XXH3-64 of bytes 0 to 15
//
//   at    size  record, starts at a multiple of 8
//   0     8     XXH3-64 of all that follows, padding included
//   8     4     length of the value, at most kMaxValueBytes
//   12    4     kind: 1 record, 2 filler
//   16    8     append time, milliseconds since 1970
//   24    8     offset: 0, 1, 2 ...
//   32          the value, then zeros up to a multiple of 8
//
// Behind the header page the file is cut into blocks of 1 MiB, and no record lies across a border: if one does not fit,
// a filler (a record of zeros, with time 0 and the offset of the record after it) takes up the rest of the block, or
// plain zeros if the rest is too short for a filler. So each block starts with a record, and a search by offset needs
// no index.
//
// The two watermark slots are written in turn, so that one is whole at any instant; the one that is further on counts.
// It is written after the records' fdatasync and not synced itself: after a power cut it may lag behind. Whoever opens
// the log when no process writes follows the records on from the watermark as long as they are whole. There the log
// ends; what lies behind was never acknowledged, and the next writer cuts it off. Nothing before the watermark is ever
// cut: a record there that is not whole is corruption, and said to be.
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
