// SPDX-License-Identifier: Apache-2.0
// Nothing the embedded log has acknowledged is lost, whichever call fails, the power or the process.
#include "tests/events/log/embedded_log_harness.h"

namespace upline {
namespace {

struct Deed {
    std::vector<std::vector<std::string>> appended = std::vector<std::vector<std::string>>(2);
    std::vector<size_t> acknowledged = {0, 0};
    bool failed = false;
};

// Makes a log of two partitions, appends, flushes, reads, comes back and appends more: whatever of it works.
Deed live_a_life(const std::string& directory, FileSystem& files) {
    Deed deed;
    auto log = EmbeddedLog::open(directory, 2, files);
    if (!log.ok()) return deed.failed = true, deed;
    for (int visit = 0; visit < 2; ++visit) {
        auto writer = (*log)->open_writer();
        if (!writer.ok()) return deed.failed = true, deed;
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 3; ++i) {
                const uint32_t partition = i == 2 ? 1 : 0;
                // The large ones leave memory before the flush, and cross a block's border.
                const size_t size = visit == 0 && round == 1 ? 600'000 : 20;
                const std::string value = fmt::format("{}-{}-{}-", visit, round, i) + std::string(size, 'v');
                deed.appended[partition].push_back(value);
                if (!(*writer)->append_to(partition, "p", as_bytes(value)).ok()) return deed.failed = true, deed;
            }
            if (!(*writer)->flush().ok()) {
                deed.failed = true;
                EXPECT_FALSE((*writer)->flush().ok()) << "a writer forgot that it had failed";
                EXPECT_FALSE((*writer)->append("p", as_bytes("x")).ok()) << "a writer forgot that it had failed";
                return deed;
            }
            for (int p = 0; p < 2; ++p) deed.acknowledged[p] = deed.appended[p].size();
        }
        auto reader = (*log)->open_reader(0);
        if (!reader.ok() || !read_to_end(**reader).ok()) deed.failed = true;
    }
    return deed;
}

// What must hold afterwards, whatever happened: the log opens, nothing acknowledged is lost, nothing else is there than
// what was appended, in order; and it can be written to again.
void expect_nothing_lost(const std::string& directory, const Deed& deed) {
    auto log = EmbeddedLog::open(directory, 2);
    ASSERT_OK(log);
    for (int visit = 0; visit < 2; ++visit) {
        for (uint32_t partition = 0; partition < 2; ++partition) {
            const auto seen = read_to_end(**log, partition);
            ASSERT_OK(seen);
            const size_t all = seen->size() - static_cast<size_t>(visit);
            ASSERT_GE(all, deed.acknowledged[partition]);
            ASSERT_LE(all, deed.appended[partition].size());
            ASSERT_EQ(first(values_of(*seen), all), first(deed.appended[partition], all));
        }
        auto writer = (*log)->open_writer();
        ASSERT_OK(writer);
        for (uint32_t partition = 0; partition < 2; ++partition) {
            ASSERT_OK((*writer)->append_to(partition, "p", as_bytes("again")));
        }
        ASSERT_OK((*writer)->flush());
    }
}

TEST_F(EmbeddedLogTest, NothingAcknowledgedIsLostWhicheverCallFails) {
    using Applied = FaultyFileSystem::Applied;
    for (const Applied applied : {Applied::kNo, Applied::kYes, Applied::kHalf}) {
        for (const bool lasting : {false, true}) {
            for (size_t call = 1;; ++call) {
                SCOPED_TRACE(fmt::format("call {}, applied {}, lasting {}", call, static_cast<int>(applied), lasting));
                TemporaryFolder folder;
                FaultyFileSystem files({call, applied, lasting, call % 2 == 0 ? EIO : ENOSPC});
                const Deed deed = live_a_life(folder.path() + "/log", files);
                if (!files.came()) {
                    EXPECT_FALSE(deed.failed);
                    EXPECT_GT(call, 50u);
                    break;
                }
                expect_nothing_lost(folder.path() + "/log", deed);
                if (HasFatalFailure()) return;
            }
        }
    }
}

TEST_F(EmbeddedLogTest, FullDiskSaysSoAndHowManyAreNotConfirmed) {
    ASSERT_OK(make_log(directory()));
    std::string words;
    for (size_t call = 1; call < 100 && words.find("are not confirmed") == std::string::npos; ++call) {
        FaultyFileSystem files({call, FaultyFileSystem::Applied::kHalf, true, ENOSPC});
        auto log = EmbeddedLog::open(directory(), std::nullopt, files);
        if (!log.ok()) continue;
        auto writer = (*log)->open_writer();
        if (!writer.ok()) continue;
        ASSERT_OK((*writer)->append("p", as_bytes("x")));
        const Status status = (*writer)->flush();
        if (!status.ok()) words = status.error().message;
    }
    EXPECT_NE(words.find("No space left on device; free some space and try again (1 records are not confirmed"),
              std::string::npos)
        << words;
}

// Keeps what the disk would hold if the power went away: content is on it once synced; what was written later may be on
// it or not, each sector for itself.
class PowerCutFileSystem final : public FileSystem {
  public:
    explicit PowerCutFileSystem(uint64_t seed) : random_(seed) {}

