// SPDX-License-Identifier: Apache-2.0
// A process that applies sales is killed (SIGKILL), and started again: how long until it can go on, and until it has.
// The processes are this program, told by its arguments what to be.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>

#include "bench/upline_bench.h"
#include "tools/queries/user.h"

namespace upline::bench {
namespace {

constexpr double kSlowMs = 500;

void child_says(const std::string& line) {
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    fmt::print("{}\n", line);
    (void)std::fflush(stdout);
}

// Feeds until it is killed, and says how many entries are on disk.
[[noreturn]] void be_feeding(EventLog& log, const DataFolder& data) {
    PartitionRunOptions options;
    options.applied = [](uint64_t entries) { child_says(fmt::format("{}", entries)); };
    must(run_partitions(log, data, options));
    std::exit(kExitCouldNot);
}

// Opens the shard, says how long folding the tail took, how many entries that were, and how many there are; waits to
// be killed.
[[noreturn]] void be_opening(const EventLog& log, const DataFolder& data) {
    // The first call comes in the midst of the first 65,536 entries: those before it took as long as those after.
    uint64_t done_at_first = 0;
    uint64_t tail = 0;
    Clock::time_point first;
    const auto progress = [&](uint64_t done, uint64_t of) {
        if (tail > 0) return;
        first = Clock::now();
        done_at_first = done;
        tail = of;
    };
    const auto shard = must(Shard::open(data, {{0, 1}, log.identity()}, progress));
    double fold_seconds = 0;
    if (tail > done_at_first)
        fold_seconds = seconds_since(first) * static_cast<double>(tail) / static_cast<double>(tail - done_at_first);
    child_says(fmt::format("{} {} {}", fold_seconds, tail, shard->position().size));
    ::pause();
    std::exit(kExitCouldNot);
}

class Child {
  public:
    Child(const char* doing, const fs::path& log, const fs::path& data) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) std::exit(kExitCouldNot);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ < 0) std::exit(kExitCouldNot);
        if (pid_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(kExitCouldNot);
            ::dup2(ends[1], STDOUT_FILENO);
            ::execl("/proc/self/exe", "upline_bench", kRecoveryChild, doing, log.c_str(), data.c_str(), nullptr);
            ::_exit(kExitCouldNot);
        }
        ::close(ends[1]);
        out_ = ::fdopen(ends[0], "r");
    }
    ~Child() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        (void)std::fclose(out_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    std::string line() {
        char text[200];
        if (!std::fgets(text, sizeof text, out_)) {
            fmt::print(stderr, "upline_bench: the process that was to be killed has ended by itself\n");
            std::exit(kExitCouldNot);
        }
        return text;
    }

  private:
    pid_t pid_;
    std::FILE* out_;
};

// Out of the page cache, as after the machine itself was started again.
void forget_files(const fs::path& data) {
    for (const auto& file : fs::recursive_directory_iterator(data)) {
        if (!file.is_regular_file()) continue;
        const int fd = ::open(file.path().c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        ::fdatasync(fd);
        ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        ::close(fd);
    }
}

struct Opened {
    double seconds = 0;  // from the start of the process
    double fold_seconds = 0;
    uint64_t tail = 0;
    uint64_t size = 0;
};
Opened open_again(const fs::path& log, const fs::path& data) {
    Opened opened;
    const auto start = Clock::now();
    Child child("open", log, data);
    const std::string line = child.line();
    opened.seconds = seconds_since(start);
    char* at = nullptr;
    opened.fold_seconds = std::strtod(line.c_str(), &at);
    opened.tail = std::strtoull(at, &at, 10);
    opened.size = std::strtoull(at, &at, 10);
    return opened;
}

// Asks about many people as `upline show user` does, each of whom a new reader might be asked about: says how long
// opening took, the first answer, and the one in the middle of all, and how much memory that was; waits to be killed.
[[noreturn]] void be_asking(const fs::path& data) {
    constexpr uint64_t kQuestions = 200;
    const auto start = Clock::now();
    std::vector<ReadShard> shards = must(open_for_reading(data));
    const double open_ms = seconds_since(start) * 1000;
    const uint64_t size = must(shards.front().store->position()).size;
    const std::unique_ptr<EntrySource> entries = shards.front().store->point_reader();
    std::vector<double> took;
    double first_ms = 0;
    for (uint64_t i = 0; took.size() < kQuestions; ++i) {
        Entry signup;
        must(read_entry(*entries, mix(i) % size, signup));
        if (!std::holds_alternative<UserSignedUp>(signup.payload)) continue;
        const auto asked = Clock::now();
        const FoundEntry found = must(find_entry(shards, std::string(signup.program), to_string(signup.id), "user"));
        LedgerReader reader = must(LedgerReader::open(*found.shard));
        must(query_user(reader, found.entry()));
        took.push_back(seconds_since(asked) * 1000);
        if (took.size() == 1) first_ms = took.front();
        if (first_ms > kSlowMs) break;  // the others take as long
    }
    std::ranges::sort(took);
    rusage usage{};
    (void)::getrusage(RUSAGE_SELF, &usage);
    child_says(fmt::format("{} {} {} {}", open_ms, first_ms, took[took.size() / 2], usage.ru_maxrss / 1024));
    ::pause();
    std::exit(kExitCouldNot);
}

// `key`: of the figures; `which`: the ledger, for people.
void measure_questions(const fs::path& log, const fs::path& data, const char* key, const std::string& which,
                       Figures& figures) {
    Child child("ask", log, data);
    const std::string line = child.line();
    char* at = nullptr;
    const double open_ms = std::strtod(line.c_str(), &at);
    const double first_ms = std::strtod(at, &at);
    const double user_ms = std::strtod(at, &at);
    figures.add(fmt::format("recovery.{}_open_ms", key), fmt::format("a reader of {} is opened", which), open_ms, "ms");
    figures.add(fmt::format("recovery.{}_first_ms", key), "  its first answer: all of one user", first_ms, "ms");
    figures.add(fmt::format("recovery.{}_user_ms", key), "  an answer, the median of many", user_ms, "ms");
    figures.add(fmt::format("recovery.{}_mib", key), "  memory of that process at its largest", std::strtod(at, &at),
                "MiB");
}

}  // namespace

