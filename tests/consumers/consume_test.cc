// SPDX-License-Identifier: Apache-2.0
// The loop between a log and a shard: what it does when the log fails, waits or ends, and how far it runs ahead.
#include "consumers/consume.h"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <thread>

#include "ledger/store/state_store.h"
#include "tests/consumers/log_of_events.h"
#include "tests/events/log/log_harness.h"

namespace upline::testing {
namespace {

// Gives what a test has lined up: a count of records, or an error. At the end behind that.
class FakeReader final : public LogReader {
  public:
    explicit FakeReader(const std::vector<Bytes>& values) : values_(values) {}

    void then_give(size_t records) { steps_.push_back({records, std::nullopt}); }
    void then_fail(ErrorCode code, std::string message) { steps_.push_back({0, Error{code, std::move(message)}}); }
    void before_read(std::function<void()> call) { before_read_ = std::move(call); }
    const std::vector<Offset>& progress() const { return progress_; }
    const std::vector<size_t>& asked_for() const { return asked_for_; }

    Status read(size_t max_records, size_t /*max_bytes*/, int /*timeout_ms*/, RecordBatch& batch) override {
        batch.clear();
        asked_for_.push_back(max_records);
        if (before_read_) before_read_();
        if (steps_.empty()) return ok_status();
        const Step step = steps_.front();
        steps_.pop_front();
        if (step.error) return *step.error;
        for (size_t i = 0; i < step.records; ++i, ++next_)
            batch.append(static_cast<Offset>(next_), kAppendTimeMs, values_[next_]);
        return ok_status();
    }
    Result<bool> at_end() override { return steps_.empty(); }
    Result<Offset> end() override { return static_cast<Offset>(next_); }
    void note_progress(Offset next) override { progress_.push_back(next); }

  private:
    struct Step {
        size_t records = 0;
        std::optional<Error> error;
    };
    const std::vector<Bytes>& values_;
    std::deque<Step> steps_;
    std::function<void()> before_read_;
    std::vector<Offset> progress_;
    std::vector<size_t> asked_for_;
    size_t next_ = 0;
};

class Consume : public ::testing::Test {
  protected:
    void SetUp() override {
        auto folder = DataFolder::open(folder_.path() + "/data", DataFolder::Access::kWrite);
        ASSERT_OK(folder);
        data_.emplace(std::move(*folder));
        open();
    }
    void open(const ShardOptions& options = {}) {
        shard_.reset();
        auto shard = Shard::open(*data_, {{0, 1}, ""}, {}, options);
        ASSERT_OK(shard);
        shard_ = std::move(*shard);
    }
    uint64_t stored_state_size() {
        auto state = load_state(shard_->store());
        return state.ok() ? (*state)->size() : UINT64_MAX;
    }

