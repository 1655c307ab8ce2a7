// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of the whole path share: clocks, figures and how they are printed, and a log that is filled and
// fed into a ledger.
#pragma once

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/community.h"
#include "events/record_writer.h"
#include "tools/node/partition_runner.h"
#include "tools/terminal/print.h"

namespace upline::bench {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

inline double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline double peak_memory_mib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / 1024;
}

// A new folder for temporary files.
inline fs::path temporary_folder() {
    std::string folder = fs::temp_directory_path() / "upline-bench-XXXXXX";
    if (!::mkdtemp(folder.data())) std::exit(kExitCouldNot);
    return folder;
}

template <class T>
T must(Result<T> result) {
    if (!result.ok()) {
        fmt::print(stderr, "upline_bench: {}\n", result.error().message);
        std::exit(kExitCouldNot);
    }
    return std::move(*result);
}

// What a run has measured, printed in the order it was added: as lines for people, or as JSON Lines for bench/run,
// which knows the targets by the keys ("path.sales_per_s").
class Figures {
  public:
    void add(std::string key, std::string what, double value, std::string unit) {
        figures_.push_back({std::move(key), std::move(what), value, std::move(unit), ""});
    }
    void add_text(std::string key, std::string what, std::string text) {
        figures_.push_back({std::move(key), std::move(what), 0, "", std::move(text)});
    }
    void print(bool json) const {
        for (const Figure& figure : figures_) {
            if (json) {
                RowPrinter row(Format::kJsonl, stdout);
                row.text("key", figure.key);
                row.text("what", figure.what);
                if (figure.text.empty()) {
                    row.json("value", fmt::format("{:.9g}", figure.value));
                    row.text("unit", figure.unit);
                } else {
                    row.text("text", figure.text);
                }
                row.end_row();
            } else {
                const std::string value = !figure.text.empty() ? figure.text
                                          : figure.value >= 1000
                                              ? with_commas(static_cast<uint64_t>(std::llround(figure.value)))
                                              : fmt::format("{:.3g}", figure.value);
                fmt::print("{:<84} {:>14} {}\n", figure.what, value, figure.unit);
            }
        }
    }

  private:
    struct Figure {
        std::string key;
        std::string what;
        double value;
        std::string unit;
        std::string text;  // in place of a value
    };
    std::vector<Figure> figures_;
};

inline uint64_t bytes_in(const fs::path& folder) {
    uint64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder))
        if (file.is_regular_file()) bytes += file.file_size();
    return bytes;
}

inline std::unique_ptr<EventLog> new_embedded_log(const fs::path& folder) {
    return must(open_log(fmt::format("file:{}", folder.native()), {.properties = {}, .create_with_partitions = 1}));
}

inline void append_all(EventLog& log, uint64_t count, const std::function<Event(uint64_t)>& make) {
    const auto writer = must(log.open_writer());
    RecordWriter records;
    for (uint64_t i = 0; i < count; ++i) {
        const Event event = make(i);
        must(writer->append(event.program, records.encode(event)));
        if (i % 100'000 == 99'999) must(writer->flush());
    }
    must(writer->flush());
}
inline void append_signups(EventLog& log, const Community& community) {
    append_all(log, community.users(), [&](uint64_t i) { return community.signup(static_cast<uint32_t>(i)); });
}

struct Fed {
    double open_seconds;  // until it reads
    double seconds;       // from there until all is stored
    double cpu_seconds;
    LedgerHead position;
};
inline Fed feed_once(EventLog& log, const fs::path& data, PartitionRunOptions options = {}) {
    const DataFolder folder = must(DataFolder::open(data, DataFolder::Access::kWrite));
    const auto start = Clock::now();
    double open_seconds = 0;
    double cpu = cpu_seconds();
    options.once = true;
    options.say = [&](uint32_t, LogLevel, const std::string&) {  // it resumes: the state is in memory
        open_seconds = seconds_since(start);
        cpu = cpu_seconds();
    };
    const auto reports = must(run_partitions(log, folder, options));
    return {open_seconds, seconds_since(start) - open_seconds, cpu_seconds() - cpu, reports.front().position};
}

}  // namespace upline::bench