void be_killed(std::string_view doing, const fs::path& log_folder, const fs::path& data_folder) {
    if (doing == "ask") be_asking(data_folder);
    const auto log = must(open_log(fmt::format("file:{}", log_folder.native())));
    const DataFolder data = must(DataFolder::open(data_folder, DataFolder::Access::kWrite));
    if (doing == "feed") be_feeding(*log, data);
    be_opening(*log, data);
}

// Sales in the log behind those that are waited for, so that the kill comes in the midst of them.
constexpr uint64_t kSurplus = 1'000'000;

void measure_recovery(const RecoveryArgs& args, const fs::path& folder, Figures& figures) {
    const fs::path log_folder = folder / "log";
    const fs::path data = folder / "data";
    {
        const Community community(args.users);
        const auto log = new_embedded_log(log_folder);
        append_signups(*log, community);
        feed_once(*log, data);
        measure_questions(log_folder, data, "stored", fmt::format("{} users", with_commas(args.users)), figures);
        append_all(*log, args.tail + kSurplus, [&](uint64_t i) { return community.sale(i); });
    }
    uint64_t acknowledged = 0;
    {
        Child child("feed", log_folder, data);
        while (acknowledged < args.tail) acknowledged = std::strtoull(child.line().c_str(), nullptr, 10);
    }
    // Each start finds the folder as the kill left it: starting mends some of that.
    const fs::path data_cold = folder / "data-cold";
    const fs::path data_goes_on = folder / "data-goes-on";
    {  // should the kill have come after all: something is left to go on with
        const Community community(args.users);
        const auto log = must(open_log(fmt::format("file:{}", log_folder.native())));
        append_all(*log, 1000, [&](uint64_t i) { return community.sale(args.tail + kSurplus + i); });
    }
    fs::copy(data, data_cold, fs::copy_options::recursive);
    fs::copy(data, data_goes_on, fs::copy_options::recursive);
    ::sync();

    measure_questions(log_folder, data, "behind", "what kill -9 left, rows and state behind the entries", figures);
    const Opened opened = open_again(log_folder, data);
    if (opened.size < args.users + acknowledged) {
        fmt::print(stderr, "upline_bench: {} entries were acknowledged, {} are there\n", args.users + acknowledged,
                   opened.size);
        std::exit(kExitNegative);
    }
    forget_files(data_cold);
    const Opened cold = open_again(log_folder, data_cold);
    const auto start = Clock::now();
    double goes_on_seconds = 0;
    {
        Child child("feed", log_folder, data_goes_on);
        child.line();
        goes_on_seconds = seconds_since(start);
    }
    figures.add("recovery.ready_s",
                fmt::format("started again after kill -9, {} users: ready, without the tail", with_commas(args.users)),
                opened.seconds - opened.fold_seconds, "s");
    figures.add("recovery.fold_s", fmt::format("  folding the tail of {} entries", with_commas(opened.tail)),
                opened.fold_seconds, "s");
    figures.add("recovery.goes_on_s", "  started until the next entries are on disk, tail included", goes_on_seconds,
                "s");
    figures.add("recovery.cold_ready_s", "  ready, without the tail, nothing in the page cache",
                cold.seconds - cold.fold_seconds, "s");
}

}  // namespace upline::bench
