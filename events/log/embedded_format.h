// SPDX-License-Identifier: Apache-2.0
// The bytes of the embedded log, for its reader and its writer.
//
// FORMAT, version 1. All numbers little-endian, signed ones in two's complement. None of it ever changes.
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
// cut: a record there that is not whole is reported as corruption.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "events/log/event_log.h"

namespace upline::embedded {

static_assert(std::endian::native == std::endian::little, "the structs below are the file's bytes");

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr std::array<char, 8> kMagic = {'U', 'P', 'L', 'N', 'L', 'O', 'G', '\0'};
inline constexpr uint64_t kHeaderPageBytes = 4096;
inline constexpr std::array<size_t, 2> kSlotAt = {512, 1024};
inline constexpr uint64_t kBlockBytes = uint64_t{1} << 20;
inline constexpr uint32_t kKindRecord = 1;
inline constexpr uint32_t kKindFiller = 2;

struct FileHeader {
    std::array<char, 8> magic;
    uint32_t version;
    uint32_t partition;
    uint32_t partition_count;
    uint32_t zero;
    std::array<std::byte, 16> identity;
    uint64_t checksum;
};
static_assert(sizeof(FileHeader) == 48);

struct Watermark {
    uint64_t end;
    Offset next_offset;
    uint64_t checksum;
};
static_assert(sizeof(Watermark) == 24);

struct RecordHeader {
    uint64_t checksum;
    uint32_t length;
    uint32_t kind;
    int64_t append_time_ms;
    Offset offset;
};
static_assert(sizeof(RecordHeader) == 32);
static_assert(sizeof(RecordHeader) + kMaxValueBytes + 8 <= kBlockBytes, "every record fits into a block");

inline constexpr size_t round_up_8(size_t n) {
    return (n + 7) & ~size_t{7};
}

inline uint64_t block_start(uint64_t block) {
    return kHeaderPageBytes + block * kBlockBytes;
}
inline uint64_t block_of(uint64_t position) {
    return (position - kHeaderPageBytes) / kBlockBytes;
}
inline uint64_t block_end(uint64_t position) {
    return block_start(block_of(position) + 1);
}

// XXH3-64.
uint64_t checksum_of(std::span<const std::byte> bytes);
// Of a struct, up to its member `checksum`.
template <class T>
uint64_t checksum_of(const T& sealed) {
    return checksum_of(std::as_bytes(std::span(&sealed, 1)).first(offsetof(T, checksum)));
}

FileHeader header_of(uint32_t partition_count, const std::array<std::byte, 16>& identity);
Result<FileHeader> check_header(const std::string& path, std::span<const std::byte> page, uint32_t partition);

// The writer may write a slot while it is read: so each has a checksum, and there are two.
struct FoundWatermark {
    Watermark mark{};
    size_t slot = 0;
};
std::optional<FoundWatermark> watermark_of(std::span<const std::byte> page);

// One step through a block: a record, or the filling behind the last record.
struct Step {
    size_t bytes = 0;
    std::optional<Record> record;
};

// Takes the step at the start of `window`, which holds the file from there to the end of the block, or to the end of
// what may be read if that comes first (`whole` false). nullopt: there is no whole record of offset `expected`.
std::optional<Step> take_step(std::span<const std::byte> window, bool whole, Offset expected);

std::string partition_path(const std::string& directory, uint32_t partition);

// The error of a system call that just failed, by errno.
Error system_error(std::string_view doing, const std::string& path);
Error replaced(const std::string& path);
Error truncated(const std::string& path);

}  // namespace upline::embedded
