// SPDX-License-Identifier: Apache-2.0
// An embedded log in a folder of its own, and its files as bytes.
#pragma once

#include "events/log/embedded_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <map>
#include <thread>

#include "tests/events/base/faulty_files.h"
#include "tests/events/log/log_harness.h"

namespace upline {

namespace fs = std::filesystem;

inline constexpr size_t kHeaderBytes = 48;
inline constexpr size_t kHeaderPageBytes = 4096;
inline constexpr size_t kRecordHeaderBytes = 32;
inline constexpr int64_t kSomeTimeMs = 1'700'000'000'000;

inline std::string read_file(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY));
    struct stat status {};
    ::fstat(fd.get(), &status);
    std::string bytes(static_cast<size_t>(status.st_size), '\0');
    EXPECT_EQ(read_all(FileSystem::real(), fd.get(), std::as_writable_bytes(std::span(bytes)), 0), status.st_size);
    return bytes;
}

inline void write_file(const std::string& path, std::string_view bytes) {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT, 0666));
    EXPECT_TRUE(write_all(FileSystem::real(), fd.get(), as_bytes(bytes), 0)) << path;
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(bytes.size())), 0) << path;
}

inline Result<std::unique_ptr<EmbeddedLog>> make_log(const std::string& directory, uint32_t partitions = 1,
                                                     FileSystem& files = FileSystem::real()) {
    return EmbeddedLog::open(directory, partitions, files);
}

// Appends to partition 0 and flushes.
inline Status write(EmbeddedLog& log, const std::vector<std::string>& values) {
    UPLINE_TRY_ASSIGN(const auto writer, log.open_writer());
    for (const std::string& value : values) UPLINE_TRY(writer->append_to(0, "p", as_bytes(value), kSomeTimeMs));
    return writer->flush();
}

inline std::vector<std::string> values_of(const std::vector<Remembered>& records) {
    std::vector<std::string> values;
    values.reserve(records.size());
    for (const Remembered& record : records) values.push_back(record.value);
    return values;
}

inline std::vector<std::string> first(const std::vector<std::string>& values, size_t count) {
    return {values.begin(), values.begin() + static_cast<long>(count)};
}

class EmbeddedLogTest : public testing::Test {
  protected:
    std::string directory() const { return folder_.path() + "/log"; }
    std::string partition_file(uint32_t partition = 0) const {
        return fmt::format("{}/partition-{:05}.log", directory(), partition);
    }
    TemporaryFolder folder_;
};

}  // namespace upline
