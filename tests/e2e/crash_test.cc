// SPDX-License-Identifier: Apache-2.0
// Exactly once: whenever the program is ended and however, the ledger, its state and its read models become what they
// are after an undisturbed run over the same log. Compiled a second time with UPLINE_TEST_ON_KAFKA.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/consumers/ledger_view.h"
#include "tests/e2e/program.h"
#include "tests/e2e/sample.h"
#include "tests/events/log/log_harness.h"
#include "tools/node/partition_runner.h"

namespace upline::testing {
namespace {

namespace fs = std::filesystem;

#ifdef UPLINE_TEST_ON_KAFKA
constexpr bool kOnKafka = true;
#define UPLINE_CRASH_TEST(name) TEST(CrashOnKafka, name)
#else
constexpr bool kOnKafka = false;
#define UPLINE_CRASH_TEST(name) TEST(Crash, name)
#endif
constexpr int kKills = kOnKafka ? 60 : 210;
// Small, so that the state is stored many times.
const Arguments kEnvironment = {"UPLINE_STATE_INTERVAL=300", "UPLINE_INGEST_BYTES=20000"};

using Random = std::mt19937_64;

double uniform(Random& random, double from, double to) {
    return from + (to - from) * std::uniform_real_distribution<double>()(random);
}

void pause_ms(double ms) {
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(ms));
}

// A real community's whole life, then a community made up, and events each there for one rule.
Lines all_lines() {
    Lines lines = lines_of_file("cdnow-sample.lifecycle.jsonl.gz");
    for (std::string& line :
         interleave({with_closings(make_community("community", 3000, 1), "community"), lines_of_file("edge.jsonl")}, 1))
        lines.push_back(std::move(line));
    return lines;
}

::testing::AssertionResult is_ledger(const std::string& data, const LedgerView& expected) {
    const Result<LedgerView> view = view_ledger(data);
    if (!view.ok()) return ::testing::AssertionFailure() << view.error().message;
    if (*view == expected) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << *view << "\nis not " << expected;
}

// Where the ledger in `data` ends; 0 when there is none yet.
uint64_t size_of_ledger(const std::string& data) {
    const Result<std::unique_ptr<Store>> store = Store::open(data + "/partition-00000", Store::Access::kRead);
    if (!store.ok()) {
        EXPECT_EQ(store.error().code, ErrorCode::kNotFound) << store.error().message;
        return 0;
    }
    const Result<LedgerHead> position = (**store).position();
    EXPECT_TRUE(position.ok());
    return position.ok() ? position->size : 0;
}

// Bytes of the write-ahead logs, which grow with every commit.
uint64_t bytes_of_logs(const std::string& data) {
    uint64_t bytes = 0;
    std::error_code error;
    for (fs::directory_iterator it(data + "/partition-00000", error), end; !error && it != end; it.increment(error)) {
        std::error_code gone;
        if (it->path().extension() != ".log") continue;
        const uint64_t size = it->file_size(gone);
        if (!gone) bytes += size;
    }
    return bytes;
}

// Waits until the run has written that much, or the time is over.
void wait_for_commits(const std::string& data, Process& run, uint64_t bytes, std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    uint64_t before = bytes_of_logs(data);
    while (run.running() && std::chrono::steady_clock::now() < deadline) {
        const uint64_t now = bytes_of_logs(data);
        before = std::min(before, now);  // recovery has begun a new one
        if (now >= before + bytes) return;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

// Hands the lines to `produce` piece by piece. A piece whose producer was killed is given again: which of its events
// are then twice in the log, the ledger shows as duplicates.
class Producer {
  public:
    Producer(std::string url, Lines lines) : url_(std::move(url)), lines_(std::move(lines)) {}

    void give(size_t count) {
        if (process_ && process_->running()) return;
        if (process_ && process_->wait() == 0) {
            given_ += piece_;
        } else if (process_) {
            ++killed_;
        }
        process_.reset();
        piece_ = std::min(count, lines_.size() - given_);
        if (piece_ == 0) return;
        const auto first = lines_.begin() + static_cast<std::ptrdiff_t>(given_);
        write_file(file(), {first, first + static_cast<std::ptrdiff_t>(piece_)});
        process_ = std::make_unique<Process>(Arguments{"produce", "--log", url_, file()});
    }
    void kill() {
        if (process_) process_->kill();
    }
    void finish() {
        if (process_) process_->wait();
        for (int tries = 0; given_ < lines_.size() && tries < 3; ++tries) {
            give(lines_.size());
            ASSERT_EQ(process_ ? process_->wait() : 0, 0) << process_->err();
        }
        give(0);
        ASSERT_EQ(given_, lines_.size());
    }
    int killed() const { return killed_; }

  private:
    std::string file() const { return folder_.path() + "/lines"; }

    TemporaryFolder folder_;
    std::string url_;
    Lines lines_;
    size_t given_ = 0;
    size_t piece_ = 0;
    int killed_ = 0;
    std::unique_ptr<Process> process_;
};

UPLINE_CRASH_TEST(KilledAtAnyMomentTheLedgerEndsAsIfUndisturbed) {
    if (kOnKafka && test_broker().empty()) GTEST_SKIP() << kNoBroker;
    Random random(test_seed());
    const TemporaryFolder folder;
    std::unique_ptr<TemporaryTopic> topic;
    if (kOnKafka) topic = std::make_unique<TemporaryTopic>();
    const std::string url = kOnKafka ? topic->url() : "file:" + folder.path() + "/log";
    const std::string data = folder.path() + "/data";
    Lines lines = all_lines();
    const Lines first(lines.begin(), lines.begin() + 100);
    lines.erase(lines.begin(), lines.begin() + 100);
    const Ran made = produce(url, first);
    ASSERT_EQ(made.exit_code, 0) << made.err;

    // Starting takes some milliseconds, on Kafka more. Kills fall into that, and into the commits after it.
    const double start_ms = kOnKafka ? 150 : 60;
    Producer producer(url, lines);
    uint64_t size = 0;
    int kills = 0;
    int kills_after_progress = 0;
    for (int runs = 0; kills < kKills && runs < 4 * kKills; ++runs) {
        producer.give(lines.size() / (kKills / 2) + random() % 100);
        Arguments arguments = {"run", "--log", url, "--data", data, "--batch"};
        static constexpr const char* kBatches[] = {"1", "3", "7", "20"};
        arguments.emplace_back(kBatches[random() % std::size(kBatches)]);
        if (random() % 2 == 0) arguments.emplace_back("--once");
        Process run(arguments, kEnvironment);
        if (random() % 3 == 0) {
            pause_ms(uniform(random, 0, start_ms / 3));
            producer.kill();
        }
        if (random() % 3 == 0)
            pause_ms(std::exp(uniform(random, std::log(0.2), std::log(start_ms))));
        else
            wait_for_commits(data, run, random() % 60'000, std::chrono::milliseconds(1000));
        pause_ms(uniform(random, 0, 3));
        if (run.kill()) {
            ++kills;
        } else {
            ASSERT_EQ(run.wait(), 0) << run.err();
        }
        const uint64_t now = size_of_ledger(data);
        ASSERT_GE(now, size) << "what was committed survives";
        if (now > size) ++kills_after_progress;
        size = now;
    }
    fmt::print("{} kills of run, {} of them after it had committed; {} kills of produce; {} entries till then\n", kills,
               kills_after_progress, producer.killed(), size);
    EXPECT_EQ(kills, kKills);
    EXPECT_GT(kills_after_progress, kKills / 4);
    producer.finish();
    ASSERT_RUNS({"run", "--log", url, "--data", data, "--once"});

    const std::string undisturbed = folder.path() + "/undisturbed";
    ASSERT_RUNS({"run", "--log", url, "--data", undisturbed, "--once"});
    const Result<LedgerView> expected = view_ledger(undisturbed);
    ASSERT_OK(expected);
    EXPECT_EQ(expected->root, expected->root_of_entries);
    EXPECT_TRUE(is_ledger(data, *expected));
    EXPECT_GT(expected->size, lines.size());
    ASSERT_RUNS({"verify", "--data", data, "--log", url});
    ASSERT_RUNS({"replay", "--log", url, "--data", folder.path() + "/replayed", "--compare", data});

    // Events that are twice in the log count once. What was refused may be accepted when it comes again, a payout when
    // more has matured; that moves money between the four, and changes nothing of their sum.
    const Ran exported = run_program({"export", "balances", "--data", data, "--format", "jsonl"});
    ASSERT_EQ(exported.exit_code, 0) << exported.err;
    const Balances balances = balances_of(lines_of(exported.out));
    const Balances wanted = balances_of(lines_of_file("cdnow-sample.lifecycle.expected.jsonl"));
    EXPECT_EQ(wanted.size(), 679U);
    for (const auto& [whose, balance] : wanted) {
        const auto found = balances.find(whose);
        ASSERT_NE(found, balances.end()) << whose;
        const auto sum = [](const Balance& b) { return b.pending + b.available + b.reserved + b.paid; };
        EXPECT_EQ(sum(found->second), sum(balance)) << whose;
    }
}

#ifdef UPLINE_CRASH_SHIM

// In this process.
Status feed_to_end(const std::string& url, const std::string& data) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(url));
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(data, DataFolder::Access::kWrite));
    UPLINE_TRY(run_partitions(*log, folder, {.once = true}));
    return ok_status();
}

// A log that does not change, the ledger an undisturbed run makes of it, and one that was killed half-way.
class CrashPoint : public ::testing::Test {
  protected:
    void SetUp() override {
        Lines lines = interleave(
            {with_closings(make_community("community", 350, 2), "community"), lines_of_file("edge.jsonl")}, 2);
        const Ran made = produce(url_, lines);
        ASSERT_EQ(made.exit_code, 0) << made.err;
        ASSERT_OK(feed_to_end(url_, folder_.path() + "/undisturbed"));
        const Result<LedgerView> view = view_ledger(folder_.path() + "/undisturbed");
        ASSERT_OK(view);
        expected_ = *view;
        ASSERT_EQ(expected_.size, lines.size());
    }

