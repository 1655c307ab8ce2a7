// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/outcomes.h"

#include <fmt/format.h>

#include "ledger/store/id_lookup.h"
#include "ledger/store/ledger_reader.h"

namespace upline {
std::string event_text(Outcome outcome, uint8_t type, const Uuid& id, std::string_view program) {
    if (outcome == Outcome::kMalformed) return "a record";
    return fmt::format("{} {} of program {}", type_text(type), to_string(id), program);
}

std::string event_text(const EventOutcome& event) {
    return event_text(event.outcome, event.type, event.id, event.program);
}

Result<EventOutcome> read_outcome(LedgerReader& ledger, Sequence sequence) {
    Entry entry;
    UPLINE_TRY(ledger.read(sequence, entry));
    EventOutcome event{.partition = ledger.partition(),
                       .entry = sequence,
                       .place = {},
                       .clock_us = entry.clock_us,
                       .outcome = entry.outcome,
                       .type = entry.type,
                       .id = entry.id,
                       .program = std::string(entry.program)};
    UPLINE_TRY_ASSIGN(event.place, read_location(ledger.store(), sequence));
    return event;
}

Result<std::optional<Sequence>> entry_of_record(LedgerReader& ledger, Offset offset) {
    Sequence first = 0;
    for (Sequence end = ledger.position().size; first < end;) {
        const Sequence middle = first + (end - first) / 2;
        UPLINE_TRY_ASSIGN(const LogLocation place, read_location(ledger.store(), middle));
        if (place.offset == offset) return std::optional(middle);
        (place.offset < offset ? first : end) = place.offset < offset ? middle + 1 : middle;
    }
    return std::optional<Sequence>();
}

Result<OutcomeCounts> query_outcomes(LedgerReader& ledger) {
    UPLINE_TRY_ASSIGN(Table * table, ledger.rows(outcomes_model));
    OutcomeCounts sums{};
    UPLINE_TRY(read_outcomes(*table, [&](const OutcomeRow& row) {
        for (size_t i = 0; i < sums.size(); ++i) wrapping_add(sums[i], row.counts[i]);
        return true;
    }));
    return sums;
}

Result<RefusalFilter> refusal_filter(const RefusalChoice& chosen) {
    RefusalFilter filter{.program = chosen.program, .type = {}, .outcome = {}};
    if (!chosen.type.empty()) {
        const std::optional<EventType> type = parse_event_type(chosen.type);
        if (!type) return Error{ErrorCode::kInvalid, fmt::format("--type {}: no such type of event", chosen.type)};
        filter.type = static_cast<uint8_t>(*type);
    }
    for (uint8_t number = 0; number <= kLastOutcome; ++number)
        if (outcome_name(static_cast<Outcome>(number)) == chosen.outcome) filter.outcome = static_cast<Outcome>(number);
    if (!chosen.outcome.empty() && (!filter.outcome || !is_refusal(*filter.outcome)))
        return Error{ErrorCode::kInvalid, fmt::format("--outcome {}: no event is refused so", chosen.outcome)};
    return filter;
}

Status limit_to_times(const RefusalChoice& chosen, ReadShard& shard, RefusalFilter& filter) {
    if (!chosen.from.empty()) {
        UPLINE_TRY_ASSIGN(const int64_t from_us, parse_moment(chosen.from));
        UPLINE_TRY_ASSIGN(filter.first, size_at(*shard.store, from_us - 1));
    }
    if (!chosen.to.empty()) {
        UPLINE_TRY_ASSIGN(const int64_t to_us, parse_moment(chosen.to));
        UPLINE_TRY_ASSIGN(filter.end, size_at(*shard.store, to_us - 1));
    }
    return ok_status();
}

Status query_refusals(LedgerReader& ledger, const RefusalFilter& filter,
                      const std::function<bool(const EventOutcome&)>& f) {
    UPLINE_TRY_ASSIGN(Table * table, ledger.rows(outcomes_model));
    Status status = ok_status();
    UPLINE_TRY(read_refusals(*table, filter.first, [&](const Refusal& refusal) {
        if (refusal.entry >= filter.end) return false;
        if (filter.type && refusal.type != *filter.type) return true;
        if (filter.outcome && refusal.outcome != *filter.outcome) return true;
        const Result<EventOutcome> refused = read_outcome(ledger, refusal.entry);
        if (!refused.ok()) status = refused.error();
        if (refused.ok() && refused->outcome != refusal.outcome)
            status = Error{ErrorCode::kCorrupt, fmt::format("read model outcomes: entry {} is not refused so; run "
                                                            "`upline verify`",
                                                            refusal.entry)};
        if (!status.ok()) return false;
        return !filter.program.empty() && refused->program != filter.program ? true : f(*refused);
    }));
    return status;
}

Result<std::vector<EventOutcome>> query_event(std::vector<ReadShard>& shards, std::string_view program,
                                              const Uuid& id) {
    std::vector<EventOutcome> story;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY_ASSIGN(const auto accepted, find_entry_of(ledger.store(), program, id));
        if (accepted) {
            UPLINE_TRY_ASSIGN(EventOutcome event, read_outcome(ledger, *accepted));
            story.insert(story.begin(), std::move(event));
        }
        UPLINE_TRY_ASSIGN(Table * table, ledger.rows(outcomes_model));
        UPLINE_TRY_ASSIGN(const std::vector<Sequence> refusals, refusals_of(*table, ledger.entries(), program, id));
        for (const Sequence sequence : refusals) {
            UPLINE_TRY_ASSIGN(EventOutcome event, read_outcome(ledger, sequence));
            story.push_back(std::move(event));
        }
    }
    return story;
}

}  // namespace upline
