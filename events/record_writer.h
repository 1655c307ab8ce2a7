// SPDX-License-Identifier: Apache-2.0
// Writes the FlatBuffers form of an event, the value of a log record.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "events/event.h"

namespace upline {

// Memory is kept from event to event: after the first few, encode() allocates nothing. Not thread-safe. The bytes are
// the same for the same event, but no ledger depends on that.
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
