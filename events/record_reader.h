// SPDX-License-Identifier: Apache-2.0
// Reads the FlatBuffers form of an event, the value of a log record, whose schema for other languages is event.fbs.
// The ledger trusts this reader: it verifies every field before it reads it.
#pragma once

#include <cstddef>
#include <span>

#include "events/event.h"

namespace upline {

struct DecodedRecord {
    Event event;                      // views into the record; meaningless when malformed
    const char* malformed = nullptr;  // nullptr, or the reason in words (static text)
    const char* field = nullptr;      // the name of the field the reason is about (static text); nullptr: the record
};

// Reads a record under rules version 1. Malformed is exactly: empty or above 32 KiB; a wrong file identifier; refused
// by the FlatBuffers verifier with depth 8 and 8 tables; a required field missing; type 0 or header type not the
// union's tag; an enum value out of range; a text not UTF-8, with U+0000 or above 255 bytes; a nil UUID; a bad program
// name; occurred_at outside 1970 to 9999; a currency not in the table; count 0. Equal tags above `last_type`, the last
// one that the rules version in force knows, give an event with that number and no payload.
// REQUIRES: `value` starts at an address that is a multiple of 8 (EventLog readers see to it). Reads nothing outside
// `value`. Never allocates. The result does not depend on addresses, machine or library version: what the FlatBuffers
// verifier checks is checked by code of our own, which record_test holds against the library's.
DecodedRecord decode_record(std::span<const std::byte> value, uint8_t last_type = kLastEventType);

}  // namespace upline
