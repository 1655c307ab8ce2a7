// SPDX-License-Identifier: Apache-2.0
// A shard that is fed batch by batch, so that the time of each is seen.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "bench/community.h"
#include "bench/measure.h"
#include "consumers/shard.h"
#include "events/record_writer.h"

namespace upline::bench {

inline constexpr int64_t kAppendTimeMs = 253'000'000'000'000;  // after all times of the events

class ByHand {
  public:
    ByHand(const fs::path& data, const Community& community)
        : folder_(must(DataFolder::open(data, DataFolder::Access::kWrite))),
          shard_(must(Shard::open(folder_, {{0, 1}, ""}, {}, {.state_interval = UINT64_MAX}))) {
        apply(community.users(), 65'536, [&](uint64_t i) { return community.signup(static_cast<uint32_t>(i)); });
        apply(1, 1, [&](uint64_t) { return community.small_payouts_plan(); });
    }
    // The milliseconds of each batch.
    std::vector<double> apply(uint64_t count, uint64_t batch, const std::function<Event(uint64_t)>& make) {
        std::vector<double> times;
        for (uint64_t first = 0; first < count; first += batch) {
            records_.clear();
            inputs_.clear();
            for (uint64_t i = first; i < std::min(count, first + batch); ++i)
                records_.append(next_offset_++, kAppendTimeMs, writer_.encode(make(i)));
            for (const Record& record : records_.records())
                inputs_.push_back(read_input(record.value, record.append_time_ms));
            const auto start = Clock::now();
            must(shard_->apply(inputs_, records_.records()));
            times.push_back(seconds_since(start) * 1000);
        }
        return times;
    }
    Shard& shard() { return *shard_; }

  private:
    DataFolder folder_;
    std::unique_ptr<Shard> shard_;
    RecordBatch records_;
    std::vector<Input> inputs_;
    RecordWriter writer_;
    Offset next_offset_ = 0;
};

// Everybody signs up again, which is a duplicate, but the first, who makes the clock move.
inline Event newcomer(const Community& community, uint64_t number, int64_t at_us) {
    Event event = community.signup(0);
    event.id = uuid5(event.id, fmt::format("newcomer {}", number));
    event.occurred_at_us = at_us;
    return event;
}

}  // namespace upline::bench
