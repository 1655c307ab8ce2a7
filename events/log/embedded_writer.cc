// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "events/log/embedded_partition.h"

namespace upline::embedded {
namespace {

// How long a writer waits for readers that are finding the log's end.
constexpr auto kReaderGrace = std::chrono::seconds(2);

int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

class EmbeddedWriter final : public LogWriter {
  public:
    EmbeddedWriter(FileSystem& files, Fd lock) : files_(files), lock_(std::move(lock)) {}

    // After a clean shutdown the watermarks survive a power cut too. Nothing depends on it.
    ~EmbeddedWriter() override {
        for (const auto& [partition, span] : written_) (void)files_.fdatasync(partitions_[partition].file.fd.get());
    }
    EmbeddedWriter(const EmbeddedWriter&) = delete;
    EmbeddedWriter& operator=(const EmbeddedWriter&) = delete;

    // Keeps the whole records behind the watermark, cuts off what is torn, and makes the rest durable.
    Status take_over(OpenPartition opened, std::vector<std::string>& notices) {
        Partition partition;
        partition.file = std::move(opened);
        OpenPartition& file = partition.file;
        RecordCursor cursor(files_, file.fd.get(), file.path);
        UPLINE_TRY_ASSIGN(const End end, find_end(cursor, file.durable, file.file_size));
        if (file.file_size > end.position) {
            if (files_.ftruncate(file.fd.get(), static_cast<off_t>(end.position)) != 0) {
                return system_error("cut the torn tail of", file.path);
            }
            notices.push_back(fmt::format("{}: cut off {} bytes behind offset {} that were never acknowledged",
                                          file.path, file.file_size - end.position, end.next_offset - 1));
        }
        if (end.position != file.durable.position || file.file_size > end.position) {
            if (files_.fdatasync(file.fd.get()) != 0) return system_error("sync", file.path);
        }
        partition.end = end;
        partition.written_to = end.position;
        if (end.position != file.durable.position) UPLINE_TRY(publish(partition));
        partitions_.push_back(std::move(partition));
        return ok_status();
    }

    Status append(std::string_view program, std::span<const std::byte> value,
                  std::optional<int64_t> append_time_ms) override {
        return append_to(partition_of(program, static_cast<uint32_t>(partitions_.size())), program, value,
                         append_time_ms);
    }

    Status append_to(uint32_t partition_number, std::string_view, std::span<const std::byte> value,
                     std::optional<int64_t> append_time_ms) override {
        if (broken_) return *broken_;
        if (partition_number >= partitions_.size()) {
            return Error{ErrorCode::kInvalid,
                         fmt::format("there is no partition {}: the log has {}", partition_number, partitions_.size())};
        }
        if (value.size() > kMaxValueBytes) {
            return Error{ErrorCode::kInvalid, fmt::format("a record of {} bytes is too large: a log takes {} at most",
                                                          value.size(), kMaxValueBytes)};
        }
        const int64_t time_ms = append_time_ms.value_or(now_ms());
        if (time_ms < 0) return Error{ErrorCode::kInvalid, "an append time before 1970"};

        Partition& partition = partitions_[partition_number];
        const uint64_t room = block_end(partition.end.position) - partition.end.position;
        if (sizeof(RecordHeader) + round_up_8(value.size()) > room) fill_up(partition, room);
        encode(partition, kKindRecord, time_ms, value.size(), value);
        ++partition.end.next_offset;
        ++partition.unconfirmed;
        if (partition.buffer.size() >= kBlockBytes) return write_out(partition);
        return ok_status();
    }

    Status flush() override {
        if (broken_) return *broken_;
        for (Partition& partition : partitions_) UPLINE_TRY(write_out(partition));
        for (const Partition& partition : partitions_) {
            if (partition.unconfirmed > 0 && files_.fdatasync(partition.file.fd.get()) != 0) {
                return break_down("sync", partition);
            }
        }
        for (Partition& partition : partitions_) {
            if (partition.unconfirmed == 0) continue;
            if (const Status published = publish(partition); !published.ok()) {
                // The records are on the disk and the watermark may be: nothing may be cut off any more.
                broken_ = Error{ErrorCode::kUnavailable, published.error().message + unconfirmed_words()};
                return *broken_;
            }
            Span& span = written_.try_emplace(partition.file.header.partition).first->second;
            if (span.count == 0) span.first = partition.end.next_offset - static_cast<Offset>(partition.unconfirmed);
            span.last = partition.end.next_offset - 1;
            span.count += partition.unconfirmed;
            partition.unconfirmed = 0;
        }
        return ok_status();
    }

    const std::map<uint32_t, Span>& written() const override { return written_; }

  private:
    struct Partition {
        OpenPartition file;
        End end;                  // behind all that was appended
        uint64_t written_to = 0;  // up to here the file has it; the rest is in `buffer`
        std::vector<std::byte> buffer;
        uint64_t unconfirmed = 0;  // records
    };

    void fill_up(Partition& partition, uint64_t room) {
        if (room < sizeof(RecordHeader)) {
            partition.buffer.resize(partition.buffer.size() + room);
            partition.end.position += room;
            return;
        }
        encode(partition, kKindFiller, 0, room - sizeof(RecordHeader), {});
    }

