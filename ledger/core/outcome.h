// SPDX-License-Identifier: Apache-2.0
// What became of an event. Numbers stand in entries for ever: never reused, only appended.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace upline {

enum class Outcome : uint8_t {
    kAccepted = 0,
    kMalformed = 1,
    kWrongPartition = 2,
    kDuplicate = 3,  // an accepted event has this id and says the same
    kConflict = 4,   // an accepted event has this id and says something else
    kUnknownType = 5,
    kFromFuture = 6,
    kSelfReferral = 7,
    kUnknownReferrer = 8,
    kUnknownWebsite = 9,
    kUnknownUser = 10,
    kInvalid = 11,
    kUnknownTransaction = 12,
    kOverRefund = 13,
    kSuspended = 14,
    kBelowMinimum = 15,
    kInsufficientFunds = 16,
    kUnknownPayout = 17,
    kInvalidState = 18,
    kOutOfRange = 19,
};
inline constexpr uint8_t kLastOutcome = 19;

// "accepted", "wrong_partition" ...
std::string_view outcome_name(Outcome outcome);

// True of an outcome that somebody should look at: the event changed nothing, and no other of its id did what it says.
constexpr bool is_refusal(Outcome outcome) {
    return outcome != Outcome::kAccepted && outcome != Outcome::kDuplicate;
}

// Entries by outcome: index is its number.
using OutcomeCounts = std::array<int64_t, kLastOutcome + 1>;

}  // namespace upline
