// SPDX-License-Identifier: Apache-2.0
// The parts of the path by themselves, on one core, in memory.
#include <benchmark/benchmark.h>

#include <ctime>

#include "bench/community.h"
#include "bench/measure.h"
#include "events/json_reader.h"
#include "events/json_writer.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "ledger/core/core.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/rows.h"
#include "projectors/memory_table.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"

namespace upline::bench {
namespace {

constexpr uint32_t kUsers = 1'000'000;
constexpr size_t kBatch = 65'536;

// Records with 8-aligned values, as log readers give them.
RecordBatch records_of(const Community& community, uint64_t first_sale, size_t count) {
    RecordBatch batch;
    RecordWriter writer;
    for (size_t i = 0; i < count; ++i)
        batch.append(static_cast<Offset>(i), INT64_C(4'000'000'000'000), writer.encode(community.sale(first_sale + i)));
    return batch;
}

class NoEntries final : public EntrySource {
  public:
    Result<std::span<const std::byte>> entry(uint64_t /*sequence*/) override {
        return Error{ErrorCode::kNotFound, "no earlier entry is asked for here"};
    }
};

// A million people signed up, once for all benchmarks.
struct World {
    Community community{kUsers};
    State state;
    NoEntries none;
    Core core{state, {}, none, none};
    EntryBatch signups;
    World() {
        RecordWriter writer;
        RecordBatch batch;
        std::vector<Input> inputs;
        for (uint32_t user = 0; user < kUsers; ++user)
            batch.append(user, INT64_C(4'000'000'000'000), writer.encode(community.signup(user)));
        for (const Record& record : batch.records()) inputs.push_back(read_input(record.value, record.append_time_ms));
        UPLINE_CHECK(core.apply(inputs, signups).ok(), "signups that apply");
    }
};
World& world() {
    static World instance;
    return instance;
}

void decode(benchmark::State& bench) {
    const RecordBatch batch = records_of(world().community, 0, kBatch);
    size_t i = 0;
    for ([[maybe_unused]] auto _ : bench) {
        DecodedRecord decoded = decode_record(batch.records()[i++ % kBatch].value);
        benchmark::DoNotOptimize(decoded);
    }
    bench.SetItemsProcessed(bench.iterations());
}

void parse_json(benchmark::State& bench) {
    std::string line;
    append_json(world().community.sale(7), line);
    line.pop_back();
    EventParser parser;
    RecordWriter writer;
    for ([[maybe_unused]] auto _ : bench) {
        Result<Event> event = parser.parse(line);
        benchmark::DoNotOptimize(writer.encode(*event));
    }
    bench.SetItemsProcessed(bench.iterations());
}

void record_hash(benchmark::State& bench) {
    const RecordBatch batch = records_of(world().community, 0, kBatch);
    size_t i = 0;
    for ([[maybe_unused]] auto _ : bench) benchmark::DoNotOptimize(sha256(batch.records()[i++ % kBatch].value));
    bench.SetItemsProcessed(bench.iterations());
}

// The same side by side, in each way that this CPU has: 0 is the one in use.
void record_hash_many(benchmark::State& bench) {
    const auto index = static_cast<size_t>(bench.range(0));
    if (index >= sha256_ways().size()) return bench.SkipWithError("this CPU has no such way");
    const Sha256Way& way = sha256_ways()[index];
    const RecordBatch batch = records_of(world().community, 0, kBatch);
    std::vector<std::span<const std::byte>> values;
    for (const Record& record : batch.records()) values.push_back(record.value);
    std::vector<Hash> hashes(values.size());
    for ([[maybe_unused]] auto _ : bench) {
        way.hash(values, hashes, {});
        benchmark::DoNotOptimize(hashes.data());
    }
    bench.SetLabel(std::string(way.name));
    bench.SetItemsProcessed(bench.iterations() * static_cast<int64_t>(kBatch));
}

// Everything the core does for a seven-level sale, entry bytes included.
void core_apply(benchmark::State& bench) {
    static uint64_t next_sale = 0;
    EntryBatch entries;
    for ([[maybe_unused]] auto _ : bench) {
        bench.PauseTiming();
        const RecordBatch batch = records_of(world().community, next_sale, kBatch);
        next_sale += kBatch;
        std::vector<Input> inputs;
        for (const Record& record : batch.records()) inputs.push_back(read_input(record.value, record.append_time_ms));
        bench.ResumeTiming();
        UPLINE_CHECK(world().core.apply(inputs, entries).ok(), "sales that apply");
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<int64_t>(kBatch));
}

void split_of_a_sale(benchmark::State& bench) {
    const Rules& rules = rules_versions().front();
    int64_t amount = 100;
    for ([[maybe_unused]] auto _ : bench) {
        amount = amount % 1'000'000 + 1;
        benchmark::DoNotOptimize(rules.entitled(rules.default_plan, {.amount = amount, .upline_size = 7}, amount));
    }
    bench.SetItemsProcessed(bench.iterations());
}

void merkle_append(benchmark::State& bench) {
    const std::vector<std::byte> entry(200);
    merkle::Tree tree;
    for ([[maybe_unused]] auto _ : bench) {
        tree.append(merkle::leaf_hash(entry));
        if (tree.size() % kBatch == 0) benchmark::DoNotOptimize(tree.take_changed_tiles());
    }
    bench.SetItemsProcessed(bench.iterations());
}

// As a shard does it: the leaves of a batch, then the tree.
void merkle_append_many(benchmark::State& bench) {
    const std::vector<std::byte> entries(200 * kBatch);
    std::vector<uint32_t> ends;
    for (uint32_t i = 1; i <= kBatch; ++i) ends.push_back(200 * i);
    merkle::Tree tree;
    for ([[maybe_unused]] auto _ : bench) {
        tree.append(merkle::leaf_hashes(entries, ends));
        benchmark::DoNotOptimize(tree.take_changed_tiles());
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<int64_t>(kBatch));
}

class OneBatch final : public EntrySource {
  public:
    explicit OneBatch(const EntryBatch& batch) : batch_(batch) {}
    Result<std::span<const std::byte>> entry(uint64_t sequence) override { return batch_[sequence - batch_.first]; }

