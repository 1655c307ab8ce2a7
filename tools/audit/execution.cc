// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/execution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "events/base/bytes.h"
#include "ledger/core/rules.h"
#include "ledger/store/ledger_reader.h"
#include "tools/audit/independent/expected_postings.h"
#include "tools/queries/ledger_queries.h"

namespace upline {
namespace {

// std::ranges::equal compares std::byte one by one.
bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

bool same_place(const LogLocation& a, const LogLocation& b) {
    return a.offset == b.offset && a.append_time_ms == b.append_time_ms;
}

}  // namespace

Execution::Execution(const AuditedLedger& ledger, bool with_log)
    : ledger_(ledger),
      with_log_(with_log),
      entries_(ledger.store.point_reader()),
      matured_(ledger.store.scan_reader()),
      state_(ledger.versions.executed),
      core_(state_, ledger.info.identity, *entries_, *matured_) {}

// Entries before a wrong one are executed, because one of them may be the first that is wrong. After it the state is no
// longer that of the log, so what follows is left out.
Status Execution::execute(Chunk& chunk, Findings& findings) {
    size_t count = chunk.ends.size();
    if (const auto wrong = findings.first_wrong_entry())
        count = std::min<size_t>(count, *wrong - std::min(*wrong, chunk.first));
    for (size_t first = 0; first < count;) {
        UPLINE_TRY_ASSIGN(const size_t done, with_log_ ? execute_records(chunk, first, count, findings)
                                                       : execute_facts(chunk, first, count, findings));
        if (done == 0) break;
        UPLINE_TRY(core_.mature(4 * done));
        first += done;
    }
    return ok_status();
}

// Each entry must also lie where it says it does.
Result<size_t> Execution::execute_records(Chunk& chunk, size_t first, size_t count, Findings& findings) {
    const size_t placed = std::min({count, chunk.inputs.size(), chunk.places.size()});
    size_t end = first;
    while (end < placed && same_place(chunk.places[end], chunk.log_places[end])) ++end;
    if (end > first) return compare(chunk, first, end - first, findings);
    const Sequence sequence = chunk.first + first;
    if (first == chunk.inputs.size()) {
        if (chunk.record_unreadable) return *chunk.record_unreadable;
        findings.add(sequence, "the log has no record for it: it ends before");
        return size_t{0};
    }
    const Result<LogLocation> place = read_location(ledger_.store, sequence);
    if (!place.ok()) {
        UPLINE_TRY(findings.add_or_fail(sequence, place.error()));
        return size_t{0};
    }
    const LogLocation& in_log = chunk.log_places[first];
    if (same_place(*place, in_log)) return compare(chunk, first, 1, findings);
    findings.add(sequence, fmt::format("stored as the record at offset {} of time {} ms, the log has offset {}, {} ms",
                                       place->offset, place->append_time_ms, in_log.offset, in_log.append_time_ms));
    return size_t{0};
}

// What was refused left no facts. It must have changed nothing, and what is said of its id must be so.
Result<size_t> Execution::execute_facts(Chunk& chunk, size_t first, size_t count, Findings& findings) {
    const Entry& entry = chunk.entries[first];
    if (!entry.accepted()) {
        if (const auto wrong = check_refusal(entry)) {
            findings.add(entry.sequence, *wrong);
            return size_t{0};
        }
        UPLINE_TRY(state_.fold(entry));
        return size_t{1};
    }
    size_t end = first;
    while (end < count && chunk.entries[end].accepted() && end != chunk.names_nobody) ++end;
    if (end > first) return compare(chunk, first, end - first, findings);
    findings.add(entry.sequence, "it names a user, website, sale or payout that no earlier entry made");
    return size_t{0};
}

Result<size_t> Execution::compare(const Chunk& chunk, size_t first, size_t count, Findings& findings) {
    const Status applied = core_.apply(std::span(chunk.inputs).subspan(first, count), executed_);
    fill_closings(executed_);
    const Sequence sequence = chunk.first + first;
    for (size_t i = 0; i < executed_.size(); ++i) {
        const auto stored = chunk.entry(first + i);
        if (same_bytes(stored, executed_[i])) continue;
        findings.add(sequence + i, difference(stored, executed_[i]));
        return size_t{0};
    }
    if (!applied.ok()) {
        UPLINE_TRY(findings.add_or_fail(sequence + executed_.size(), applied.error()));
        return size_t{0};
    }
    if (!core_.rules() && executed_.size() < count) return unknown_rules(state_.rules_version(), state_.versions());
    return executed_.size();
}

std::string Execution::difference(std::span<const std::byte> stored, std::span<const std::byte> right) const {
    Entry a;
    Entry b;
    UPLINE_CHECK(decode_entry(stored, a).ok() && decode_entry(right, b).ok(), "entries that decode");
    const char* again = with_log_ ? "executing the log's record again" : "executing its facts again";
    if (with_log_ && a.record_sha256 != b.record_sha256)
        return fmt::format("it says its record has SHA-256 {}, the log's has {}", to_hex(a.record_sha256),
                           to_hex(b.record_sha256));
    if (a.outcome != b.outcome)
        return fmt::format("outcome is {}, {} gives {}", outcome_name(a.outcome), again, outcome_name(b.outcome));
    if (postings_text(a) != postings_text(b))
        return fmt::format("its postings are {}; {} gives {}", postings_text(a), again, postings_text(b));
    return fmt::format("its bytes are not those that {} gives", again);
}

std::optional<std::string> Execution::check_refusal(const Entry& entry) const {
    if (!entry.readable()) return std::nullopt;
    const auto& [partition, partition_count] = ledger_.info.identity;
    const bool other_partition = entry.type != static_cast<uint8_t>(EventType::kRulesActivated) &&
                                 partition_of(entry.program, partition_count) != partition;
    if (other_partition != (entry.outcome == Outcome::kWrongPartition))
        return fmt::format("outcome is {}, but program {} {} to this partition", outcome_name(entry.outcome),
                           entry.program, other_partition ? "does not belong" : "belongs");
    if (other_partition) return std::nullopt;
    const Result<EntityRef> found = state_.find(entry.program, entry.id, *entries_);
    const bool is_known = found.ok() && *found;
    const bool repeated = entry.outcome == Outcome::kDuplicate || entry.outcome == Outcome::kConflict;
    if (is_known != repeated)
        return fmt::format("outcome is {}, but {} accepted event has its id", outcome_name(entry.outcome),
                           is_known ? "an" : "no");
    return std::nullopt;
}

}  // namespace upline
