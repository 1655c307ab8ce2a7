// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_log.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <span>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "events/log/embedded_partition.h"
#include "events/log/embedded_reader.h"
#include "events/log/embedded_writer.h"

namespace upline {
namespace {

using namespace embedded;

Result<Unit> write_new_partition(FileSystem& files, const std::string& directory, FileHeader header) {
    const std::string path = partition_path(directory, header.partition);
    header.checksum = checksum_of(header);
    Watermark mark{kHeaderPageBytes, 0, 0};
    mark.checksum = checksum_of(mark);
    std::array<std::byte, kHeaderPageBytes> page{};
    std::memcpy(page.data(), &header, sizeof header);
    std::memcpy(page.data() + kSlotAt[0], &mark, sizeof mark);
    const Fd fd(files.open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666));
    if (fd.get() < 0) return system_error("create", path);
    if (!write_all(files, fd.get(), page, 0)) return system_error("write", path);
    if (files.fsync(fd.get()) != 0) return system_error("sync", path);
    return ok_status();
}

Status write_new_log(FileSystem& files, const std::string& directory, uint32_t partitions) {
    if (files.mkdir(directory.c_str(), 0777) != 0) return system_error("make the folder", directory);
    FileHeader header = header_of(partitions, {});
    if (getrandom(header.identity.data(), header.identity.size(), 0) != static_cast<ssize_t>(header.identity.size())) {
        return system_error("draw random bytes for", directory);
    }
    for (; header.partition < partitions; ++header.partition) {
        UPLINE_TRY(write_new_partition(files, directory, header));
    }
    const std::string lock = directory + "/lock";
    const Fd fd(files.open(lock.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666));
    if (fd.get() < 0) return system_error("create", lock);
    return sync_folder(directory, files);
}

// Makes the log under a temporary name and renames it, so that nobody ever sees half of one.
Status create_log(FileSystem& files, const std::string& directory, uint32_t partitions) {
    // If a parent is missing, mkdir says so below.
    (void)make_folders(std::filesystem::absolute(directory).parent_path(), files);
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random) return system_error("draw random bytes for", directory);
    const std::string temporary = fmt::format("{}.new-{:016x}", directory, random);
    Status made = write_new_log(files, temporary, partitions);
    if (made.ok() && files.rename(temporary.c_str(), directory.c_str()) != 0) {
        made = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                   ? Error{ErrorCode::kConflict,
                           fmt::format("{} holds other things and no log: choose another folder", directory)}
                   : system_error("rename the new log to", directory);
    }
    if (!made.ok()) {
        (void)remove_folder(temporary, files);
        return made;
    }
    return ok_status();
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::open(std::string directory,
                                                       std::optional<uint32_t> create_with_partitions,
                                                       FileSystem& files) {
    while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
    if (create_with_partitions && (*create_with_partitions == 0 || *create_with_partitions > kMaxEmbeddedPartitions)) {
        return Error{ErrorCode::kInvalid, fmt::format("an embedded log has 1 to {} partitions, not {}",
                                                      kMaxEmbeddedPartitions, *create_with_partitions)};
    }
    Result<OpenPartition> first = open_partition(files, directory, 0, O_RDONLY);
    if (!first.ok() && first.error().code == ErrorCode::kNotFound) {
        if (!create_with_partitions) {
            return Error{
                ErrorCode::kNotFound,
                fmt::format("there is no event log in {}: check the path, or let `produce` make one", directory)};
        }
        const Status created = create_log(files, directory, *create_with_partitions);
        first = open_partition(files, directory, 0, O_RDONLY);
        // After a conflict another process may have made the log at the same moment: that log is used.
        if (!created.ok() && (created.error().code != ErrorCode::kConflict || !first.ok())) return created.error();
    }
    if (!first.ok()) return first.error();

    std::unique_ptr<EmbeddedLog> log(new EmbeddedLog(std::move(directory), files));
    log->partition_count_ = first->header.partition_count;
    log->identity_ = first->header.identity;
    for (uint32_t partition = 1; partition < log->partition_count_; ++partition) {
        UPLINE_TRY(open_sibling(files, log->directory_, partition, O_RDONLY, first->header));
    }
    return log;
}

std::string EmbeddedLog::identity() const {
    return to_hex(identity_);
}

Result<std::unique_ptr<LogReader>> EmbeddedLog::open_reader(uint32_t partition, std::optional<LogPosition> after) {
    if (partition >= partition_count_) {
        return Error{ErrorCode::kInvalid,
                     fmt::format("there is no partition {}: {} has {}", partition, directory_, partition_count_)};
    }
    return embedded::open_reader(files_, directory_, header_of(partition_count_, identity_), partition, after);
}

Result<std::unique_ptr<LogWriter>> EmbeddedLog::open_writer() {
    // The log's name may not be on the disk yet: its maker may have been killed right after the rename.
    UPLINE_TRY(sync_folder(std::filesystem::absolute(directory_).parent_path(), files_));
    return embedded::open_writer(files_, directory_, header_of(partition_count_, identity_), notices_);
}

}  // namespace upline
