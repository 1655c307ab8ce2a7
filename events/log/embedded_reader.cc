// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_reader.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "events/base/check.h"
#include "events/log/embedded_partition.h"

namespace upline::embedded {
namespace {

// How often a waiting reader looks for new records.
constexpr auto kPollInterval = std::chrono::milliseconds(1);

class EmbeddedReader final : public LogReader {
  public:
    EmbeddedReader(FileSystem& files, OpenPartition opened)
        : files_(files), file_(std::move(opened)), cursor_(files, file_.fd.get(), file_.path) {}

    // After a power cut the watermark lags until the next writer, so without one the reader finds the end itself.
    Status find_durable_end(const std::string& directory) {
        const std::string path = directory + "/lock";
        const Fd lock(files_.open(path.c_str(), O_RDONLY, 0));
        if (lock.get() < 0) return system_error("open", path);
        if (files_.flock(lock.get(), LOCK_SH | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return refresh();
            return system_error("lock", path);
        }
        UPLINE_TRY(refresh());
        struct stat status;
        if (files_.fstat(file_.fd.get(), &status) != 0) return system_error("look at", file_.path);
        UPLINE_TRY_ASSIGN(const End end, find_end(cursor_, file_.durable, static_cast<uint64_t>(status.st_size)));
        if (end.position > file_.durable.position) {
            if (files_.fdatasync(file_.fd.get()) != 0) return system_error("sync", file_.path);
            file_.durable = end;
        }
        cursor_.go_to(kHeaderPageBytes, 0);
        return ok_status();
    }

    Status go_behind(const LogPosition& after) {
        if (after.offset < 0 || after.offset >= file_.durable.next_offset) return truncated(file_.path);
        UPLINE_TRY(go_to_block_of(after.offset));
        for (;;) {
            UPLINE_TRY_ASSIGN(const bool loaded, cursor_.load(file_.durable.position));
            if (!loaded) return truncated(file_.path);
            const std::optional<Step> step = cursor_.step();
            if (!step) return cursor_.corrupt();
            if (!step->record || step->record->offset < after.offset) continue;
            if (position_of(*step->record) != after) return replaced(file_.path);
            return ok_status();
        }
    }

    Status read(size_t max_records, size_t max_bytes, int timeout_ms, RecordBatch& batch) override {
        batch.clear();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        while (batch.size() < max_records && batch.value_bytes() < max_bytes) {
            UPLINE_TRY_ASSIGN(const bool loaded, cursor_.load(file_.durable.position));
            if (loaded) {
                const std::optional<Step> step = cursor_.step();
                if (!step) {
                    UPLINE_TRY(refresh());  // a file replaced in place is no corruption
                    return cursor_.corrupt();
                }
                if (step->record) batch.append(step->record->offset, step->record->append_time_ms, step->record->value);
                continue;
            }
            if (!batch.empty()) break;
            const uint64_t before = file_.durable.position;
            UPLINE_TRY(refresh());
            if (file_.durable.position != before) continue;
            if (std::chrono::steady_clock::now() >= deadline) break;
            std::this_thread::sleep_for(kPollInterval);
        }
        return ok_status();
    }

    Result<bool> at_end() override {
        UPLINE_TRY(refresh());
        return cursor_.position() == file_.durable.position;
    }
    Result<Offset> end() override {
        UPLINE_TRY(refresh());
        return file_.durable.next_offset;
    }

    void note_progress(Offset) override {}

  private:
    // Reads how far the log is durable now, and checks that it is still the same log.
    Status refresh() {
        struct stat by_name;
        struct stat by_fd;
        if (files_.stat(file_.path.c_str(), &by_name) != 0) {
            return errno == ENOENT ? replaced(file_.path) : system_error("look at", file_.path);
        }
        if (files_.fstat(file_.fd.get(), &by_fd) != 0) return system_error("look at", file_.path);
        if (by_name.st_ino != by_fd.st_ino || by_name.st_dev != by_fd.st_dev) return replaced(file_.path);
        if (static_cast<uint64_t>(by_fd.st_size) < file_.durable.position) return truncated(file_.path);
        std::array<std::byte, kHeaderPageBytes> page;
        const ssize_t got = read_all(files_, file_.fd.get(), page, 0);
        if (got < 0) return system_error("read", file_.path);
        if (static_cast<size_t>(got) < page.size()) return truncated(file_.path);
        if (std::memcmp(page.data(), &file_.header, sizeof file_.header) != 0) return replaced(file_.path);
        const std::optional<FoundWatermark> found = watermark_of(page);
        if (found && found->mark.end > file_.durable.position) {
            file_.durable = {found->mark.end, found->mark.next_offset};
        }
        return ok_status();
    }

    // Goes to the last block whose first record is not after `offset`.
    Status go_to_block_of(Offset offset) {
        uint64_t low = 0;
        uint64_t high = block_of(file_.durable.position - 1);
        while (low < high) {
            const uint64_t middle = low + (high - low + 1) / 2;
            UPLINE_TRY_ASSIGN(const Offset first, first_offset_of(middle));
            (first <= offset ? low : high) = first <= offset ? middle : middle - 1;
        }
        UPLINE_TRY_ASSIGN(const Offset first, first_offset_of(low));
        cursor_.go_to(block_start(low), first);
        return ok_status();
    }

    Result<Offset> first_offset_of(uint64_t block) {
        cursor_.go_to(block_start(block), 0);
        UPLINE_TRY_ASSIGN(const bool loaded, cursor_.load(file_.durable.position));
        UPLINE_CHECK(loaded, "a block that is searched starts before the durable end");
        const Offset first = cursor_.claimed_offset();
        cursor_.go_to(block_start(block), first);
        UPLINE_TRY(cursor_.load(file_.durable.position));
        if (!cursor_.step()) {
            cursor_.go_to(block_start(block), first);
            return cursor_.corrupt();
        }
        return first;
    }

    FileSystem& files_;
    OpenPartition file_;
    RecordCursor cursor_;
};

}  // namespace

Result<std::unique_ptr<LogReader>> open_reader(FileSystem& files, const std::string& directory, const FileHeader& log,
                                               uint32_t partition, const std::optional<LogPosition>& after) {
    UPLINE_TRY_ASSIGN(OpenPartition opened, open_sibling(files, directory, partition, O_RDONLY, log));
    auto reader = std::make_unique<EmbeddedReader>(files, std::move(opened));
    UPLINE_TRY(reader->find_durable_end(directory));
    if (after) UPLINE_TRY(reader->go_behind(*after));
    return std::unique_ptr<LogReader>(std::move(reader));
}

}  // namespace upline::embedded
