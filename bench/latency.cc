// SPDX-License-Identifier: Apache-2.0
// Open loop: event i is due at i / rate whatever happened before, and its latency counts from when it was due, so a
// stall is seen by every event it held up. Every latency is kept and sorted: exact, where a histogram rounds, and 8
// bytes an event is little.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "bench/upline_bench.h"
#include "events/log/kafka_topic.h"
#include "events/record_writer.h"

namespace upline::bench {
namespace {

// So many of the events are done at that time, ascending.
using Marks = std::vector<std::pair<uint64_t, Clock::time_point>>;

// The latencies in milliseconds, sorted.
std::vector<double> latencies(const std::vector<Clock::time_point>& due, const Marks& marks) {
    std::vector<double> result;
    result.reserve(due.size());
    size_t mark = 0;
    for (uint64_t i = 0; i < due.size(); ++i) {
        while (mark < marks.size() && marks[mark].first <= i) ++mark;
        if (mark == marks.size()) {
            fmt::print(stderr, "upline_bench: only {} of {} events were applied\n", i, due.size());
            std::exit(kExitCouldNot);
        }
        result.push_back(std::chrono::duration<double, std::milli>(marks[mark].second - due[i]).count());
    }
    std::ranges::sort(result);
    return result;
}

void measure(EventLog& log, const fs::path& data, const LatencyArgs& args, const Community& community,
             const std::string& name, Figures& figures) {
    append_signups(log, community);
    append_all(log, args.sales, [&](uint64_t i) { return community.sale(i); });
    const uint64_t before = feed_once(log, data).position.size;

    const uint64_t count = uint64_t{args.rate} * args.seconds;
    std::mutex mutex;
    Marks applied_marks;
    Marks folded_marks;
    std::atomic<uint64_t> folded = 0;
    std::atomic<bool> is_open = false;
    std::stop_source stop;
    PartitionRunOptions options{.stop = stop.get_token()};
    options.say = [&](uint32_t, LogLevel, const std::string&) { is_open = true; };
    options.applied = [&](uint64_t entries) {
        const std::lock_guard lock(mutex);
        applied_marks.emplace_back(entries, Clock::now());
    };
    options.committed = [&](uint32_t, Store&, uint64_t size, bool) {
        if (size > before + folded) {
            folded = size - before;
            folded_marks.emplace_back(folded, Clock::now());
        }
        return ok_status();
    };
    std::thread feeding([&] {
        const DataFolder folder = must(DataFolder::open(data, DataFolder::Access::kWrite));
        must(run_partitions(log, folder, options));
    });
    while (!is_open) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));

    std::vector<Clock::time_point> due(count);
    {
        const auto writer = must(log.open_writer());
        RecordWriter records;
        const auto start = Clock::now();
        for (uint64_t i = 0; i < count; ++i) due[i] = start + std::chrono::nanoseconds(1'000'000'000 * i / args.rate);
        for (uint64_t i = 0; i < count;) {
            const auto now = Clock::now();
            const uint64_t first = i;
            for (; i < count && due[i] <= now; ++i) {
                const Event event = community.sale(args.sales + i);
                must(writer->append(event.program, records.encode(event)));
            }
            if (i > first) must(writer->flush());
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    }
    for (int i = 0; i < 3000 && folded < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stop.request_stop();
    feeding.join();

    const std::vector<double> applied = latencies(due, applied_marks);
    const std::string key = fmt::format("latency.{}", name);
    const std::string what =
        fmt::format("produce to applied, {}, at {}/s for {} s", name, with_commas(args.rate), args.seconds);
    figures.add(key + "_p50_ms", what + ": p50", applied[count / 2], "ms");
    figures.add(key + "_p99_ms", "  p99", applied[count * 99 / 100], "ms");
    figures.add(key + "_p999_ms", "  p99.9", applied[count * 999 / 1000], "ms");
    figures.add(key + "_max_ms", "  longest", applied.back(), "ms");
    figures.add(key + "_models_p99_ms", "  and folded into the read models: p99",
                latencies(due, folded_marks)[count * 99 / 100], "ms");
}

}  // namespace

void measure_latency(const LatencyArgs& args, const fs::path& folder, Figures& figures) {
    const Community community(args.users);
    const auto log = new_embedded_log(folder / "log");
    measure(*log, folder / "data", args, community, "embedded", figures);
    if (args.kafka.empty()) return;
    const std::string url = fmt::format("kafka://{}/upline-bench-{}", args.kafka, ::getpid());
    must(create_kafka_topic(url, 1));
    const auto topic = must(open_log(url));
    measure(*topic, folder / "kafka-data", args, community, "kafka", figures);
    must(delete_kafka_topic(url));
}

}  // namespace upline::bench
