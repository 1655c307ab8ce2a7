// SPDX-License-Identifier: Apache-2.0
// The one read the pure core needs from outside: earlier entries, to compare a repeated id with what it first said and
// to move commissions to available when they mature. Injected, so that the core knows no database.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "events/base/result.h"

namespace upline {

class EntrySource {
  public:
    virtual ~EntrySource() = default;

    // The bytes of entry `sequence`, valid until the next call. Cheap when called in ascending order.
    // REQUIRES: the entry was committed. kCorrupt or kUnavailable when it cannot be read.
    virtual Result<std::span<const std::byte>> entry(uint64_t sequence) = 0;
};

}  // namespace upline