    // False if the run came to its end before its n-th call.
    bool crash(const std::string& data, long at, const char* how, uint64_t seed) {
        const Ran ran = run_program(
            {"run", "--log", url_, "--data", data, "--once", "--batch", "32"},
            {"UPLINE_STATE_INTERVAL=90", fmt::format("UPLINE_INGEST_BYTES={}", seed % 2 == 0 ? 3000 : 50'000),
             fmt::format("LD_PRELOAD={}", UPLINE_CRASH_SHIM), "UPLINE_CRASH_BELOW=" + data,
             fmt::format("UPLINE_CRASH_AT={}", at), fmt::format("UPLINE_CRASH_HOW={}", how),
             fmt::format("UPLINE_CRASH_SEED={}", seed)});
        EXPECT_LE(ran.exit_code, 0) << ran.err;
        return ran.exit_code != 0;
    }

    TemporaryFolder folder_;
    const std::string url_ = "file:" + folder_.path() + "/log";
    LedgerView expected_;
};

// Walks over the calls of a run from nothing, and of one that goes on after a crash, which has a log to recover.
TEST_F(CrashPoint, AtAnyWriteSyncOrRenameTheLedgerEndsAsIfUndisturbed) {
    const uint64_t seed = test_seed();
    Random random(seed);
    const std::string half_way = folder_.path() + "/half-way";
    for (long at = 500;; at -= 10) {  // at more calls than a run makes it ends undisturbed
        ASSERT_GT(at, 0);
        fs::remove_all(half_way);
        crash(half_way, at, "before", seed);
        if (size_of_ledger(half_way) < expected_.size) break;
    }
    ASSERT_GT(size_of_ledger(half_way), 0U);

    // By hand with UPLINE_TEST_STEP=1, each call; in CI every so many, other ones each time.
    const char* given = std::getenv("UPLINE_TEST_STEP");
    const long step = given != nullptr ? std::atol(given) : 16;
    int crashes = 0;
    for (const char* how : {"before", "half", "power"}) {
        for (const bool from_nothing : {true, false}) {
            for (long at = 1 + static_cast<long>(random() % static_cast<uint64_t>(step));; at += step) {
                const std::string data = folder_.path() + "/data";
                if (!from_nothing) fs::copy(half_way, data, fs::copy_options::recursive);
                const bool crashed = crash(data, at, how, random());
                SCOPED_TRACE(fmt::format("{} call {}, {}", how, at, from_nothing ? "from nothing" : "going on"));
                ASSERT_OK(feed_to_end(url_, data));
                ASSERT_TRUE(is_ledger(data, expected_));
                fs::remove_all(data);
                if (!crashed) break;
                ++crashes;
            }
        }
    }
    fmt::print("{} crashes\n", crashes);
    EXPECT_GT(crashes, 1000 / step);
}

// Copies of a folder that is being written to: each file whole at a moment of its own, or cut.
TEST_F(CrashPoint, ACopyOfALiveFolderGoesOnToTheSameLedgerOrIsRefused) {
    Random random(test_seed());
    const std::string live_url = "file:" + folder_.path() + "/live-log";
    const std::string data = folder_.path() + "/data";
    const Lines lines = make_community("community", 6000, 3);
    ASSERT_EQ(produce(live_url, {lines.begin(), lines.begin() + 200}).exit_code, 0);

    constexpr size_t kCopies = 24;
    const auto copy_path = [&](size_t i) { return fmt::format("{}/copy-{}", folder_.path(), i); };
    {
        Process run({"run", "--log", live_url, "--data", data, "--batch", "8"}, kEnvironment);
        ASSERT_TRUE([&] {
            for (int i = 0; i < 3000 && size_of_ledger(data) == 0; ++i)
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            return size_of_ledger(data) > 0;
        }());
        Producer producer(live_url, {lines.begin() + 200, lines.end()});
        for (size_t i = 0; i < kCopies; ++i) {
            producer.give(lines.size() / kCopies);
            pause_ms(uniform(random, 1, 40));
            for (const fs::directory_entry& file : fs::recursive_directory_iterator(data)) {
                const fs::path to = copy_path(i) / file.path().lexically_relative(data);
                std::error_code gone;  // it may be, between its listing and its copying
                if (file.is_directory()) {
                    fs::create_directories(to);
                } else {
                    fs::create_directories(to.parent_path());
                    fs::copy_file(file.path(), to, gone);
                }
            }
        }
        producer.finish();
        run.interrupt();
        ASSERT_EQ(run.wait(), 0) << run.err();
    }
    ASSERT_OK(feed_to_end(live_url, data));
    const Result<LedgerView> expected = view_ledger(data);
    ASSERT_OK(expected);
    ASSERT_EQ(expected->size, lines.size());

    int went_on = 0;
    for (size_t i = 0; i < kCopies; ++i) {
        if (i % 2 == 1) {
            // Cut the newest write-ahead log anywhere.
            fs::path newest;
            for (const fs::directory_entry& file : fs::directory_iterator(copy_path(i) + "/partition-00000"))
                if (file.path().extension() == ".log" && file.path() > newest) newest = file.path();
            if (!newest.empty()) fs::resize_file(newest, random() % (fs::file_size(newest) + 1));
        }
        const Status fed = feed_to_end(live_url, copy_path(i));
        if (!fed.ok()) {
            EXPECT_EQ(fed.error().code, ErrorCode::kCorrupt) << fed.error().message;
            EXPECT_EQ(fed.error().message.find("read model"), std::string::npos) << "those are made anew";
            fmt::print("copy {}: {}\n", i, fed.error().message);
            continue;
        }
        ++went_on;
        EXPECT_TRUE(is_ledger(copy_path(i), *expected)) << "copy " << i;
    }
    fmt::print("{} of {} copies went on\n", went_on, kCopies);
    EXPECT_GT(went_on, 0);
}

#endif

}  // namespace
}  // namespace upline::testing
