// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/head_checks.h"

#include <fmt/format.h>

#include "events/base/bytes.h"
#include "ledger/store/ledger_reader.h"

namespace upline {

void check_head(const AuditedLedger& ledger, const EntryChecks& checks, EntrySource& entries, Findings& findings) {
    const LedgerHead& head = ledger.head;
    const Hash root = checks.root();
    if (root != head.root)
        findings.add(std::nullopt,
                     fmt::format("the head says root {}, the entries give {}", to_hex(head.root), to_hex(root)));
    if (checks.clock_us() != head.clock_us)
        findings.add(std::nullopt,
                     fmt::format("the head says clock {}, the entries give {}", head.clock_us, checks.clock_us()));
    if (head.last_record) {
        const Result<LogLocation> place = read_location(ledger.store, head.size - 1);
        if (!place.ok())
            findings.add(head.size - 1, place.error().message);
        else if (place->offset != head.last_record->offset ||
                 place->append_time_ms != head.last_record->append_time_ms ||
                 checks.last_record_sha256() != head.last_record->value_sha256)
            findings.add(std::nullopt,
                         fmt::format("the head's place in the log is not that of entry {}'s record", head.size - 1));
    }
    // `entries` stands at the end of the last page: whatever follows it does not belong to the ledger.
    const auto behind = entries.entry(head.size);
    if (behind.ok())
        findings.add(head.size, "it is stored, but the head does not count it");
    else if (behind.error().code != ErrorCode::kNotFound)
        findings.add(std::nullopt, behind.error().message);
}

Status check_ingest_head(Store& store, const LedgerHead& head, Findings& findings) {
    const std::unique_ptr<EntrySource> source = store.point_reader();
    const auto bytes = source->entry(head.size - 1);
    if (!bytes.ok()) return findings.add_or_fail(head.size - 1, bytes.error());
    Entry last;
    const Status decoded = decode_entry(*bytes, last);
    const Result<LogLocation> place = read_location(store, head.size - 1);
    if (!decoded.ok() || !place.ok() || !head.last_record || last.clock_us != head.clock_us ||
        place->offset != head.last_record->offset || place->append_time_ms != head.last_record->append_time_ms ||
        last.record_sha256 != head.last_record->value_sha256)
        findings.add(std::nullopt, fmt::format("the head of the last ingest is not that of entry {}", head.size - 1));
    return ok_status();
}

Status check_log_end(LogReader& log, uint64_t size, Findings& findings) {
    UPLINE_TRY_ASSIGN(const bool at_end, log.at_end());
    if (!at_end)
        findings.add_not_checked(fmt::format(
            "the records of the log that follow the {} entries: they are not in the ledger; `upline run` applies them",
            size));
    return ok_status();
}

}  // namespace upline
