// SPDX-License-Identifier: Apache-2.0
// Reads the JSON form of an event, what people type and pipe: JSON Lines, one event per line.
//
//   {"id": "…", "type": "TransactionRecorded", "program": "default", "occurred_at": "2026-01-02T03:04:05.000006Z",
//    "buyer": "…", "amount": "11.77", "currency": "USD", "source": "platform", "stream": "subscription_tiers"}
//
// Strict: unknown and repeated keys are refused; money is a decimal string of at most the currency's decimals, never a
// JSON number; times are RFC 3339 with at most 6 decimals. What the ledger would call malformed is refused here
// with the field's name and the reason; what it would judge (signs, sizes, sums) passes. A line above kMaxJsonLineBytes
// is refused unread: no record could hold it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "events/event.h"
#include "events/ids.h"

namespace upline {

inline constexpr size_t kMaxJsonLineBytes = size_t{1} << 20;
// So many rates certainly fit a record. The ledger judges how many a plan may have.
inline constexpr size_t kMaxJsonRates = 8000;

struct JsonOptions {
    IdForm ids = IdForm::kUuid;
};

// Not thread-safe; one per thread.
class EventParser {
  public:
    explicit EventParser(JsonOptions options = {});
    ~EventParser();
    EventParser(const EventParser&) = delete;
    EventParser& operator=(const EventParser&) = delete;

    // The event of one line (without its newline). Its views are valid until the next call.
    // kInvalid with a message `field "amount": …` or `not JSON: …`.
    Result<Event> parse(std::string_view line);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace upline
