// SPDX-License-Identifier: Apache-2.0
// What the machine can do by itself, and what is measured with.
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <rocksdb/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "bench/upline_bench.h"

namespace upline::bench {
namespace {

void must_be(bool good) {
    if (good) return;
    fmt::print(stderr, "upline_bench: {}\n", std::strerror(errno));
    std::exit(kExitCouldNot);
}

class File {
  public:
    explicit File(const fs::path& path) : fd_(::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)) {
        must_be(fd_ >= 0);
    }
    ~File() { ::close(fd_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    void append(const std::vector<char>& bytes) {
        must_be(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
    void sync() { must_be(::fdatasync(fd_) == 0); }

  private:
    int fd_;
};

std::vector<char> noise(size_t size) {
    std::vector<char> bytes(size);
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(mix(i));
    return bytes;
}

void measure_disk(const MachineArgs& args, const fs::path& folder, Figures& figures) {
    File small(folder / "small");
    const std::vector<char> page = noise(4096);
    std::vector<double> times;
    for (uint32_t i = 0; i < args.syncs; ++i) {
        const auto start = Clock::now();
        small.append(page);
        small.sync();
        times.push_back(seconds_since(start) * 1000);
    }
    std::ranges::sort(times);
    figures.add("yardstick.fsync_p50_ms", "yardstick: 4 KiB appended and synced, p50", times[times.size() / 2], "ms");
    figures.add("yardstick.fsync_p99_ms", "  p99", times[times.size() * 99 / 100], "ms");

    File large(folder / "large");
    const std::vector<char> block = noise(1 << 20);
    const auto start = Clock::now();
    for (uint64_t i = 0; i < args.mib; ++i) large.append(block);
    large.sync();
    figures.add("yardstick.disk_write_mib_per_s", "yardstick: written in order, synced at the end",
                static_cast<double>(args.mib) / seconds_since(start), "MiB/s");
}

void measure_memory_speed(const MachineArgs& args, Figures& figures) {
    std::vector<uint64_t> words(args.mib << 17);
    // A permutation with one cycle (Sattolo's), so that each read says where the next one is.
    std::iota(words.begin(), words.end(), 0);
    for (size_t i = words.size() - 1; i > 0; --i) std::swap(words[i], words[mix(i) % i]);
    const auto gib = static_cast<double>(args.mib) / 1024;

    constexpr uint64_t kHops = 5'000'000;
    uint64_t at = 0;
    auto start = Clock::now();
    for (uint64_t i = 0; i < kHops; ++i) at = words[at];
    const double hop_ns = seconds_since(start) * 1e9 / kHops;

    start = Clock::now();
    const uint64_t sum = std::accumulate(words.begin(), words.end(), at);
    const double read_seconds = seconds_since(start);

    std::vector<uint64_t> copy(words.size(), sum);
    start = Clock::now();
    std::memcpy(copy.data(), words.data(), words.size() * sizeof(uint64_t));
    const double copy_seconds = seconds_since(start);
    if (copy[words[7]] == sum) fmt::print("");  // the copy is used, so it is not optimised away

    figures.add("yardstick.memory_read_gib_per_s", "yardstick: memory read in order, one core", gib / read_seconds,
                "GiB/s");
    figures.add("yardstick.memory_copy_gib_per_s", "yardstick: memory copied, one core", gib / copy_seconds, "GiB/s");
    figures.add("yardstick.memory_hop_ns", "yardstick: a read at a random place that the one before names", hop_ns,
                "ns");
}

}  // namespace

void measure_machine(const MachineArgs& args, const fs::path& folder, Figures& figures) {
    figures.add_text("version.rocksdb", "RocksDB",
                     fmt::format("{}.{}.{}", ROCKSDB_MAJOR, ROCKSDB_MINOR, ROCKSDB_PATCH));
    figures.add_text("version.librdkafka", "librdkafka", rd_kafka_version_str());
    figures.add_text("version.compiler", "compiler", "GCC " __VERSION__);
    measure_disk(args, folder, figures);
    measure_memory_speed(args, figures);
}

}  // namespace upline::bench
