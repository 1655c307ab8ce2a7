// SPDX-License-Identifier: Apache-2.0
// The state of a large shard by itself, made without a log: the memory it takes, what storing it costs as sales come
// in, and how long a new process takes until it is there again.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>

#include <rocksdb/db.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "bench/community.h"
#include "bench/measure.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/ledger_writer.h"
#include "ledger/store/state_store.h"

namespace upline::bench {
namespace {

struct Args {
    uint32_t users = 1'000'000;
    uint32_t websites = 0;
    uint64_t sales = 4'000'000;
    uint64_t interval = 1'000'000;
    uint64_t tail = 250'000;
    std::string folder;
    bool load = false;
};

constexpr int64_t kClockUs = 1'767'225'600 * kUsPerSecond;

double resident_mib() {
    std::ifstream statm("/proc/self/statm");
    uint64_t all = 0;
    uint64_t resident = 0;
    statm >> all >> resident;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

uint64_t bytes_written() {
    std::ifstream io("/proc/self/io");
    std::string name;
    for (uint64_t value = 0; io >> name >> value;)
        if (name == "write_bytes:") return value;
    return 0;
}

// A state that grows by entries, in whose order there is nothing to learn: everybody's upline lies anywhere.
class Growing {
  public:
    explicit Growing(const Args& args) : args_(args) {
        UPLINE_CHECK(args.users > 0, "some users");
        Entry entry;
        for (uint32_t user = 0; user < args.users; ++user) apply(begin<UserSignedUp>(entry), {});
        for (uint32_t site = 0; site < args.websites; ++site) {
            ResolvedRefs resolved;
            resolved.refs[0] = RefIndex(mix(site) % args.users);
            begin<WebsiteCreated>(entry).refs[0] = resolved.refs[0].value;
            apply(entry, resolved);
        }
        for (uint64_t sale = 0; sale < args.sales; ++sale) sell();
    }
    void sell() { sell(nullptr); }
    // And puts the entry's bytes in the batch.
    void sell(EntryBatch* batch) {
        Entry& entry = entry_;
        begin<TransactionRecorded>(entry);
        ResolvedRefs resolved;
        auto& sale = std::get<TransactionRecorded>(entry.payload);
        sale.amount.value = 10'000;
        sale.currency = *parse_currency("USD");
        entry.currency = sale.currency;
        entry.maturity_us = kClockUs + 30 * kUsPerDay;
        entry.posting_count = 9;
        resolved.refs[0] = RefIndex(mix(state_.size()) % args_.users);
        entry.refs[0] = resolved.refs[0].value;  // users came first: their indexes are their sequences
        entry.postings[0] = {AccountKind::kSales, Role::kNone, kNoSequence, -10'000};
        entry.postings[1] = {AccountKind::kHouse, Role::kNone, kNoSequence, 3'000};
        for (unsigned level = 1; level <= 7; ++level) {
            resolved.users[1 + level] = UserIndex(mix(state_.size() * 8 + level) % args_.users);
            entry.postings[1 + level] = {AccountKind::kEarned, level_role(level), resolved.users[1 + level].value,
                                         1'000};
        }
        if (batch) {
            append_entry(entry, batch->bytes);
            batch->ends.push_back(static_cast<uint32_t>(batch->bytes.size()));
        }
        apply(entry, resolved);
    }
    State& state() { return state_; }

  private:
    template <class P>
    Entry& begin(Entry& entry) {
        entry.sequence = state_.size();
        entry.clock_us = kClockUs;
        entry.occurred_at_us = kClockUs;
        entry.id = {};
        for (size_t half = 0; half < 2; ++half) {
            const uint64_t word = mix(entry.sequence * 2 + half);
            std::memcpy(entry.id.bytes.data() + half * 8, &word, 8);
        }
        entry.type = static_cast<uint8_t>(P::kType);
        entry.program = "default";
        entry.payload = P{};
        entry.refs = {kNoSequence, kNoSequence, kNoSequence};
        return entry;
    }
    void apply(const Entry& entry, ResolvedRefs resolved) {
        resolved.program = state_.find_program("default");
        resolved.fingerprint = IdTable::fingerprint(IdTable::program_hash("default"), entry.id);
        state_.apply(entry, resolved);
    }

    const Args& args_;
    State state_;
    Entry entry_;
};

// As if entries up to there had been committed.
void claim(Store& store, uint64_t size) {
    const std::string head = head_bytes({size, Hash{}, kClockUs, LogPosition{}}, 0);
    UPLINE_CHECK(store.db().Put({}, store.family("default"), "position", head).ok(), "a store that can be written");
}

struct Used {
    Clock::time_point start = Clock::now();
    double cpu = cpu_seconds();
    uint64_t bytes = bytes_written();
};

void load(const fs::path& folder) {
    const Used before;
    const auto store = must(Store::open(folder, Store::Access::kRead));
    const double opened = seconds_since(before.start);
    const auto state = must(load_state(*store));
    const double loaded = seconds_since(before.start);
    const uint64_t stored = state->size();
    const auto current = must(load_current_state(*store));
    const double again = seconds_since(before.start) - loaded;
    const uint64_t folded = current->size() - stored;
    fmt::print("{:<44} {:>8.0f} ms, {:.0f} ms of it to open the database\n", "a new process has the state after",
               loaded * 1e3, opened * 1e3);
    fmt::print("{:<44} {:>8.0f} ms, {:.0f} ns each ({} entries)\n", "and has folded the entries since after",
               (again - loaded + opened) * 1e3, (again - loaded + opened) / static_cast<double>(folded) * 1e9, folded);
    fmt::print("{:<44} {:>8.2f} s\n", "CPU of load twice and fold", cpu_seconds() - before.cpu);
}

int run(const Args& args, const std::string& self) {
    if (args.load) {
        load(args.folder);
        return 0;
    }
    const fs::path folder = args.folder.empty() ? temporary_folder() : fs::path(args.folder);
    const Used making;
    Growing growing(args);
    const double made = seconds_since(making.start);
    fmt::print("{} users, {} websites, {} sales\n", args.users, args.websites, args.sales);
    fmt::print("{:<44} {:>8.0f} ns an entry\n", "applied, no core, no log",
               made * 1e9 / static_cast<double>(growing.state().size()));
    fmt::print("{:<44} {:>8.0f} MiB, {:.0f} at most\n", "memory", resident_mib(), peak_memory_mib());
    {
        auto store = must(Store::open(folder, Store::Access::kWrite));
        claim(*store, UINT64_MAX);
        store.reset();
        store = must(Store::open(folder, Store::Access::kWrite));
        for (int round = 0; round < 6; ++round) {
            const Used before;
            if (round > 0)
                for (uint64_t i = 0; i < args.interval; ++i) growing.sell();
            const Used storing;
            double taken = 0;
            const StateChanges changes = take_changes(growing.state());
            taken = seconds_since(storing.start);
            must(write_state(*store, changes));
            fmt::print("{:<44} {:>8.0f} ms, {:.0f} ms of it taken; CPU {:.0f} ms, {:.1f} MB; {:.0f} ns a sale\n",
                       round == 0 ? "stored, all" : fmt::format("stored, after {} sales", args.interval),
                       seconds_since(storing.start) * 1e3, taken * 1e3, (cpu_seconds() - storing.cpu) * 1e3,
                       static_cast<double>(bytes_written() - storing.bytes) / 1e6,
                       (cpu_seconds() - storing.cpu) * 1e9 / static_cast<double>(args.interval));
        }
        claim(*store, growing.state().size());
    }
    {
        auto store = must(Store::open(folder, Store::Access::kWrite));
        must(store->bind({}));
        fmt::print("{:<44} {:>8.1f} MB\n", "on disk", static_cast<double>(must(store->bytes_on_disk())) / 1e6);
        LedgerWriter writer = must(LedgerWriter::open(*store));
        for (uint64_t done = 0; done < args.tail;) {
            EntryBatch batch;
            batch.first = growing.state().size();
            const uint64_t count = std::min<uint64_t>(65'536, args.tail - done);
            for (uint64_t i = 0; i < count; ++i) growing.sell(&batch);
            const std::vector<LogLocation> places(count);
            done += count;
            must(writer.commit(std::array{CommitPart{&batch, places}}, {},
                               {growing.state().size(), Hash{}, kClockUs, LogPosition{}}));
        }
    }
    std::fflush(stdout);
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl(self.c_str(), self.c_str(), "--load", "--folder", folder.c_str(), nullptr);
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (args.folder.empty()) fs::remove_all(folder);
    return status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    upline::bench::Args args;
    CLI::App app("the state of a large shard: memory, storing, loading");
    app.add_option("--users", args.users);
    app.add_option("--websites", args.websites);
    app.add_option("--sales", args.sales);
    app.add_option("--interval", args.interval, "sales between two storings");
    app.add_option("--tail", args.tail, "entries that are to be folded");
    app.add_option("--folder", args.folder);
    app.add_flag("--load", args.load, "only load what lies in the folder");
    CLI11_PARSE(app, argc, argv);
    return upline::bench::run(args, argv[0]);
}
