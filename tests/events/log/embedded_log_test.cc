// SPDX-License-Identifier: Apache-2.0
// The embedded log against what disks, kernels and operators do to it. What it has in common with every log is in
// event_log_test.cc.
#include "tests/events/log/embedded_log_harness.h"

namespace upline {
namespace {

// What a power cut leaves: the header page of `before`, and of what came later as much as `tail` says.
class TornTail : public EmbeddedLogTest {
  protected:
    void SetUp() override {
        auto log = make_log(directory());
        ASSERT_OK(log);
        ASSERT_OK(write(**log, first(values_, 2)));
        before_ = read_file(partition_file());
        ASSERT_OK(write(**log, {values_.begin() + 2, values_.end()}));
        after_ = read_file(partition_file());
        after_.replace(0, kHeaderPageBytes, before_, 0, kHeaderPageBytes);
    }

    // Where the record of each index ends in the file.
    size_t end_of(size_t record) const {
        size_t at = kHeaderPageBytes;
        for (size_t i = 0; i <= record; ++i) at += kRecordHeaderBytes + (values_[i].size() + 7) / 8 * 8;
        return at;
    }

    // The whole records of a file that is right up to `good`.
    size_t whole(size_t good) const {
        size_t count = 2;
        while (count < values_.size() && end_of(count) <= good) ++count;
        return count;
    }

    void expect_found_and_cut(const std::string& file, size_t good) {
        write_file(partition_file(), file);
        auto log = EmbeddedLog::open(directory(), std::nullopt);
        ASSERT_OK(log);
        const auto seen_by_reader = read_to_end(**log, 0);
        ASSERT_OK(seen_by_reader);
        EXPECT_EQ(values_of(*seen_by_reader), first(values_, whole(good))) << good;
        EXPECT_EQ(read_file(partition_file()), file) << "a reader changed the file";

        ASSERT_OK(write(**log, {"next"}));
        EXPECT_EQ((*log)->notices().size(), file.size() > end_of(whole(good) - 1) ? 1u : 0u);
        EXPECT_EQ(fs::file_size(partition_file()), end_of(whole(good) - 1) + kRecordHeaderBytes + 8)
            << "something is left";
        std::vector<std::string> expected = first(values_, whole(good));
        expected.push_back("next");
        const auto seen = read_to_end(**log, 0);
        ASSERT_OK(seen);
        EXPECT_EQ(values_of(*seen), expected) << good;
    }

