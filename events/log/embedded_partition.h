// SPDX-License-Identifier: Apache-2.0
// An open file of the embedded log, and a cursor over its records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "events/base/file_system.h"
#include "events/log/embedded_format.h"

namespace upline::embedded {

// Goes through the records of one file in order. A window of it, from the next step to the end of its block, is in
// memory.
class RecordCursor {
  public:
    RecordCursor(FileSystem& files, int fd, const std::string& path) : files_(files), fd_(fd), path_(path) {
        memory_ = std::make_unique_for_overwrite<std::byte[]>(kBlockBytes);
    }

    uint64_t position() const { return position_; }
    Offset next_offset() const { return next_offset_; }

    void go_to(uint64_t position, Offset next_offset) {
        position_ = position;
        next_offset_ = next_offset;
        window_ = {};
    }

    // Reads a new window, at most to `limit`, if the last one is used up. False: nothing is left before `limit`.
    Result<bool> load(uint64_t limit);

    // REQUIRES: load() said true.
    std::optional<Step> step();

    // The offset that the first record of the window claims. Not verified. REQUIRES: load() said true.
    Offset claimed_offset() const;

    Error corrupt() const;

  private:
    FileSystem& files_;
    int fd_;
    std::string path_;
    std::unique_ptr<std::byte[]> memory_;
    std::span<const std::byte> window_;
    bool whole_ = false;
    uint64_t position_ = kHeaderPageBytes;
    Offset next_offset_ = 0;
};

// An end of the durable records: byte and offset of the next one.
struct End {
    uint64_t position = kHeaderPageBytes;
    Offset next_offset = 0;
};

// Follows whole records from `from` on, past what the watermark confirms. REQUIRES: no process writes meanwhile.
Result<End> find_end(RecordCursor& cursor, End from, uint64_t file_size);

struct OpenPartition {
    Fd fd;
    std::string path;
    FileHeader header{};
    End durable;                // by the watermark
    size_t watermark_slot = 0;  // which has it
    uint64_t file_size = 0;
};

// kNotFound if there is no such file.
Result<OpenPartition> open_partition(FileSystem& files, const std::string& directory, uint32_t partition, int flags);
// Opens another file of the log one of whose headers is `known`.
Result<OpenPartition> open_sibling(FileSystem& files, const std::string& directory, uint32_t partition, int flags,
                                   const FileHeader& known);

}  // namespace upline::embedded
