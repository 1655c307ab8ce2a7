// SPDX-License-Identifier: Apache-2.0
#include "events/log/embedded_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

namespace upline {
namespace {

static_assert(std::endian::native == std::endian::little, "the structs below are the file's bytes");

constexpr uint32_t kFormatVersion = 1;
constexpr std::array<char, 8> kMagic = {'U', 'P', 'L', 'N', 'L', 'O', 'G', '\0'};
constexpr uint64_t kHeaderPageBytes = 4096;
constexpr std::array<size_t, 2> kSlotAt = {512, 1024};
constexpr uint64_t kBlockBytes = uint64_t{1} << 20;
constexpr uint32_t kKindRecord = 1;
constexpr uint32_t kKindFiller = 2;

// How often a waiting reader looks for new records.
constexpr auto kPollInterval = std::chrono::milliseconds(1);
// How long a writer waits for readers that are just finding the log's end.
constexpr auto kReaderGrace = std::chrono::seconds(2);

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

constexpr size_t round_up_8(size_t n) {
    return (n + 7) & ~size_t{7};
}

uint64_t block_start(uint64_t block) {
    return kHeaderPageBytes + block * kBlockBytes;
}
uint64_t block_of(uint64_t position) {
    return (position - kHeaderPageBytes) / kBlockBytes;
}
uint64_t block_end(uint64_t position) {
    return block_start(block_of(position) + 1);
}

template <class T>
uint64_t checksum_of(const T& sealed) {
    return XXH3_64bits(&sealed, offsetof(T, checksum));
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string partition_path(const std::string& directory, uint32_t partition) {
    return fmt::format("{}/partition-{:05}.log", directory, partition);
}

// The error of a system call that just failed.
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

// ---------------------------------------------------------------------------------------------------------------------
// Reading a file's parts

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

// Slots are read while the writer may write one of them, hence the checksums and the two of them.
struct FoundWatermark {
    Watermark mark{};
    size_t slot = 0;
};
std::optional<FoundWatermark> watermark_of(std::span<const std::byte> page) {
    std::optional<FoundWatermark> best;
    for (size_t slot = 0; slot < kSlotAt.size(); ++slot) {
        Watermark mark;
        std::memcpy(&mark, page.data() + kSlotAt[slot], sizeof mark);
        if (mark.checksum == checksum_of(mark) && (!best || mark.end > best->mark.end)) best = {mark, slot};
    }
    return best;
}

// One step through a block: a record, or what fills the block up behind the last one.
struct Step {
    size_t bytes = 0;
    std::optional<Record> record;
};

// Takes the step at the start of `window`, which holds the file from there to the end of the block, or to the end of
// what may be read if that comes first (`whole` false). nullopt: there is no whole record of offset `expected`.
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
    if (header.checksum != XXH3_64bits(window.data() + sizeof header.checksum, size - sizeof header.checksum)) {
        return std::nullopt;
    }
    if (header.kind == kKindFiller && whole && size == window.size()) return Step{size, std::nullopt};
    if (header.kind != kKindRecord || header.length > kMaxValueBytes) return std::nullopt;
    return Step{size, Record{header.offset, header.append_time_ms, window.subspan(sizeof header, header.length)}};
}

// Walks the records of one file in order. A window of it, from the next step to the end of its block, is in memory.
class Walk {
  public:
    Walk(FileSystem& files, int fd, const std::string& path) : files_(files), fd_(fd), path_(path) {
        memory_ = std::make_unique_for_overwrite<std::byte[]>(kBlockBytes);
    }

    uint64_t position() const { return position_; }
    Offset next_offset() const { return next_offset_; }

    void go_to(uint64_t position, Offset next_offset) {
        position_ = position;
        next_offset_ = next_offset;
        window_ = {};
    }

