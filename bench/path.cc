// SPDX-License-Identifier: Apache-2.0
// The whole path, from a log to a durable ledger with its audit tree and read models, beside yardsticks of the same
// run. Every figure is taken with all that makes it worth having: fsync on every batch, checksums, verified buffers, an
// audit entry per event, read models kept.
#include <rocksdb/db.h>
#include <unistd.h>

#include "bench/upline_bench.h"
#include "events/base/bytes.h"
#include "events/log/kafka_topic.h"
#include "events/record_writer.h"
#include "ledger/proof/sha256.h"

namespace upline::bench {
namespace {

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

double entry_bytes_of(const fs::path& data, uint64_t size) {
    const auto store = must(Store::open(data / "partition-00000", Store::Access::kRead));
    const auto source = store->scan_reader();
    const uint64_t count = std::min<uint64_t>(size, 1000);
    uint64_t bytes = 0;
    for (uint64_t i = size - count; i < size; ++i) bytes += must(source->entry(i)).size();
    return static_cast<double>(bytes) / static_cast<double>(count);
}

// The signups and then the sales of one log.
struct Pass {
    double signups_per_s;
    double produce_per_s;
    double sales_per_s;
    double sale_cpu_us;
    double bytes_per_sale;
    LedgerHead position;
};
Pass pass(EventLog& log, const fs::path& data, const Community& community, uint64_t sales) {
    Pass pass{};
    append_signups(log, community);
    pass.signups_per_s = community.users() / feed_once(log, data).seconds;
    const uint64_t bytes_before = bytes_in(data);
    const auto count = static_cast<double>(sales);
    const auto start = Clock::now();
    append_all(log, sales, [&](uint64_t i) { return community.sale(i); });
    pass.produce_per_s = count / seconds_since(start);
    const Fed fed = feed_once(log, data);
    pass.sales_per_s = count / fed.seconds;
    pass.sale_cpu_us = fed.cpu_seconds * 1e6 / count;
    pass.bytes_per_sale = static_cast<double>(bytes_in(data) - bytes_before) / count;
    pass.position = fed.position;
    return pass;
}

}  // namespace

void measure_path(const PathArgs& args, const fs::path& folder, Figures& figures) {
    const Community community(args.users);
    const auto log = new_embedded_log(folder / "log");
    const Pass embedded = pass(*log, folder / "data", community, args.sales);
    const double memory_mib = peak_memory_mib();
    RecordWriter records;
    const size_t record_bytes = records.encode(community.sale(0)).size();
    const double entry_bytes = entry_bytes_of(folder / "data", embedded.position.size);
    const double cpu_before = cpu_seconds();
    const double sha256_per_s = sha256_yardstick(args.sales, record_bytes, static_cast<size_t>(entry_bytes));
    // Its processor time, since a busy machine stretches the other.
    const double sha256_cpu_us = (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(args.sales);
    const double rocksdb_per_s = rocksdb_yardstick(folder / "yardstick", args.sales, static_cast<size_t>(entry_bytes));

    figures.add("path.sales_per_s", "embedded log to durable ledger, audit on, read models kept: sales",
                embedded.sales_per_s, "/s");
    figures.add("path.signups_per_s", "  the same: signups", embedded.signups_per_s, "/s");
    if (!args.kafka.empty()) {
        const std::string url = fmt::format("kafka://{}/upline-bench-{}", args.kafka, ::getpid());
        must(create_kafka_topic(url, 1));
        const auto topic = must(open_log(url));
        const Pass kafka = pass(*topic, folder / "kafka-data", community, args.sales);
        must(delete_kafka_topic(url));
        if (kafka.position.root != embedded.position.root) {
            fmt::print(stderr, "upline_bench: the root from Kafka is another one\n");
            std::exit(kExitNegative);
        }
        figures.add("path.kafka_sales_per_s", "  from Apache Kafka on the same cores: sales", kafka.sales_per_s, "/s");
        figures.add("path.kafka_produce_per_s", "producing sales to Kafka (made, encoded, acknowledged)",
                    kafka.produce_per_s, "/s");
    }
    figures.add("path.produce_per_s", "producing sales to the embedded log (made, encoded, fsynced)",
                embedded.produce_per_s, "/s");
    figures.add("yardstick.sha256_per_s", "yardstick: SHA-256 of the same records, leaves and nodes, one core",
                sha256_per_s, "/s");
    figures.add("yardstick.rocksdb_per_s", "yardstick: RocksDB filled with the same entry bytes, synced", rocksdb_per_s,
                "/s");
    figures.add("path.sales_to_sha256", "sales beside that SHA-256", embedded.sales_per_s / sha256_per_s, "");
    figures.add("path.sales_to_rocksdb", "sales beside that RocksDB", embedded.sales_per_s / rocksdb_per_s, "");
    figures.add("path.sale_cpu_us", "processor time of a sale, all threads", embedded.sale_cpu_us, "us");
    figures.add("path.sale_cpu_to_sha256", "  beside its SHA-256", embedded.sale_cpu_us / sha256_cpu_us, "");
    figures.add("path.bytes_per_sale", "on disk for a sale: entry, tree, index, balances and read models",
                embedded.bytes_per_sale, "bytes");
    figures.add("path.record_bytes", "  its record in the log", static_cast<double>(record_bytes), "bytes");
    figures.add("path.entry_bytes", "  its entry", entry_bytes, "bytes");
    figures.add("path.memory_mib", "peak memory", memory_mib, "MiB");
    figures.add_text("path.root", "root", to_hex(embedded.position.root));
}

}  // namespace upline::bench
