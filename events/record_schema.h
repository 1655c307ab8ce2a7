// SPDX-License-Identifier: Apache-2.0
// What event.fbs fixes outside of the payloads, whose fields stand in their visit().
#pragma once

namespace upline {

inline constexpr char kFileIdentifier[] = "UPLN";

// The fields of the table Event.
inline constexpr int kIdSlot = 0;
inline constexpr int kTypeSlot = 1;
inline constexpr int kProgramSlot = 2;
inline constexpr int kOccurredAtSlot = 3;
inline constexpr int kPayloadTypeSlot = 4;
inline constexpr int kPayloadSlot = 5;

}  // namespace upline
