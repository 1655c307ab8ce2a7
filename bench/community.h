// SPDX-License-Identifier: Apache-2.0
// Events for benchmarks: a referral tree of any size and sales by people whose upline is full. The same every time.
#pragma once

#include <cstdint>
#include <vector>

#include "events/facts.h"

namespace upline::bench {

class Community {
  public:
    explicit Community(uint32_t users);

    uint32_t users() const { return static_cast<uint32_t>(depth_.size()); }
    Event signup(uint32_t user) const;
    // Sale `number`, by a user with at least seven above. Ids are UUIDv7-like: they grow with time.
    Event sale(uint64_t number) const;

  private:
    std::vector<uint32_t> referrer_;
    std::vector<uint16_t> depth_;
};

uint64_t mix(uint64_t value);  // the finaliser of SplitMix64

}  // namespace upline::bench