    TemporaryFolder folder_;
    std::optional<DataFolder> data_;
    std::unique_ptr<Shard> shard_;
    const std::vector<Bytes> values_ = records_of(make_community("default", 200, 1));
    FakeReader reader_{values_};
};

TEST_F(Consume, OnceEndsAtTheEndOfTheLogWithTheStateStored) {
    for (const size_t records : {7, 0, 1, 50, 0, 0, 100}) reader_.then_give(records);
    ASSERT_OK(consume(*shard_, reader_, {.once = true}));
    EXPECT_EQ(shard_->position().size, 158U);
    EXPECT_EQ(stored_state_size(), 158U);
    EXPECT_EQ(reader_.progress().back(), 158);
}

TEST_F(Consume, TellsTheLogOnlyWhatIsApplied) {
    for (int i = 0; i < 20; ++i) reader_.then_give(10);
    uint64_t applied = 0;
    const auto on_applied = [&](const LedgerHead& position) {
        EXPECT_GT(position.size, applied);
        EXPECT_EQ(position.size % 10, 0U);
        applied = position.size;
    };
    ASSERT_OK(consume(*shard_, reader_, {.once = true, .applied = on_applied}));
    ASSERT_FALSE(reader_.progress().empty());
    Offset before = 0;
    for (const Offset next : reader_.progress()) {
        EXPECT_GE(next, before);
        EXPECT_EQ(next % 10, 0);
        before = next;
    }
    EXPECT_EQ(before, 200);
}

TEST_F(Consume, AsksForNoMoreThanABatch) {
    reader_.then_give(5);
    ASSERT_OK(consume(*shard_, reader_, {.batch_records = 5, .once = true}));
    for (const size_t asked : reader_.asked_for()) EXPECT_EQ(asked, 5U);
}

TEST_F(Consume, AnErrorOfTheLogEndsItAndWhatWasAppliedStays) {
    for (const ErrorCode code : {ErrorCode::kCorrupt, ErrorCode::kConflict, ErrorCode::kInvalid}) {
        FakeReader reader(values_);
        const uint64_t before = shard_->position().size;
        reader.then_give(30);
        reader.then_give(20);
        reader.then_fail(code, "the log says so");
        reader.then_give(50);
        EXPECT_TRUE(fails_with(consume(*shard_, reader, {}), code, "the log says so"));
        EXPECT_EQ(shard_->position().size, before + 50);
        open();
        EXPECT_EQ(shard_->position().size, before + 50);
        EXPECT_EQ(stored_state_size(), before + 50);
    }
}

TEST_F(Consume, WaitsWhileTheLogIsAwayAndGoesOn) {
    reader_.then_give(30);
    for (int i = 0; i < 3; ++i) reader_.then_fail(ErrorCode::kUnavailable, "nobody answers");
    reader_.then_give(30);
    reader_.then_fail(ErrorCode::kUnavailable, "nobody answers");
    int waits = 0;
    const auto on_waiting = [&waits](const Error& error) {
        EXPECT_EQ(error.message, "nobody answers");
        ++waits;
    };
    ASSERT_OK(consume(*shard_, reader_, {.once = true, .waiting = on_waiting}));
    EXPECT_EQ(waits, 4);
    EXPECT_EQ(shard_->position().size, 60U);
}

TEST_F(Consume, AskedToStopWhileTheLogIsAwayStops) {
    reader_.then_give(30);
    for (int i = 0; i < 1000; ++i) reader_.then_fail(ErrorCode::kUnavailable, "nobody answers");
    std::stop_source stop;
    ASSERT_OK(consume(*shard_, reader_,
                      {.stop = stop.get_token(), .waiting = [&stop](const Error&) { stop.request_stop(); }}));
    EXPECT_EQ(shard_->position().size, 30U);
    EXPECT_EQ(stored_state_size(), 30U);
}

TEST_F(Consume, FollowsUntilAskedToStopWithAllStored) {
    for (int i = 0; i < 10; ++i) reader_.then_give(10);
    std::stop_source stop;
    ASSERT_OK(consume(*shard_, reader_, {.stop = stop.get_token(), .applied = [&stop](const LedgerHead& position) {
                                             if (position.size == 100) stop.request_stop();
                                         }}));
    EXPECT_EQ(shard_->position().size, 100U);
    EXPECT_EQ(stored_state_size(), 100U);
}

// Memory is bounded: when the disk is slow the applier waits at so many bytes that are not on it, and then the reader,
// three batches ahead of it.
TEST_F(Consume, ReadsNoFurtherAheadOfTheDiskThanItsBound) {
    constexpr ShardOptions kSmall{.ingest_bytes = 100};
    open(kSmall);
    for (int i = 0; i < 50; ++i) reader_.then_give(2);
    std::atomic<uint64_t> reads = 0;
    std::atomic<uint64_t> on_disk = 0;
    std::atomic<uint64_t> furthest = 0;
    reader_.before_read([&] { furthest = std::max(furthest.load(), 2 * reads++ - on_disk); });
    const auto on_applied = [&](const LedgerHead& position) {
        if (on_disk < 50)
            std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the reader runs ahead meanwhile
        on_disk = position.size;
    };
    ASSERT_OK(consume(*shard_, reader_, {.once = true, .applied = on_applied}));
    EXPECT_EQ(on_disk, 100U);
    constexpr uint64_t kLeastEntryBytes = 60;
    EXPECT_GT(furthest, 6U) << "or it is not the disk that it waits for";
    EXPECT_LE(furthest, kSmall.max_unwritten_bytes() / kLeastEntryBytes + 2 * (3 + 2));
}

}  // namespace
}  // namespace upline::testing
