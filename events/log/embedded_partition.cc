// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_partition.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace upline::embedded {

Result<bool> RecordCursor::load(uint64_t limit) {
    if (!window_.empty()) return true;
    const uint64_t end = std::min(block_end(position_), limit);
    if (end <= position_) return false;
    const auto wanted = std::span(memory_.get(), end - position_);
    const ssize_t got = read_all(files_, fd_, wanted, static_cast<off_t>(position_));
    if (got < 0) return system_error("read", path_);
    if (static_cast<size_t>(got) < wanted.size()) return truncated(path_);
    window_ = wanted;
    whole_ = end == block_end(position_);
    return true;
}

std::optional<Step> RecordCursor::step() {
    const std::optional<Step> taken = take_step(window_, whole_, next_offset_);
    if (taken) {
        position_ += taken->bytes;
        window_ = window_.subspan(taken->bytes);
        if (taken->record) ++next_offset_;
    }
    return taken;
}

Offset RecordCursor::claimed_offset() const {
    RecordHeader header{};
    std::memcpy(&header, window_.data(), std::min(window_.size(), sizeof header));
    return header.offset;
}

Error RecordCursor::corrupt() const {
    return {ErrorCode::kCorrupt,
            fmt::format("{}: the record of offset {}, at byte {}, is not what was written; restore the file from a "
                        "copy",
                        path_, next_offset_, position_)};
}

Result<End> find_end(RecordCursor& cursor, End from, uint64_t file_size) {
    cursor.go_to(from.position, from.next_offset);
    End end = from;
    for (;;) {
        UPLINE_TRY_ASSIGN(const bool loaded, cursor.load(file_size));
        if (!loaded) return end;
        const std::optional<Step> step = cursor.step();
        if (!step) return end;
        if (step->record) end = {cursor.position(), cursor.next_offset()};
    }
}

Result<OpenPartition> open_partition(FileSystem& files, const std::string& directory, uint32_t partition, int flags) {
    OpenPartition opened;
    opened.path = partition_path(directory, partition);
    opened.fd = Fd(files.open(opened.path.c_str(), flags, 0));
    if (opened.fd.get() < 0) return system_error("open", opened.path);
    std::array<std::byte, kHeaderPageBytes> page;
    const ssize_t got = read_all(files, opened.fd.get(), page, 0);
    if (got < 0) return system_error("read", opened.path);
    UPLINE_TRY_ASSIGN(opened.header,
                      check_header(opened.path, std::span(page).first(static_cast<size_t>(got)), partition));
    const std::optional<FoundWatermark> found = watermark_of(page);
    if (!found) return Error{ErrorCode::kCorrupt, fmt::format("{}: no watermark has its checksum", opened.path)};
    opened.durable = {found->mark.end, found->mark.next_offset};
    opened.watermark_slot = found->slot;
    struct stat status;
    if (files.fstat(opened.fd.get(), &status) != 0) return system_error("look at", opened.path);
    opened.file_size = static_cast<uint64_t>(status.st_size);
    if (opened.file_size < opened.durable.position) return truncated(opened.path);
    return opened;
}

Result<OpenPartition> open_sibling(FileSystem& files, const std::string& directory, uint32_t partition, int flags,
                                   const FileHeader& known) {
    Result<OpenPartition> opened = open_partition(files, directory, partition, flags);
    if (!opened.ok() && opened.error().code == ErrorCode::kNotFound) {
        return Error{ErrorCode::kConflict, fmt::format("{} is gone: bring it back, the log is not whole without it",
                                                       partition_path(directory, partition))};
    }
    if (opened.ok() &&
        (opened->header.identity != known.identity || opened->header.partition_count != known.partition_count)) {
        return replaced(opened->path);
    }
    return opened;
}

}  // namespace upline::embedded