    int open(const char* path, int flags, mode_t mode) override {
        const int fd = FileSystem::open(path, flags, mode);
        if (fd >= 0 && (flags & O_ACCMODE) != O_RDONLY) {
            paths_[fd] = path;
            if (!disk_.contains(path)) disk_[path].synced = read_file(path);
        }
        return fd;
    }
    ssize_t pwrite(int fd, const void* from, size_t size, off_t position) override {
        disk_[paths_[fd]].later.push_back({static_cast<size_t>(position), {static_cast<const char*>(from), size}});
        return FileSystem::pwrite(fd, from, size, position);
    }
    int fdatasync(int fd) override {
        if (paths_.contains(fd)) disk_[paths_[fd]] = {read_file(paths_[fd]), {}};
        return 0;
    }

    void cut_power() {
        constexpr size_t kSector = 512;
        for (auto& [path, file] : disk_) {
            for (const auto& [position, bytes] : file.later) {
                for (size_t at = position; at < position + bytes.size();) {
                    const size_t end = std::min((at / kSector + 1) * kSector, position + bytes.size());
                    if (random_() % 2 == 0) {
                        if (file.synced.size() < end) file.synced.resize(end);
                        file.synced.replace(at, end - at, bytes, at - position, end - at);
                    }
                    at = end;
                }
            }
            write_file(path, file.synced);
        }
    }

  private:
    struct Write {
        size_t position;
        std::string bytes;
    };
    struct File {
        std::string synced;
        std::vector<Write> later;
    };
    std::mt19937_64 random_;
    std::map<int, std::string> paths_;
    std::map<std::string, File> disk_;
};

TEST_F(EmbeddedLogTest, NothingAcknowledgedIsLostInAPowerCut) {
    std::mt19937_64 random(test_seed());
    for (int round = 0; round < 60; ++round) {
        TemporaryFolder folder;
        const std::string place = folder.path() + "/log";
        ASSERT_OK(make_log(place));
        std::vector<std::string> appended;
        for (int visit = 0; visit < 3; ++visit) {
            PowerCutFileSystem files(random());
            size_t acknowledged = appended.size();
            {
                auto log = EmbeddedLog::open(place, std::nullopt, files);
                ASSERT_OK(log);
                auto writer = (*log)->open_writer();
                ASSERT_OK(writer);
                for (uint64_t i = random() % 30; i > 0; --i) {
                    const size_t size = random() % (random() % 10 == 0 ? 700'000 : 600);
                    appended.push_back(random_bytes(random, size));
                    ASSERT_OK((*writer)->append("p", as_bytes(appended.back())));
                    if (random() % 3 == 0) {
                        ASSERT_OK((*writer)->flush());
                        acknowledged = appended.size();
                    }
                }
                files.cut_power();
            }
            auto log = EmbeddedLog::open(place, std::nullopt);
            ASSERT_OK(log);
            const auto seen = read_to_end(**log, 0);
            ASSERT_OK(seen);
            ASSERT_GE(seen->size(), acknowledged);
            ASSERT_LE(seen->size(), appended.size());
            appended.resize(seen->size());
            ASSERT_EQ(values_of(*seen), appended);
        }
    }
}

// A child appends numbered records and says through a pipe how many are acknowledged; it is killed at random moments.
[[noreturn]] void append_until_killed(const std::string& directory, uint64_t next, uint64_t seed, int pipe) {
    std::mt19937_64 random(seed);
    auto log = EmbeddedLog::open(directory, std::nullopt);
    if (!log.ok()) ::_exit(1);
    auto writer = (*log)->open_writer();
    if (!writer.ok()) ::_exit(2);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
        for (uint64_t i = 1 + random() % 50; i > 0; --i) {
            std::string value = fmt::format("{}:", next++);
            value.resize(value.size() + random() % (random() % 50 == 0 ? 300'000 : 300), 'v');
            if (!(*writer)->append("p", as_bytes(value)).ok()) ::_exit(3);
        }
        if (!(*writer)->flush().ok()) ::_exit(4);
        if (::write(pipe, &next, sizeof next) != sizeof next) ::_exit(5);
    }
    ::_exit(6);
}

TEST_F(EmbeddedLogTest, NothingAcknowledgedIsLostWhenTheWriterIsKilled) {
    std::mt19937_64 random(test_seed());
    auto log = make_log(directory());
    ASSERT_OK(log);
    uint64_t next = 0;
    std::optional<LogPosition> position;
    for (int kill = 0; kill < 100; ++kill) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const Fd reading(ends[0]);
        const pid_t child = ::fork();
        if (child == 0) append_until_killed(directory(), next, random(), ends[1]);
        ::close(ends[1]);
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
        ::kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child gave up: " << WEXITSTATUS(status);
        uint64_t acknowledged = next;
        for (uint64_t said = 0; ::read(reading.get(), &said, sizeof said) == sizeof said;) acknowledged = said;

        const auto seen = read_to_end(**log, 0, position);
        ASSERT_OK(seen);
        for (const Remembered& record : *seen) {
            ASSERT_EQ(record.offset, static_cast<Offset>(next));
            ASSERT_EQ(record.value.substr(0, record.value.find(':')), std::to_string(next));
            ++next;
        }
        ASSERT_GE(next, acknowledged) << "acknowledged records are gone";
        if (!seen->empty()) position = position_of(seen->back());
    }
    EXPECT_GT(next, 100u);
}

}  // namespace
}  // namespace upline
