// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_format.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace upline::embedded {

uint64_t checksum_of(std::span<const std::byte> bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
}

FileHeader header_of(uint32_t partition_count, const std::array<std::byte, 16>& identity) {
    return {kMagic, kFormatVersion, 0, partition_count, 0, identity, 0};
}

Result<FileHeader> check_header(const std::string& path, std::span<const std::byte> page, uint32_t partition) {
    FileHeader header;
    if (page.size() < kHeaderPageBytes) {
        return Error{ErrorCode::kCorrupt, fmt::format("{} ends within its header", path)};
    }
    std::memcpy(&header, page.data(), sizeof header);
    if (header.magic != kMagic) return Error{ErrorCode::kCorrupt, fmt::format("{} is no Upline log", path)};
    if (header.version > kFormatVersion) {
        return Error{ErrorCode::kConflict,
                     fmt::format("{} has log format {}, this program knows {}: use the release that wrote it", path,
                                 header.version, kFormatVersion)};
    }
    if (header.checksum != checksum_of(header) || header.version != kFormatVersion) {
        return Error{ErrorCode::kCorrupt, fmt::format("{}: the header does not have its checksum", path)};
    }
    if (header.partition != partition) {
        return Error{ErrorCode::kCorrupt,
                     fmt::format("{} holds partition {}: the file was renamed", path, header.partition)};
    }
    return header;
}

std::optional<FoundWatermark> watermark_of(std::span<const std::byte> page) {
    std::optional<FoundWatermark> best;
    for (size_t slot = 0; slot < kSlotAt.size(); ++slot) {
        Watermark mark;
        std::memcpy(&mark, page.data() + kSlotAt[slot], sizeof mark);
        if (mark.checksum == checksum_of(mark) && (!best || mark.end > best->mark.end)) best = {mark, slot};
    }
    return best;
}

std::optional<Step> take_step(std::span<const std::byte> window, bool whole, Offset expected) {
    const auto is_zero = [](std::byte b) { return b == std::byte{0}; };
    if (window.size() < sizeof(RecordHeader)) {
        if (!whole || !std::all_of(window.begin(), window.end(), is_zero)) return std::nullopt;
        return Step{window.size(), std::nullopt};
    }
    RecordHeader header;
    std::memcpy(&header, window.data(), sizeof header);
    const size_t size = sizeof header + round_up_8(header.length);
    if (size > window.size() || header.offset != expected) return std::nullopt;
    if (header.checksum != checksum_of(window.subspan(sizeof header.checksum, size - sizeof header.checksum))) {
        return std::nullopt;
    }
    if (header.kind == kKindFiller && whole && size == window.size()) return Step{size, std::nullopt};
    if (header.kind != kKindRecord || header.length > kMaxValueBytes) return std::nullopt;
    return Step{size, Record{header.offset, header.append_time_ms, window.subspan(sizeof header, header.length)}};
}

std::string partition_path(const std::string& directory, uint32_t partition) {
    return fmt::format("{}/partition-{:05}.log", directory, partition);
}

Error system_error(std::string_view doing, const std::string& path) {
    const int number = errno;
    const ErrorCode code = number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable;
    std::string_view advice;
    if (number == ENOSPC || number == EDQUOT) advice = "; free some space and try again";
    if (number == EACCES || number == EPERM || number == EROFS) advice = "; check who may write there";
    return {code, fmt::format("cannot {} {}: {}{}", doing, path, std::strerror(number), advice)};
}

Error replaced(const std::string& path) {
    return {
        ErrorCode::kConflict,
        fmt::format("{} is not the file it was: the log was replaced; bring the old one back, or start a new ledger",
                    path)};
}

Error truncated(const std::string& path) {
    return {
        ErrorCode::kConflict,
        fmt::format("{} is shorter than what it held: the log was truncated or replaced; bring the old one back, or "
                    "start a new ledger",
                    path)};
}

}  // namespace upline::embedded
