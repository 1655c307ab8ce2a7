// SPDX-License-Identifier: Apache-2.0
// A record that has been read: what the core needs of it. Decoding and hashing are pure and may run ahead of the core,
// in another thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "events/record_reader.h"
#include "ledger/core/rules.h"

namespace upline {

struct Record;  // events/values/record_batch.h

struct Input {
    DecodedRecord record;
    Hash record_sha256{};
    int64_t append_time_ms = 0;
    // What the record was decoded from and under; the core decodes it again should another version be in force.
    std::span<const std::byte> value;
    uint16_t rules_version = 1;
};

// REQUIRES: a value as decode_record wants it; the input's views point into it.
Input read_input(std::span<const std::byte> value, int64_t append_time_ms,
                 const Rules& rules = rules_versions().front());
// Appends the inputs that read_input makes of the records, their values hashed side by side.
void read_inputs(std::span<const Record> records, const Rules& rules, std::vector<Input>& inputs);

}  // namespace upline