  private:
    const EntryBatch& batch_;
};

// Signups and sales of a small community folded into both read models.
void project(benchmark::State& bench) {
    const Community community(10'000);
    State state;
    NoEntries none;
    Core core(state, {}, none, none);
    RecordBatch batch;
    RecordWriter writer;
    for (uint32_t user = 0; user < 10'000; ++user)
        batch.append(0, INT64_C(4'000'000'000'000), writer.encode(community.signup(user)));
    for (uint64_t sale = 0; sale < 90'000; ++sale)
        batch.append(0, INT64_C(4'000'000'000'000), writer.encode(community.sale(sale)));
    std::vector<Input> inputs;
    for (const Record& record : batch.records()) inputs.push_back(read_input(record.value, record.append_time_ms));
    EntryBatch entries;
    UPLINE_CHECK(core.apply(inputs, entries).ok(), "events that apply");
    OneBatch source(entries);
    for ([[maybe_unused]] auto _ : bench) {
        for (const auto make_model : kModels) {
            auto projection = Projection::open(std::make_unique<MemoryTable>(), make_model(), source, source);
            UPLINE_CHECK((*projection)->fold_to(entries.size()).ok() && (*projection)->flush().ok(),
                         "entries that fold");
        }
    }
    bench.SetItemsProcessed(bench.iterations() * static_cast<int64_t>(entries.size()));
}

double thread_cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Sales of a million people folded into all read models in a database: what one costs in processor time to fold, and to
// store in other threads, RocksDB's included, when so many are stored together. The first round finds no rows.
void project_and_store(benchmark::State& bench) {
    const auto own = std::make_unique<World>();
    uint64_t next_sale = 0;
    const auto sales = static_cast<uint64_t>(bench.range(0));
    const fs::path folder = temporary_folder();
    double fold = 0;
    double store_beside = 0;
    {
        const auto store = must(Store::open(folder, Store::Access::kWrite));
        EntryBatch entries;
        OneBatch source(entries);
        std::vector<std::unique_ptr<Projection>> projections;
        std::vector<Projection*> together;
        for (const auto make_model : kModels) {
            auto model = make_model();
            auto table = must(open_table(*store, *model));
            projections.push_back(
                must(Projection::open(std::move(table), std::move(model), source, source, size_t{1} << 32)));
            together.push_back(projections.back().get());
        }
        const auto take = [&] {
            const double start = thread_cpu_seconds();
            UPLINE_CHECK(fold_together(together, source, entries.first + entries.size(), size_t{1} << 32).ok(),
                         "entries that fold");
            fold += thread_cpu_seconds() - start;
        };
        entries = std::move(own->signups);
        take();
        fold = 0;
        const double all_before = cpu_seconds();
        const double own_before = thread_cpu_seconds();
        for ([[maybe_unused]] auto _ : bench) {
            for (uint64_t done = 0; done < sales; done += kBatch) {
                const RecordBatch batch = records_of(own->community, next_sale, kBatch);
                next_sale += kBatch;
                std::vector<Input> inputs;
                for (const Record& record : batch.records())
                    inputs.push_back(read_input(record.value, record.append_time_ms));
                UPLINE_CHECK(own->core.apply(inputs, entries).ok(), "sales that apply");
                take();
            }
            for (const auto& projection : projections) UPLINE_CHECK(projection->flush().ok(), "rows that are stored");
        }
        projections.clear();
        store_beside = cpu_seconds() - all_before - (thread_cpu_seconds() - own_before);
    }
    fs::remove_all(folder);
    const double ns = 1e9 / static_cast<double>(static_cast<uint64_t>(bench.iterations()) * sales);
    bench.counters["fold_ns"] = fold * ns;
    bench.counters["store_ns"] = store_beside * ns;
}

BENCHMARK(decode);
BENCHMARK(parse_json);
BENCHMARK(record_hash);
BENCHMARK(record_hash_many)->DenseRange(0, 2);
BENCHMARK(split_of_a_sale);
BENCHMARK(merkle_append);
BENCHMARK(merkle_append_many);
BENCHMARK(core_apply)->Unit(benchmark::kMillisecond)->Iterations(20);
BENCHMARK(project)->Unit(benchmark::kMillisecond);
BENCHMARK(project_and_store)->Unit(benchmark::kMillisecond)->Arg(1 << 20)->Arg(1 << 22)->Iterations(3);

}  // namespace
}  // namespace upline::bench

BENCHMARK_MAIN();