    const std::vector<std::string> values_ = {"first", std::string(40, 'a'), "third", "", std::string(21, 'b'), "6"};
    std::string before_;
    std::string after_;
};

TEST_F(TornTail, IsCutAtEveryByte) {
    for (size_t length = before_.size(); length <= after_.size(); ++length) {
        expect_found_and_cut(after_.substr(0, length), length);
    }
}

TEST_F(TornTail, OfZerosOrGarbageIsCutAtEveryByte) {
    std::mt19937_64 random(test_seed());
    for (size_t length = before_.size(); length < after_.size(); ++length) {
        std::string file = after_;
        const bool zeros = random() % 2 == 0;
        const std::string garbage =
            zeros ? std::string(file.size() - length, '\0') : random_bytes(random, file.size() - length);
        file.replace(length, std::string::npos, garbage);
        size_t good = length;
        while (good < file.size() && file[good] == after_[good]) ++good;
        expect_found_and_cut(file, good);
    }
}

TEST_F(EmbeddedLogTest, FlippedBitIsFoundOrHarmlessAtEveryByte) {
    std::mt19937_64 random(test_seed());
    const std::vector<std::string> values = {"a", std::string(13, 'b'), "", random_bytes(random, 64)};
    auto made = make_log(directory());
    ASSERT_OK(made);
    ASSERT_OK(write(**made, first(values, 2)));
    ASSERT_OK(write(**made, {values[2], values[3]}));
    const std::string good = read_file(partition_file());
    for (size_t at = 0; at < good.size(); ++at) {
        const bool in_use = at < kHeaderBytes || at >= kHeaderPageBytes || at % 512 < 24;
        for (int bit = 0; bit < (in_use ? 8 : 1); ++bit) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
            write_file(partition_file(), bad);
            auto log = EmbeddedLog::open(directory(), std::nullopt);
            const auto seen = log.ok() ? read_to_end(**log, 0) : Result<std::vector<Remembered>>(log.error());
            const bool must_be_found = at < kHeaderBytes || at >= kHeaderPageBytes;
            if (must_be_found || !seen.ok()) {
                ASSERT_FALSE(seen.ok()) << "byte " << at << " bit " << bit;
                ASSERT_TRUE(seen.error().code == ErrorCode::kCorrupt || seen.error().code == ErrorCode::kConflict)
                    << seen.error().message;
                ASSERT_TRUE(must_be_found) << "byte " << at << ": " << seen.error().message;
                continue;
            }
            ASSERT_EQ(values_of(*seen), values) << "byte " << at << " bit " << bit;
        }
    }
}

TEST_F(EmbeddedLogTest, CorruptRecordBeforeTheWatermarkIsNamedAndNeverCut) {
    auto made = make_log(directory());
    ASSERT_OK(made);
    ASSERT_OK(write(**made, {"a", "b", "c"}));
    std::string file = read_file(partition_file());
    file[kHeaderPageBytes + 40 + kRecordHeaderBytes] ^= 1;  // the second record's value
    write_file(partition_file(), file);
    ASSERT_OK(write(**made, {"d"}));
    EXPECT_TRUE((*made)->notices().empty());
    EXPECT_TRUE(fails_with(read_to_end(**made, 0), ErrorCode::kCorrupt, "the record of offset 1, at byte 4136,"));
    auto reader = (*made)->open_reader(0);
    ASSERT_OK(reader);
    RecordBatch batch;
    ASSERT_OK((*reader)->read(1, 1000, 0, batch));
    EXPECT_EQ(batch.size(), 1u);
}

TEST_F(EmbeddedLogTest, RecordsAreInvisibleUntilFlushed) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    auto writer = (*log)->open_writer();
    ASSERT_OK(writer);
    // More than the writer holds in memory, so that part of it is in the file already.
    const std::string value(900'000, 'x');
    for (int i = 0; i < 5; ++i) ASSERT_OK((*writer)->append("p", as_bytes(value)));
    ASSERT_GT(fs::file_size(partition_file()), value.size());
    EXPECT_EQ(read_to_end(**log, 0)->size(), 0u);
    ASSERT_OK((*writer)->flush());
    EXPECT_EQ(read_to_end(**log, 0)->size(), 5u);
}

TEST_F(EmbeddedLogTest, SecondWriterIsToldWhoTheFirstIs) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    auto writer = (*log)->open_writer();
    ASSERT_OK(writer);
    const std::string who = fmt::format("written to by process {}: wait", ::getpid());
    EXPECT_TRUE(fails_with((*log)->open_writer(), ErrorCode::kConflict, who));
    const pid_t child = ::fork();
    if (child == 0) {
        auto other = EmbeddedLog::open(directory(), std::nullopt);
        ::_exit(other.ok() && fails_with((*other)->open_writer(), ErrorCode::kConflict, who) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << "the other process was not refused";
    writer->reset();
    EXPECT_OK((*log)->open_writer());
}

TEST_F(EmbeddedLogTest, ReadersOpeningDoNotKeepAWriterOut) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    std::atomic<bool> stop = false;
    std::thread reading([&] {
        while (!stop) EXPECT_OK((*log)->open_reader(0));
    });
    auto own = EmbeddedLog::open(directory(), std::nullopt);
    EXPECT_OK(own);
    for (int i = 0; i < 200; ++i) EXPECT_OK((*own)->open_writer());
    stop = true;
    reading.join();
}

TEST_F(EmbeddedLogTest, ReaderInAnotherProcessFollows) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    constexpr int kRecords = 3000;
    const pid_t child = ::fork();
    if (child == 0) {
        auto own = EmbeddedLog::open(directory(), std::nullopt);
        auto reader = (*own)->open_reader(0);
        RecordBatch batch;
        int next = 0;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (next < kRecords && std::chrono::steady_clock::now() < deadline) {
            if (!(*reader)->read(100, 10'000, 100, batch).ok()) ::_exit(1);
            for (const Record& record : batch.records()) {
                if (as_text(record.value) != std::to_string(next++)) ::_exit(2);
            }
        }
        ::_exit(next == kRecords ? 0 : 3);
    }
    auto writer = (*log)->open_writer();
    EXPECT_OK(writer);
    for (int i = 0; i < kRecords; ++i) {
        EXPECT_OK((*writer)->append("p", as_bytes(std::to_string(i))));
        if (i % 100 == 99) EXPECT_OK((*writer)->flush());
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(EmbeddedLogTest, CreatingAtTheSameMomentGivesOneLog) {
    for (int round = 0; round < 20; ++round) {
        const std::string place = fmt::format("{}/{}", folder_.path(), round);
        std::vector<std::string> identities(4);
        std::vector<std::thread> threads;
        threads.reserve(identities.size());
        for (std::string& identity : identities) {
            threads.emplace_back([&] {
                auto log = make_log(place, 2);
                EXPECT_OK(log);
                if (log.ok()) identity = (*log)->identity();
            });
        }
        for (std::thread& thread : threads) thread.join();
        for (const std::string& identity : identities) EXPECT_EQ(identity, identities[0]);
        EXPECT_EQ(identities[0].size(), 32u);
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 20);
}

TEST_F(EmbeddedLogTest, FolderWithOtherThingsIsLeftAlone) {
    fs::create_directories(directory());
    write_file(directory() + "/diary.txt", "dear diary");
    EXPECT_TRUE(fails_with(make_log(directory()), ErrorCode::kConflict, "holds other things and no log"));
    EXPECT_TRUE(fs::exists(directory() + "/diary.txt"));
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
}

TEST_F(EmbeddedLogTest, PartitionCountHasLimits) {
    EXPECT_TRUE(fails_with(make_log(directory(), 0), ErrorCode::kInvalid, "1 to 512 partitions"));
    EXPECT_TRUE(fails_with(make_log(directory(), kMaxEmbeddedPartitions + 1), ErrorCode::kInvalid, "1 to 512"));
    auto log = make_log(directory(), kMaxEmbeddedPartitions);
    ASSERT_OK(log);
    EXPECT_OK((*log)->open_writer());
}

TEST_F(EmbeddedLogTest, NewerFormatIsRefused) {
    ASSERT_OK(make_log(directory()));
    std::string file = read_file(partition_file());
    file[8] = 2;
    write_file(partition_file(), file);
    EXPECT_TRUE(fails_with(EmbeddedLog::open(directory(), std::nullopt), ErrorCode::kConflict,
                           "has log format 2, this program knows 1: use the release that wrote it"));
}

TEST_F(EmbeddedLogTest, PartitionFilesThatDoNotBelongTogetherAreRefused) {
    ASSERT_OK(make_log(directory(), 2));
    const std::string other = folder_.path() + "/other";
    ASSERT_OK(make_log(other, 2));
    fs::rename(partition_file(1), directory() + "/kept");
    EXPECT_TRUE(
        fails_with(EmbeddedLog::open(directory(), std::nullopt), ErrorCode::kConflict, "partition-00001.log is gone"));
    fs::copy_file(other + "/partition-00001.log", partition_file(1));
    EXPECT_TRUE(fails_with(EmbeddedLog::open(directory(), std::nullopt), ErrorCode::kConflict, "replaced"));
    fs::remove(partition_file(1));
    fs::copy_file(partition_file(0), partition_file(1));
    EXPECT_TRUE(fails_with(EmbeddedLog::open(directory(), std::nullopt), ErrorCode::kCorrupt, "was renamed"));
    fs::rename(directory() + "/kept", partition_file(1));
    EXPECT_OK(EmbeddedLog::open(directory(), std::nullopt));
}

TEST_F(EmbeddedLogTest, ReaderNoticesWhatIsDoneToTheFileUnderIt) {
    const std::map<std::string, std::function<void()>> deeds = {
        {"is not the file it was: the log was replaced", [&] { fs::remove_all(directory()); }},
        {"replaced", [&] { fs::resize_file(partition_file(), 0); }},
        {"is shorter than what it held", [&] { fs::resize_file(partition_file(), kHeaderPageBytes + 8); }},
        {"the log was replaced;",
         [&] {
             ASSERT_OK(make_log(folder_.path() + "/other"));
             write_file(partition_file(),
                        read_file(folder_.path() + "/other/partition-00000.log") + std::string(500, '\0'));
         }},
    };
    for (const auto& [words, deed] : deeds) {
        auto log = make_log(directory());
        ASSERT_OK(log);
        ASSERT_OK(write(**log, {"a", "b"}));
        auto reader = (*log)->open_reader(0);
        ASSERT_OK(reader);
        ASSERT_OK(read_to_end(**reader));
        deed();
        RecordBatch batch;
        EXPECT_TRUE(fails_with((*reader)->read(10, 1000, 0, batch), ErrorCode::kConflict, words));
        EXPECT_TRUE(fails_with((*reader)->at_end(), ErrorCode::kConflict, words));
        fs::remove_all(directory());
    }
}

TEST_F(EmbeddedLogTest, TruncatedBelowTheWatermarkIsRefusedByAll) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    ASSERT_OK(write(**log, {"a", "b"}));
    fs::resize_file(partition_file(), fs::file_size(partition_file()) - 8);
    EXPECT_TRUE(fails_with((*log)->open_writer(), ErrorCode::kConflict, "is shorter than what it held"));
    EXPECT_TRUE(fails_with((*log)->open_reader(0), ErrorCode::kConflict, "is shorter than what it held"));
    EXPECT_TRUE(fails_with(EmbeddedLog::open(directory(), std::nullopt), ErrorCode::kConflict, "is shorter"));
}

// Permissions do not bind root, so the test becomes nobody where it is.
TEST_F(EmbeddedLogTest, ReadOnlyFolderCanBeReadAndSaysWhyNotWritten) {
    auto log = make_log(directory());
    ASSERT_OK(log);
    ASSERT_OK(write(**log, {"a"}));
    fs::permissions(folder_.path(), fs::perms(0755));
    for (const char* name : {"lock", "partition-00000.log"}) fs::permissions(directory() + "/" + name, fs::perms(0444));
    fs::permissions(directory(), fs::perms(0555));
    const pid_t child = ::fork();
    if (child == 0) {
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(4);
        const auto seen = read_to_end(**log, 0);
        if (!seen.ok() || seen->size() != 1) ::_exit(1);
        if (!fails_with((*log)->open_writer(), ErrorCode::kUnavailable, "Permission denied; check who may write"))
            ::_exit(2);
        if (!fails_with(make_log(directory() + "/new"), ErrorCode::kUnavailable, "cannot make the folder")) ::_exit(3);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    fs::permissions(directory(), fs::perms(0755));
}

}  // namespace
}  // namespace upline
