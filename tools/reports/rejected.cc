// SPDX-License-Identifier: Apache-2.0
// `upline rejected` and `upline show event`: what was refused, why, and what the sender can do.
#include <fmt/format.h>

#include "ledger/proof/checkpoint.h"
#include "tools/queries/outcomes.h"
#include "tools/reports/commands.h"
#include "tools/reports/refused.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

void print_row(const EventOutcome& refused, RowPrinter& rows) {
    const bool malformed = refused.outcome == Outcome::kMalformed;
    rows.number("partition", refused.partition);
    rows.number("entry", static_cast<int64_t>(refused.entry));
    rows.number("offset", refused.place.offset);
    rows.text("clock", ledger_time_text(refused.clock_us));
    rows.text("outcome", outcome_name(refused.outcome));
    if (malformed) {
        for (const char* name : {"type", "id", "program"}) rows.absent(name);
    } else {
        rows.text("type", type_text(refused.type));
        rows.text("id", to_string(refused.id));
        rows.text("program", refused.program);
    }
    rows.text("meaning", outcome_meaning(refused.outcome));
    rows.text("advice", outcome_advice(refused.outcome));
    rows.end_row();
}

void print_line(const EventOutcome& refused) {
    fmt::print("{:<19} {}  entry {}, record {}@{}, {}\n", outcome_name(refused.outcome), event_text(refused),
               refused.entry, refused.partition, refused.place.offset, ledger_time_text(refused.clock_us));
}

Result<uint64_t> print_rejected(const RejectedArgs& args) {
    UPLINE_TRY_ASSIGN(RefusalFilter filter, refusal_filter(args.chosen));
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.chosen.data));
    UPLINE_TRY(keep_partition(shards, args.partition, args.chosen.data));
    RowPrinter rows(args.format == "csv" ? Format::kCsv : Format::kJsonl, stdout);
    uint64_t count = 0;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY(limit_to_times(args.chosen, shard, filter));
        UPLINE_TRY(query_refusals(ledger, filter, [&](const EventOutcome& refused) {
            ++count;
            if (args.format == "text")
                print_line(refused);
            else
                print_row(refused, rows);
            return !rows.failed();
        }));
    }
    return count;
}

// The event of a record that is named as PARTITION@OFFSET.
Result<EventOutcome> find_record(std::vector<ReadShard>& shards, std::string_view name) {
    const size_t at = name.find('@');
    const std::optional<uint64_t> partition = parse_whole_number(name.substr(0, at));
    const std::optional<uint64_t> offset = parse_whole_number(name.substr(at + 1));
    if (!partition || !offset)
        return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no record: write PARTITION@OFFSET, as 0@17", name)};
    for (ReadShard& shard : shards) {
        if (shard.partition != *partition) continue;
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY_ASSIGN(const std::optional<Sequence> entry, entry_of_record(ledger, static_cast<Offset>(*offset)));
        if (entry) return read_outcome(ledger, *entry);
        return Error{ErrorCode::kNotFound, fmt::format("record {} has no entry: the ledger has come to {} entries",
                                                       name, ledger.position().size)};
    }
    return Error{ErrorCode::kNotFound, fmt::format("there is no ledger of partition {}", *partition)};
}

void print_text(const EventOutcome& event) {
    fmt::print("{}\n", event.outcome == Outcome::kMalformed ? "a record that is malformed" : event_text(event));
    fmt::print("  entry {}, record {}@{}, ledger time {}\n", event.entry, event.partition, event.place.offset,
               ledger_time_text(event.clock_us));
    fmt::print("  {}: {}\n", outcome_name(event.outcome), outcome_meaning(event.outcome));
    if (!outcome_advice(event.outcome).empty()) fmt::print("  {}\n", outcome_advice(event.outcome));
}

void print_outcome(const EventOutcome& event, bool json) {
    if (!json) return print_text(event);
    RowPrinter rows(Format::kJsonl, stdout);
    print_row(event, rows);
}

}  // namespace

Status show_event(std::vector<ReadShard>& shards, const ShowArgs& args) {
    if (is_record_place(args.id)) {
        UPLINE_TRY_ASSIGN(const EventOutcome found, find_record(shards, args.id));
        print_outcome(found, args.json);
        return ok_status();
    }
    UPLINE_TRY_ASSIGN(const std::vector<EventOutcome> story, query_event(shards, args.program, *parse_uuid(args.id)));
    for (const EventOutcome& event : story) print_outcome(event, args.json);
    if (!story.empty()) return ok_status();
    return Error{ErrorCode::kNotFound,
                 fmt::format("no event {} in program {}, neither accepted nor refused; another program is named with "
                             "--program",
                             args.id, args.program)};
}

int rejected(const RejectedArgs& args) {
    const Result<uint64_t> count = print_rejected(args);
    if (!count.ok()) return print_error(count.error());
    if (args.format == "text")
        fmt::print("{} event{} refused\n", *count == 0 ? "no" : with_commas(*count), *count == 1 ? "" : "s");
    return kExitDone;
}

}  // namespace upline
