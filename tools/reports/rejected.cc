// SPDX-License-Identifier: Apache-2.0
// `upline rejected` and `upline show event`: what was refused, why, and what the sender can do.
#include <fmt/format.h>

#include <charconv>

#include "tools/queries/outcomes.h"
#include "tools/reports/commands.h"
#include "tools/reports/refused.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"

namespace upline {
namespace {

void print_row(const RefusedEvent& refused, uint32_t partition, RowPrinter& rows) {
    const bool malformed = refused.outcome == Outcome::kMalformed;
    rows.number("partition", partition);
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

void print_line(const RefusedEvent& refused, uint32_t partition) {
    const std::string what =
        refused.outcome == Outcome::kMalformed
            ? "a record"
            : fmt::format("{} {} of program {}", type_text(refused.type), to_string(refused.id), refused.program);
    fmt::print("{:<19} {}  entry {}, record {}@{}, {}\n", outcome_name(refused.outcome), what, refused.entry, partition,
               refused.place.offset, ledger_time_text(refused.clock_us));
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
        UPLINE_TRY(query_refusals(ledger, filter, [&](const RefusedEvent& refused) {
            ++count;
            if (args.format == "text")
                print_line(refused, shard.partition);
            else
                print_row(refused, shard.partition, rows);
            return !rows.failed();
        }));
    }
    return count;
}

// The entry of a record that is named as PARTITION@OFFSET.
Result<std::pair<ReadShard*, RefusedEvent>> find_record(std::vector<ReadShard>& shards, std::string_view name) {
    const size_t at = name.find('@');
    uint32_t partition = 0;
    Offset offset = 0;
    const auto read = [](std::string_view digits, auto& number) {
        const char* const end = digits.data() + digits.size();
        return std::from_chars(digits.data(), end, number) == std::from_chars_result{end, std::errc()};
    };
    if (!read(name.substr(0, at), partition) || !read(name.substr(at + 1), offset))  // beyond what there can be
        return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no record: write PARTITION@OFFSET, as 0@17", name)};
    for (ReadShard& shard : shards) {
        if (shard.partition != partition) continue;
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY_ASSIGN(const std::optional<Sequence> entry, entry_of_record(ledger, offset));
        if (!entry)
            return Error{ErrorCode::kNotFound, fmt::format("record {} has no entry: the ledger has come to {} entries",
                                                           name, ledger.position().size)};
        UPLINE_TRY_ASSIGN(RefusedEvent refused, read_outcome(ledger, *entry));
        return std::pair(&shard, std::move(refused));
    }
    return Error{ErrorCode::kNotFound, fmt::format("there is no ledger of partition {}", partition)};
}

void print_refused(const RefusedEvent& refused, uint32_t partition) {
    if (refused.outcome == Outcome::kMalformed)
        fmt::print("a record that is malformed\n");
    else
        fmt::print("{} {} of program {}\n", type_text(refused.type), to_string(refused.id), refused.program);
    fmt::print("  entry {}, record {}@{}, ledger time {}\n", refused.entry, partition, refused.place.offset,
               ledger_time_text(refused.clock_us));
    fmt::print("  {}: {}\n", outcome_name(refused.outcome), outcome_meaning(refused.outcome));
    if (!outcome_advice(refused.outcome).empty()) fmt::print("  {}\n", outcome_advice(refused.outcome));
}

}  // namespace

void print_outcome(const RefusedEvent& event, uint32_t partition, bool json) {
    if (!json) return print_refused(event, partition);
    RowPrinter rows(Format::kJsonl, stdout);
    print_row(event, partition, rows);
}

Status show_event(std::vector<ReadShard>& shards, const ShowArgs& args) {
    if (is_record_place(args.id)) {
        UPLINE_TRY_ASSIGN(const auto found, find_record(shards, args.id));
        print_outcome(found.second, found.first->partition, args.json);
        return ok_status();
    }
    UPLINE_TRY_ASSIGN(const std::vector<ToldEvent> story, query_event(shards, args.program, *parse_uuid(args.id)));
    for (const ToldEvent& told : story) print_outcome(told.event, told.partition, args.json);
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
