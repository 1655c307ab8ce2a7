// SPDX-License-Identifier: Apache-2.0
// The outcomes read model: how many events came to what, and which were refused, so that "what was refused, and why" is
// answered without a walk over all entries.
//
// Key of counts:      u8 1, program (40 bits), UTC day of the ledger clock (24 bits), u8 event type, zeros
//   counters:         entries of each outcome, by its number
// Key of a program:   u8 2, program (40 bits), zeros: there is one
// Key of a refusal:   u8 3, 36 zero bits, entry (40 bits), zeros: outcome, event type
// Key of a refused id: u8 4, 48 bits of a hash of program and id, entry (40 bits), zeros: 1
//
// A program is named by its first accepted entry. In its place stands 2^40 - 2 before there is one, and 2^40 - 1 of
// malformed records, whose type is 0. Duplicates are counted and have no rows: the entry of their id is another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "ledger/core/entry_source.h"
#include "ledger/core/outcome.h"
#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

std::unique_ptr<Model> outcomes_model();

struct OutcomeRow {
    Sequence program = kNoSequence;  // its first accepted entry; kNoSequence: malformed, or nothing accepted before
    int64_t day = 0;                 // UTC, since 1970, of the ledger clock
    uint8_t type = 0;                // 0: malformed records
    OutcomeCounts counts{};
};
// Calls row(counts) by program, day and type, until it returns false. kCorrupt for a row that cannot be read.
Status read_outcomes(Table& table, const std::function<bool(const OutcomeRow&)>& row);

struct Refusal {
    Sequence entry = kNoSequence;
    Outcome outcome{};
    uint8_t type = 0;  // 0: malformed
};
// Calls row(refusal) in the order of entries, from entry `first` on, until it returns false. kCorrupt as above.
Status read_refusals(Table& table, Sequence first, const std::function<bool(const Refusal&)>& row);
// The entries that refused an event of this id, ascending. `entries` is asked for those whose hash is the same.
Result<std::vector<Sequence>> refusals_of(Table& table, EntrySource& entries, std::string_view program, const Uuid& id);

}  // namespace upline
