// SPDX-License-Identifier: Apache-2.0
// The whole path, from a log to a durable ledger with its audit tree and read models, beside yardsticks of the same
// run. Every figure is taken with all that makes it worth having: fsync on every batch, checksums, verified buffers, an
// audit entry per event, read models kept.
#include <fmt/format.h>
#include <rocksdb/db.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "bench/community.h"
#include "bench/measure.h"
#include "events/kafka_log.h"
#include "events/record.h"
#include "ledger/sha256.h"
#include "tools/print.h"
#include "tools/shards.h"

namespace upline::bench {
namespace {

struct Args {
    uint32_t users = 1'000'000;
    uint64_t sales = 2'000'000;
    uint32_t rate = 2'000;
    uint32_t latency_seconds = 5;
    std::string kafka;
    std::string folder;
    bool json = false;
};

struct Figures {
    double produce_per_s = 0;
    double signups_per_s = 0;
    double sales_per_s = 0;
    double sales_cpu_us = 0;
    double sha256_per_s = 0;
    double rocksdb_per_s = 0;
    double kafka_sales_per_s = 0;
    double bytes_per_sale = 0;
    double entry_bytes = 0;
    double memory_mib = 0;
    double latency_p50_ms = 0;
    double latency_p99_ms = 0;
    double reopen_ms = 0;
    std::string root;
};

uint64_t bytes_in(const fs::path& data) {
    uint64_t bytes = 0;
    for (const auto& file : fs::recursive_directory_iterator(data))
        if (file.is_regular_file()) bytes += file.file_size();
    return bytes;
}

// SHA-256 of records and entries of the same sizes and number: the least that any such ledger must compute.
double sha256_yardstick(uint64_t count, size_t record_bytes, size_t entry_bytes) {
    std::vector<std::byte> bytes(1 << 20);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(mix(i));
    const auto start = Clock::now();
    Hash sum{};
    for (uint64_t i = 0; i < count; ++i) {
        const size_t at = (i * 64) % (bytes.size() - record_bytes - entry_bytes);
        const Hash a = sha256(std::span(bytes).subspan(at, record_bytes));
        const Hash b = merkle::leaf_hash(std::span(bytes).subspan(at, entry_bytes));
        const Hash c = merkle::node_hash(a, b);
        for (size_t k = 0; k < sum.size(); ++k) sum[k] ^= c[k];
    }
    const double seconds = seconds_since(start);
    if (sum == Hash{}) fmt::print("");  // the sum is used, so the loop is not optimised away
    return static_cast<double>(count) / seconds;
}

// RocksDB alone, filled with as many bytes as entries, in pages of 256 entries and synced batches of 65,536.
double rocksdb_yardstick(const fs::path& folder, uint64_t count, size_t entry_bytes) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.write_buffer_size = 64 << 20;
    rocksdb::DB* raw = nullptr;
    if (!rocksdb::DB::Open(options, folder, &raw).ok()) std::exit(kExitCouldNot);
    const std::unique_ptr<rocksdb::DB> db(raw);
    std::string page(entry_bytes * 256, '\0');
    for (size_t i = 0; i < page.size(); ++i) page[i] = static_cast<char>(mix(i));
    rocksdb::WriteOptions synced;
    synced.sync = true;
    const auto start = Clock::now();
    for (uint64_t done = 0; done < count;) {
        rocksdb::WriteBatch batch;
        for (size_t i = 0; i < 256 && done < count; ++i, done += 256) {
            std::string key(8, '\0');
            for (int k = 7, shift = 0; k >= 0; --k, shift += 8)
                key[static_cast<size_t>(k)] = static_cast<char>(done >> shift);
            batch.Put(key, page);
        }
        if (!db->Write(synced, &batch).ok()) std::exit(kExitCouldNot);
    }
    return static_cast<double>(count) / seconds_since(start);
}

// Open loop: event i is due at i / rate whatever happened before, and its latency counts from when it was due, so a
// stall is seen by every event it held up.
void measure_latency(EventLog& log, const fs::path& data, const Args& args, const Community& community,
                     Figures& figures) {
    const DataFolder folder = must(DataFolder::open(data, DataFolder::Access::kWrite));
    const uint64_t count = uint64_t{args.rate} * args.latency_seconds;
    std::atomic<bool> stop = false;
    std::atomic<uint64_t> applied = 0;
    std::mutex mutex;
    std::vector<std::pair<uint64_t, Clock::time_point>> marks;  // so many applied at that time
    FeedOptions options{.stop = &stop};
    options.applied = [&](uint64_t entries) {
        const std::lock_guard lock(mutex);
        marks.emplace_back(entries, Clock::now());
        applied = entries;
    };
    std::atomic<bool> open = false;
    options.say = [&](uint32_t, const std::string&) { open = true; };
    std::thread feeding([&] { must(feed(log, folder, options)); });
    while (!open) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    std::vector<Clock::time_point> due(count);
    {
        const auto writer = must(log.open_writer());
        RecordWriter records;
        const auto start = Clock::now();
        for (uint64_t i = 0; i < count;) {
            const auto now = Clock::now();
            bool any = false;
            while (i < count && start + std::chrono::nanoseconds(1'000'000'000 * i / args.rate) <= now) {
                due[i] = start + std::chrono::nanoseconds(1'000'000'000 * i / args.rate);
                const Event event = community.sale(args.sales + i);
                must(writer->append(event.program, records.encode(event)));
                ++i;
                any = true;
            }
            if (any) must(writer->flush());
            std::this_thread::sleep_for(std::chrono::microseconds(200));
        }
    }
    for (int i = 0; i < 1000 && applied < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stop = true;
    feeding.join();
    std::vector<double> latencies;
    size_t mark = 0;
    for (uint64_t i = 0; i < count; ++i) {
        while (mark < marks.size() && marks[mark].first <= i) ++mark;
        if (mark == marks.size()) break;
        latencies.push_back(std::chrono::duration<double, std::milli>(marks[mark].second - due[i]).count());
    }
    if (latencies.size() != count) {
        fmt::print(stderr, "upline_bench: only {} of {} events were applied\n", latencies.size(), count);
        std::exit(kExitCouldNot);
    }
    std::sort(latencies.begin(), latencies.end());
    figures.latency_p50_ms = latencies[count / 2];
    figures.latency_p99_ms = latencies[count * 99 / 100];
}

void print(const Args& args, const Figures& f, double record_bytes) {
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        const auto number = [&row](const char* name, double value) { row.json(name, fmt::format("{:.3f}", value)); };
        row.number("users", args.users);
        row.number("sales", static_cast<int64_t>(args.sales));
        number("produce_per_s", f.produce_per_s);
        number("signups_per_s", f.signups_per_s);
        number("sales_per_s", f.sales_per_s);
        number("sales_cpu_us", f.sales_cpu_us);
        number("sha256_yardstick_per_s", f.sha256_per_s);
        number("rocksdb_yardstick_per_s", f.rocksdb_per_s);
        number("kafka_sales_per_s", f.kafka_sales_per_s);
        number("bytes_on_disk_per_sale", f.bytes_per_sale);
        number("entry_bytes", f.entry_bytes);
        number("peak_memory_mib", f.memory_mib);
        number("latency_p50_ms", f.latency_p50_ms);
        number("latency_p99_ms", f.latency_p99_ms);
        number("reopen_ms", f.reopen_ms);
        row.text("root", f.root);
        row.end_row();
        return;
    }
    utsname machine{};
    ::uname(&machine);
    fmt::print("{} {}, {} cores; {} users, {} sales of seven levels; records of {:.0f} bytes, entries of {:.0f}\n\n",
               machine.sysname, machine.release, std::thread::hardware_concurrency(), with_commas(args.users),
               with_commas(args.sales), record_bytes, f.entry_bytes);
    const auto row = [&](const char* what, double per_s) {
        fmt::print("{:<66} {:>12}/s  {:>6.2f}\n", what, with_commas(static_cast<uint64_t>(per_s)),
                   per_s / f.sales_per_s);
    };
    fmt::print("{:<66} {:>14}  {:>6}\n", "what", "figure", "ratio");
    row("embedded log to durable ledger, audit on, read models kept: sales", f.sales_per_s);
    row("  the same: signups", f.signups_per_s);
    if (f.kafka_sales_per_s > 0) row("  from Apache Kafka on the same cores: sales", f.kafka_sales_per_s);
    row("producing sales to the embedded log (made, encoded, fsynced)", f.produce_per_s);
    row("yardstick: SHA-256 of the same records, leaves and nodes, one core", f.sha256_per_s);
    row("yardstick: RocksDB filled with the same entry bytes, synced", f.rocksdb_per_s);
    fmt::print("\nprocessor time of a sale        {:.2f} us over all threads\n", f.sales_cpu_us);
    fmt::print("bytes on disk of a sale         {:.0f}, entry, tree, index, balances and read models together\n",
               f.bytes_per_sale);
    fmt::print("peak memory                     {:.0f} MiB\n", f.memory_mib);
    fmt::print("open again, state into memory   {:.0f} ms\n", f.reopen_ms);
    fmt::print("produce to applied at {}/s   p50 {:.2f} ms, p99 {:.2f} ms (open loop)\n", args.rate, f.latency_p50_ms,
               f.latency_p99_ms);
    fmt::print("root                            {}\n", f.root);
}

int main_of(int argc, char** argv) {
    Args args;
    CLI::App app("The whole path, measured beside yardsticks of the same run", "upline_bench");
    app.add_option("--users", args.users, "People in the tree")
        ->check(CLI::Range(17U, 100'000'000U))
        ->capture_default_str();
    app.add_option("--sales", args.sales, "Sales of seven levels")->check(CLI::PositiveNumber)->capture_default_str();
    app.add_option("--rate", args.rate, "Events a second for latency")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    app.add_option("--latency-seconds", args.latency_seconds, "How long")
        ->check(CLI::Range(1, 600))
        ->capture_default_str();
    app.add_option("--kafka", args.kafka, "host:port of a broker, to measure the path from Kafka too");
    app.add_option("--folder", args.folder, "Where to work; default: a temporary folder");
    app.add_flag("--json", args.json, "Print the figures as JSON");
    CLI11_PARSE(app, argc, argv);

    const fs::path path = args.folder.empty() ? temporary_folder() : fs::path(args.folder);
    const Community community(args.users);
    Figures figures;
    const auto log = must(
        open_log(fmt::format("file:{}", (path / "log").native()), {.properties = {}, .create_with_partitions = 1}));
    {
        const auto writer = must(log->open_writer());
        append_all(*writer, args.users, [&](uint64_t i) { return community.signup(static_cast<uint32_t>(i)); });
    }
    const Fed signups = feed_once(*log, path / "data");
    figures.signups_per_s = args.users / signups.seconds;
    const uint64_t bytes_before = bytes_in(path / "data");
    {
        const auto writer = must(log->open_writer());
        const auto start = Clock::now();
        append_all(*writer, args.sales, [&](uint64_t i) { return community.sale(i); });
        figures.produce_per_s = static_cast<double>(args.sales) / seconds_since(start);
    }
    const Fed sales = feed_once(*log, path / "data");
    figures.sales_per_s = static_cast<double>(args.sales) / sales.seconds;
    figures.sales_cpu_us = sales.cpu_seconds * 1e6 / static_cast<double>(args.sales);
    figures.bytes_per_sale =
        static_cast<double>(bytes_in(path / "data") - bytes_before) / static_cast<double>(args.sales);
    figures.root = to_hex(sales.position.root);
    figures.memory_mib = peak_memory_mib();

    RecordWriter records;
    const size_t record_bytes = records.encode(community.sale(0)).size();
    {
        const auto store = must(Store::open(path / "data" / "partition-00000", Store::Access::kRead));
        const auto source = store->entries();
        uint64_t bytes = 0;
        for (uint64_t i = 0; i < 1000; ++i) bytes += must(source->entry(sales.position.size - 1 - i)).size();
        figures.entry_bytes = static_cast<double>(bytes) / 1000;
    }
    figures.sha256_per_s = sha256_yardstick(args.sales, record_bytes, static_cast<size_t>(figures.entry_bytes));
    figures.rocksdb_per_s = rocksdb_yardstick(path / "yardstick", args.sales, static_cast<size_t>(figures.entry_bytes));

    if (!args.kafka.empty()) {
        const std::string url = fmt::format("kafka://{}/upline-bench-{}", args.kafka, ::getpid());
        must(create_kafka_topic(url, 1));
        const auto topic = must(open_log(url));
        {
            const auto writer = must(topic->open_writer());
            append_all(*writer, args.users, [&](uint64_t i) { return community.signup(static_cast<uint32_t>(i)); });
        }
        feed_once(*topic, path / "kafka-data");
        {
            const auto writer = must(topic->open_writer());
            append_all(*writer, args.sales, [&](uint64_t i) { return community.sale(i); });
        }
        const Fed fed = feed_once(*topic, path / "kafka-data");
        figures.kafka_sales_per_s = static_cast<double>(args.sales) / fed.seconds;
        if (to_hex(fed.position.root) != figures.root) {
            fmt::print(stderr, "upline_bench: the root from Kafka is another one\n");
            return kExitNegative;
        }
        must(delete_kafka_topic(url));
    }
    figures.reopen_ms = feed_once(*log, path / "data").open_seconds * 1000;
    measure_latency(*log, path / "data", args, community, figures);
    print(args, figures, static_cast<double>(record_bytes));
    if (args.folder.empty()) fs::remove_all(path);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    return upline::bench::main_of(argc, argv);
}
