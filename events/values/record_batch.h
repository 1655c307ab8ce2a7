// SPDX-License-Identifier: Apache-2.0
// Records of an event log, as they lie in memory between the log and the ledger.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace upline {

using Offset = int64_t;

struct Record {
    Offset offset = 0;                 // strictly increasing within a partition; Kafka's may have gaps
    int64_t append_time_ms = 0;        // milliseconds since 1970 when it was appended (Kafka's unit, kept by copies)
    std::span<const std::byte> value;  // starts at a multiple of 8
};

// Records of one read, with the memory their values lie in. Reused from read to read: clear() keeps the memory.
class RecordBatch {
  public:
    const std::vector<Record>& records() const { return records_; }
    bool empty() const { return records_.empty(); }
    size_t size() const { return records_.size(); }
    size_t value_bytes() const { return value_bytes_; }
    void clear();
    // Copies the value to memory of this batch, aligned to 8.
    void append(Offset offset, int64_t append_time_ms, std::span<const std::byte> value);

  private:
    std::vector<Record> records_;
    std::vector<std::unique_ptr<std::byte[]>> blocks_;
    size_t block_index_ = 0;
    size_t block_used_ = 0;
    size_t value_bytes_ = 0;
    std::vector<size_t> block_sizes_;
};

}  // namespace upline