    // Appends a record of `length` bytes to the buffer: `value`, then zeros.
    static void encode(Partition& partition, uint32_t kind, int64_t time_ms, size_t length,
                       std::span<const std::byte> value) {
        RecordHeader header{0, static_cast<uint32_t>(length), kind, time_ms, partition.end.next_offset};
        const size_t at = partition.buffer.size();
        const size_t size = sizeof header + round_up_8(length);
        partition.buffer.resize(at + size);
        std::byte* place = partition.buffer.data() + at;
        std::memcpy(place, &header, sizeof header);
        if (!value.empty()) std::memcpy(place + sizeof header, value.data(), value.size());
        header.checksum = checksum_of({place + sizeof header.checksum, size - sizeof header.checksum});
        std::memcpy(place, &header.checksum, sizeof header.checksum);
        partition.end.position += size;
    }

    Status write_out(Partition& partition) {
        if (partition.buffer.empty()) return ok_status();
        if (!write_all(files_, partition.file.fd.get(), partition.buffer, static_cast<off_t>(partition.written_to))) {
            return break_down("write", partition);
        }
        partition.written_to += partition.buffer.size();
        partition.buffer.clear();
        return ok_status();
    }

    Status publish(Partition& partition) {
        Watermark mark{partition.end.position, partition.end.next_offset, 0};
        mark.checksum = checksum_of(mark);
        const size_t slot = 1 - partition.file.watermark_slot;
        const auto at = static_cast<off_t>(kSlotAt[slot]);
        if (!write_all(files_, partition.file.fd.get(), std::as_bytes(std::span(&mark, 1)), at)) {
            return system_error("write the watermark of", partition.file.path);
        }
        partition.file.watermark_slot = slot;
        partition.file.durable = partition.end;
        return ok_status();
    }

    // After a failed write or sync the kernel may have dropped the pages, and a second sync would report success. So
    // nothing is tried again: what is not confirmed is cut off, and the writer is done.
    Status break_down(std::string_view doing, const Partition& where) {
        const std::string words = system_error(doing, where.file.path).message;
        for (const Partition& partition : partitions_) {
            if (partition.unconfirmed > 0) {
                (void)files_.ftruncate(partition.file.fd.get(), static_cast<off_t>(partition.file.durable.position));
            }
        }
        broken_ = Error{ErrorCode::kUnavailable, words + unconfirmed_words()};
        return *broken_;
    }

    std::string unconfirmed_words() const {
        uint64_t count = 0;
        for (const Partition& partition : partitions_) count += partition.unconfirmed;
        return fmt::format(" ({} records are not confirmed; append them again)", count);
    }

    FileSystem& files_;
    Fd lock_;
    std::vector<Partition> partitions_;
    std::map<uint32_t, Span> written_;
    std::optional<Error> broken_;
};

// The process id in the lock file serves this message only. The kernel holds the lock, and frees it with its holder.
Error locked_by_other(FileSystem& files, int lock, const std::string& directory) {
    std::array<std::byte, 32> text{};
    const ssize_t got = read_all(files, lock, std::span(text).first(31), 0);
    std::string holder(reinterpret_cast<const char*>(text.data()), got > 0 ? static_cast<size_t>(got) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    return {ErrorCode::kConflict, fmt::format("{} is being written to by {}: wait until it is done, or end it",
                                              directory, holder.empty() ? "another process" : "process " + holder)};
}

Result<Fd> lock_for_writing(FileSystem& files, const std::string& directory) {
    const std::string path = directory + "/lock";
    Fd lock(files.open(path.c_str(), O_RDWR, 0));
    if (lock.get() < 0) return system_error("open", path);
    const auto deadline = std::chrono::steady_clock::now() + kReaderGrace;
    while (files.flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_error("lock", path);
        // Readers share the lock while they look for the log's end; a writer holds it alone.
        const bool only_readers = files.flock(lock.get(), LOCK_SH | LOCK_NB) == 0;
        (void)files.flock(lock.get(), LOCK_UN);
        if (!only_readers || std::chrono::steady_clock::now() >= deadline) {
            return locked_by_other(files, lock.get(), directory);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const std::string holder = fmt::format("{}\n", ::getpid());
    if (files.ftruncate(lock.get(), 0) == 0) {
        (void)write_all(files, lock.get(), std::as_bytes(std::span(holder)), 0);
    }
    return lock;
}

}  // namespace

Result<std::unique_ptr<LogWriter>> open_writer(FileSystem& files, const std::string& directory, const FileHeader& log,
                                               std::vector<std::string>& notices) {
    UPLINE_TRY_ASSIGN(Fd lock, lock_for_writing(files, directory));
    auto writer = std::make_unique<EmbeddedWriter>(files, std::move(lock));
    for (uint32_t partition = 0; partition < log.partition_count; ++partition) {
        UPLINE_TRY_ASSIGN(OpenPartition opened, open_sibling(files, directory, partition, O_RDWR, log));
        UPLINE_TRY(writer->take_over(std::move(opened), notices));
    }
    return std::unique_ptr<LogWriter>(std::move(writer));
}

}  // namespace upline::embedded
