// SPDX-License-Identifier: Apache-2.0
// Events for benchmarks: a referral tree of any size and sales by people whose upline is full. The same every time.
#pragma once

#include <cstdint>
#include <vector>

#include "events/event.h"

namespace upline::bench {

class Community {
  public:
    explicit Community(uint32_t users);

    uint32_t users() const { return static_cast<uint32_t>(depth_.size()); }
    Event signup(uint32_t user) const;
    // Website `number`, of anybody's, after all signups. There are as many as are asked for; no memory is kept of them.
    Event website(uint64_t number) const;
    // Sale `number`, by a user with at least seven above. Ids are UUIDv7-like: they grow with time.
    Event sale(uint64_t number) const { return sale_at(number, signup_end_us() + static_cast<int64_t>(number) * 100); }
    Event sale_at(uint64_t number, int64_t at_us) const;

    // Event `number` of the mix that a ledger lives with, `spacing_us` after the one before: of 20 events 14 are sales,
    // 1 a refund of a sale five days old, 2 payout requests out of what matured, 2 results of requests two days old (1
    // in 20 failed), 1 an adjustment; before there is anything to refund or pay, sales. All are accepted, but for a
    // payout now and then that somebody cannot afford any more.
    Event life(uint64_t number, int64_t spacing_us) const;
    // A plan with the default's rates and hold and no minimum, before the first event of life().
    Event small_payouts_plan() const;

    int64_t signup_end_us() const;                    // when the last has signed up
    int64_t website_end_us(uint64_t websites) const;  // when the last of so many is made

  private:
    uint32_t buyer_of(uint64_t number) const;
    std::vector<uint32_t> referrer_;
    std::vector<uint16_t> depth_;
};

uint64_t mix(uint64_t value);  // the finaliser of SplitMix64

}  // namespace upline::bench
