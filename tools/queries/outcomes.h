// SPDX-License-Identifier: Apache-2.0
// What became of events: how many came to what, and which were refused.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/store/entry_pages.h"
#include "projectors/models/outcomes.h"
#include "tools/queries/ledger_queries.h"
#include "tools/queries/refusal_choice.h"

namespace upline {

// All entries of a ledger by outcome.
Result<OutcomeCounts> query_outcomes(LedgerReader& ledger);

// What became of one event. The facts of one that was refused stand in the log alone: the ledger keeps what it
// accepted.
struct EventOutcome {
    uint32_t partition = 0;
    Sequence entry = 0;
    LogLocation place;  // of its record
    int64_t clock_us = 0;
    Outcome outcome{};
    uint8_t type = 0;  // 0: malformed, with neither id nor program
    Uuid id;
    std::string program;
};

// "TransactionRefunded 0190b3a0-... of program default"; "a record" if it is malformed.
std::string event_text(Outcome outcome, uint8_t type, const Uuid& id, std::string_view program);
std::string event_text(const EventOutcome& event);

struct RefusalFilter {
    std::string program;             // empty: all
    std::optional<uint8_t> type;     // none: all
    std::optional<Outcome> outcome;  // none: all
    Sequence first = 0;              // entries from here on
    Sequence end = kNoSequence;      // and before here
};
// kInvalid for a type or an outcome that is none.
Result<RefusalFilter> refusal_filter(const RefusalChoice& chosen);
// Gives the filter the entries of one ledger in the times that were chosen.
Status limit_to_times(const RefusalChoice& chosen, ReadShard& shard, RefusalFilter& filter);
// Calls f(refused) for each that the filter lets pass, in the order of entries, until it returns false.
Status query_refusals(LedgerReader& ledger, const RefusalFilter& filter,
                      const std::function<bool(const EventOutcome&)>& f);

Result<EventOutcome> read_outcome(LedgerReader& ledger, Sequence entry);
// The entry of the record at an offset; none if the ledger has not come to it, or nothing is there.
Result<std::optional<Sequence>> entry_of_record(LedgerReader& ledger, Offset offset);

// What became of an event's id, in all ledgers: the entry that accepted it, if one did, then those that refused it. A
// record in the wrong partition is refused in another ledger than its program's.
Result<std::vector<EventOutcome>> query_event(std::vector<ReadShard>& shards, std::string_view program, const Uuid& id);

}  // namespace upline
