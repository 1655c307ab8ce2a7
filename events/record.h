// SPDX-License-Identifier: Apache-2.0
// The FlatBuffers form of an event: the value of a log record. The schema for other languages is event.fbs; this is
// the reader the ledger trusts (it verifies every field before it reads it) and the writer `produce` uses.
#pragma once

#include <cstddef>
#include <memory>
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

// Writes records. Memory is kept from event to event: after the first few, encode() allocates nothing. Not
// thread-safe. The bytes are the same for the same event, but no ledger depends on that.
class RecordWriter {
  public:
    RecordWriter();
    ~RecordWriter();
    RecordWriter(const RecordWriter&) = delete;
    RecordWriter& operator=(const RecordWriter&) = delete;
    // The record of `event`, starting at a multiple of 8; valid until the next call. What is written is what the event
    // says, right or wrong: an empty required id becomes a nil UUID, and the reader refuses it.
    // REQUIRES: a payload that is no monostate.
    std::span<const std::byte> encode(const Event& event);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace upline