    // Reads on as far as `limit`, if the window is used up. False: nothing is there before `limit`.
    Result<bool> load(uint64_t limit) {
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

    // REQUIRES: load() said true.
    std::optional<Step> step() {
        const std::optional<Step> taken = take_step(window_, whole_, next_offset_);
        if (taken) {
            position_ += taken->bytes;
            window_ = window_.subspan(taken->bytes);
            if (taken->record) ++next_offset_;
        }
        return taken;
    }

    // The offset the loaded window's first record says it has. Not verified.
    Offset claimed_offset() const {
        RecordHeader header{};
        std::memcpy(&header, window_.data(), std::min(window_.size(), sizeof header));
        return header.offset;
    }

    Error corrupt() const {
        return {ErrorCode::kCorrupt,
                fmt::format("{}: the record of offset {}, at byte {}, is not what was written; restore the file from a "
                            "copy",
                            path_, next_offset_, position_)};
    }

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

// Follows whole records from `from` on, where no writer vouches for them. REQUIRES: none writes meanwhile.
Result<End> find_end(Walk& walk, End from, uint64_t file_size) {
    walk.go_to(from.position, from.next_offset);
    End end = from;
    for (;;) {
        UPLINE_TRY_ASSIGN(const bool loaded, walk.load(file_size));
        if (!loaded) return end;
        const std::optional<Step> step = walk.step();
        if (!step) return end;
        if (step->record) end = {walk.position(), walk.next_offset()};
    }
}

struct OpenPartition {
    Fd fd;
    std::string path;
    FileHeader header{};
    End durable;                // by the watermark
    size_t watermark_slot = 0;  // which has it
    uint64_t file_size = 0;
};

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

FileHeader header_of(uint32_t partition_count, const std::array<std::byte, 16>& identity) {
    return {kMagic, kFormatVersion, 0, partition_count, 0, identity, 0};
}

// Opens another file of the log one of whose headers is `known`.
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

// ---------------------------------------------------------------------------------------------------------------------
// Reader

class EmbeddedReader final : public LogReader {
  public:
    EmbeddedReader(FileSystem& files, OpenPartition opened)
        : files_(files), file_(std::move(opened)), walk_(files, file_.fd.get(), file_.path) {}

    // Without a writer nobody moves the watermark on after a power cut, so the reader looks for itself.
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
        UPLINE_TRY_ASSIGN(const End end, find_end(walk_, file_.durable, static_cast<uint64_t>(status.st_size)));
        if (end.position > file_.durable.position) {
            if (files_.fdatasync(file_.fd.get()) != 0) return system_error("sync", file_.path);
            file_.durable = end;
        }
        walk_.go_to(kHeaderPageBytes, 0);
        return ok_status();
    }

    Status go_behind(const LogPosition& after) {
        if (after.offset < 0 || after.offset >= file_.durable.next_offset) return truncated(file_.path);
        UPLINE_TRY(go_to_block_of(after.offset));
        for (;;) {
            UPLINE_TRY_ASSIGN(const bool loaded, walk_.load(file_.durable.position));
            if (!loaded) return truncated(file_.path);
            const std::optional<Step> step = walk_.step();
            if (!step) return walk_.corrupt();
            if (!step->record || step->record->offset < after.offset) continue;
            if (position_of(*step->record) != after) return replaced(file_.path);
            return ok_status();
        }
    }

    Status read(size_t max_records, size_t max_bytes, int timeout_ms, RecordBatch& batch) override {
        batch.clear();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        while (batch.size() < max_records && batch.value_bytes() < max_bytes) {
            UPLINE_TRY_ASSIGN(const bool loaded, walk_.load(file_.durable.position));
            if (loaded) {
                const std::optional<Step> step = walk_.step();
                if (!step) {
                    UPLINE_TRY(refresh());  // a file replaced in place is no corruption
                    return walk_.corrupt();
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
        return walk_.position() == file_.durable.position;
    }

    void note_progress(Offset) override {}

  private:
    // Learns how far the log is durable by now, and that it still is the log it was.
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

    // To the last block whose first record is not after `offset`.
    Status go_to_block_of(Offset offset) {
        uint64_t low = 0;
        uint64_t high = block_of(file_.durable.position - 1);
        while (low < high) {
            const uint64_t middle = low + (high - low + 1) / 2;
            UPLINE_TRY_ASSIGN(const Offset first, first_offset_of(middle));
            (first <= offset ? low : high) = first <= offset ? middle : middle - 1;
        }
        UPLINE_TRY_ASSIGN(const Offset first, first_offset_of(low));
        walk_.go_to(block_start(low), first);
        return ok_status();
    }

    Result<Offset> first_offset_of(uint64_t block) {
        walk_.go_to(block_start(block), 0);
        UPLINE_TRY_ASSIGN(const bool loaded, walk_.load(file_.durable.position));
        UPLINE_CHECK(loaded, "a block that is searched starts before the durable end");
        const Offset first = walk_.claimed_offset();
        walk_.go_to(block_start(block), first);
        UPLINE_TRY(walk_.load(file_.durable.position));
        if (!walk_.step()) {
            walk_.go_to(block_start(block), first);
            return walk_.corrupt();
        }
        return first;
    }

    FileSystem& files_;
    OpenPartition file_;
    Walk walk_;
};

// ---------------------------------------------------------------------------------------------------------------------
// Writer

class EmbeddedWriter final : public LogWriter {
  public:
    EmbeddedWriter(FileSystem& files, Fd lock) : files_(files), lock_(std::move(lock)) {}

    // Makes a clean shutdown leave watermarks that survive a power cut too. Nothing depends on it.
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
        Walk walk(files_, file.fd.get(), file.path);
        UPLINE_TRY_ASSIGN(const End end, find_end(walk, file.durable, file.file_size));
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
                // The records are on the disk and the watermark may be: nothing must be cut off any more.
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
        header.checksum = XXH3_64bits(place + sizeof header.checksum, size - sizeof header.checksum);
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
        if (!write_all(files_, partition.file.fd.get(), bytes_of(mark), at)) {
            return system_error("write the watermark of", partition.file.path);
        }
        partition.file.watermark_slot = slot;
        partition.file.durable = partition.end;
        return ok_status();
    }

    // After a failed write or sync the kernel may have forgotten what it could not write, and a second sync would call
    // it good. So nothing is tried again: what is not confirmed is cut off, and the writer is done.
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

// ---------------------------------------------------------------------------------------------------------------------
// Making a log, and locking it

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

Status sync_directory(FileSystem& files, const std::string& path) {
    const Fd fd(files.open(path.c_str(), O_RDONLY | O_DIRECTORY, 0));
    if (fd.get() < 0) return system_error("open", path);
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
    return sync_directory(files, directory);
}

// Makes the log beside its place and renames it there, so that nobody ever sees half of one.
Status create_log(FileSystem& files, const std::string& directory, uint32_t partitions) {
    namespace fs = std::filesystem;
    std::error_code ignored;  // a missing parent is told of by mkdir below
    fs::create_directories(fs::absolute(directory).parent_path(), ignored);
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
        fs::remove_all(temporary, ignored);
        return made;
    }
    return ok_status();
}

// The process id in the lock file is for this message only; the lock itself is the kernel's, and ends with its holder.
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
        // Readers share the lock for the moment they look for the log's end; a writer shares it with nobody.
        const bool only_readers = files.flock(lock.get(), LOCK_SH | LOCK_NB) == 0;
        (void)files.flock(lock.get(), LOCK_UN);
        if (!only_readers || std::chrono::steady_clock::now() >= deadline) {
            return locked_by_other(files, lock.get(), directory);
        }
        std::this_thread::sleep_for(kPollInterval);
    }
    const std::string holder = fmt::format("{}\n", ::getpid());
    if (files.ftruncate(lock.get(), 0) == 0) {
        (void)write_all(files, lock.get(), std::as_bytes(std::span(holder)), 0);
    }
    return lock;
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
        // On a conflict another process may have made it at the same moment; then that one is it.
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
    std::string hex;
    for (const std::byte b : identity_) hex += fmt::format("{:02x}", static_cast<unsigned>(b));
    return hex;
}

Result<std::unique_ptr<LogReader>> EmbeddedLog::open_reader(uint32_t partition, std::optional<LogPosition> after) {
    if (partition >= partition_count_) {
        return Error{ErrorCode::kInvalid,
                     fmt::format("there is no partition {}: {} has {}", partition, directory_, partition_count_)};
    }
    const FileHeader expected = header_of(partition_count_, identity_);
    UPLINE_TRY_ASSIGN(OpenPartition opened, open_sibling(files_, directory_, partition, O_RDONLY, expected));
    auto reader = std::make_unique<EmbeddedReader>(files_, std::move(opened));
    UPLINE_TRY(reader->find_durable_end(directory_));
    if (after) UPLINE_TRY(reader->go_behind(*after));
    return std::unique_ptr<LogReader>(std::move(reader));
}

Result<std::unique_ptr<LogWriter>> EmbeddedLog::open_writer() {
    UPLINE_TRY_ASSIGN(Fd lock, lock_for_writing(files_, directory_));
    // The log's own name may not be on the disk yet: whoever made it may have been killed right after.
    UPLINE_TRY(sync_directory(files_, std::filesystem::absolute(directory_).parent_path().string()));
    auto writer = std::make_unique<EmbeddedWriter>(files_, std::move(lock));
    const FileHeader expected = header_of(partition_count_, identity_);
    for (uint32_t partition = 0; partition < partition_count_; ++partition) {
        UPLINE_TRY_ASSIGN(OpenPartition opened, open_sibling(files_, directory_, partition, O_RDWR, expected));
        UPLINE_TRY(writer->take_over(std::move(opened), notices_));
    }
    return std::unique_ptr<LogWriter>(std::move(writer));
}

}  // namespace upline
