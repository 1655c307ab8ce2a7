// SPDX-License-Identifier: Apache-2.0
// `upline replay`: a ledger made again from the log, and where it differs from another.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/compare.h"
#include "projectors/models/all.h"
#include "tools/node/commands.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// The first of two arrays' records that differ, if one does.
template <class Array>
std::optional<std::string> records(const char* what, const Array& ours, const Array& theirs) {
    if (ours.size() != theirs.size()) return fmt::format("{} {}s here, {} there", ours.size(), what, theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
        const auto& here = ours[i];
        const auto& there = theirs[i];
        if (std::memcmp(&here, &there, sizeof here) != 0)
            return fmt::format("the state's {} {} is another one", what, i);
    }
    return std::nullopt;
}

// Where two ledgers of one partition differ first, in words; nothing if they are equal.
Result<std::optional<std::string>> difference(ReadShard& ours, ReadShard& theirs) {
    using Text = std::optional<std::string>;
    UPLINE_TRY_ASSIGN(const LedgerHead a, ours.store->position());
    UPLINE_TRY_ASSIGN(const LedgerHead b, theirs.store->position());
    const std::unique_ptr<EntrySource> source_a = ours.store->scan_reader();
    const std::unique_ptr<EntrySource> source_b = theirs.store->scan_reader();
    for (Sequence sequence = 0; sequence < std::min(a.size, b.size); ++sequence) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes_a, source_a->entry(sequence));
        const auto bytes_b = source_b->entry(sequence);
        if (!bytes_b.ok()) {
            if (bytes_b.error().code == ErrorCode::kUnavailable) return bytes_b.error();
            return Text(fmt::format("entry {}: {}", sequence, bytes_b.error().message));
        }
        if (std::ranges::equal(bytes_a, *bytes_b)) continue;
        const auto at = std::mismatch(bytes_a.begin(), bytes_a.end(), bytes_b->begin(), bytes_b->end()).first;
        return Text(fmt::format("entry {}: differs from byte {} of it on", sequence, at - bytes_a.begin()));
    }
    if (a.size != b.size)
        return Text(
            fmt::format("{} entries here, {} there; the first {} are equal", a.size, b.size, std::min(a.size, b.size)));
    if (a.root != b.root) return Text(fmt::format("the root: {} here, {} there", to_hex(a.root), to_hex(b.root)));
    const auto state_a = load_current_state(*ours.store);
    if (!state_a.ok()) return state_a.error();
    const auto state_b = load_current_state(*theirs.store);
    if (!state_b.ok()) {
        if (state_b.error().code == ErrorCode::kUnavailable) return state_b.error();
        return Text(state_b.error().message);
    }
    const State& sa = **state_a;
    const State& sb = **state_b;
    if (sa.accounts().size() != sb.accounts().size())
        return Text(fmt::format("{} balances here, {} there", sa.accounts().size(), sb.accounts().size()));
    for (size_t i = 0; i < sa.accounts().size(); ++i) {
        const Account x = sa.accounts()[i];
        const Account y = sb.accounts()[i];
        if (x.pending != y.pending || x.available != y.available || x.reserved != y.reserved || x.paid != y.paid)
            return Text(
                fmt::format("balance of user {} in {}: pending {}, available {}, reserved {}, paid {} here; "
                            "{}, {}, {}, {} there",
                            to_string(sa.users()[x.user].id), x.currency.text(), x.pending, x.available, x.reserved,
                            x.paid, y.pending, y.available, y.reserved, y.paid));
    }
    for (const auto& what : {records("program", sa.programs(), sb.programs()), records("user", sa.users(), sb.users()),
                             records("website", sa.websites(), sb.websites()),
                             records("account", sa.accounts(), sb.accounts()), records("book", sa.books(), sb.books()),
                             records("plan", sa.plans(), sb.plans()), records("payout", sa.payouts(), sb.payouts()),
                             records("refunded sale", sa.refunded_sales(), sb.refunded_sales())})
        if (what) return what;
    if (sa.clock_us() != sb.clock_us() || sa.ids().size() != sb.ids().size())
        return Text(fmt::format("clock {} and {} ids here; {} and {} there", sa.clock_us(), sa.ids().size(),
                                sb.clock_us(), sb.ids().size()));
    for (const auto make_model : kModels) {
        const std::unique_ptr<Model> model = make_model();
        const auto table_a = open_table(*ours.store, *model);
        const auto table_b = open_table(*theirs.store, *model);
        if (!table_a.ok()) return table_a.error();
        if (!table_b.ok()) return Text(table_b.error().message);
        UPLINE_TRY_ASSIGN(const auto row, compare_tables(**table_b, **table_a, *model));
        if (row) return Text(fmt::format("read model {}: {}", model->name(), row->what));
    }
    return Text();
}

Status make_ledger(const ReplayArgs& args) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, {.properties = args.log.properties}));
    UPLINE_TRY_ASSIGN(const bool there, file_exists(std::filesystem::path(args.data) / "FORMAT"));
    if (there)
        return Error{ErrorCode::kConflict, fmt::format("{}: holds a ledger already; replay makes a new one: give "
                                                       "a new folder, or go on with `upline run`",
                                                       args.data)};
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(args.data, DataFolder::Access::kWrite));
    ProgressBar progress("replay");
    std::mutex progress_mutex;
    PartitionRunOptions options{.once = true, .shard = args.shard};
    options.say = log_of_partition;
    options.applied = [&](uint64_t entries) {
        const std::lock_guard lock(progress_mutex);
        progress.update(entries, 0);
    };
    UPLINE_TRY_ASSIGN(const std::vector<ShardReport> reports, run_partitions(*log, folder, options));
    if (args.json) return ok_status();
    for (const ShardReport& report : reports)
        fmt::print("partition {}: {} entries, root {}\n  {}\n", report.partition, with_commas(report.position.size),
                   to_hex(report.position.root), outcomes_text(report.outcomes));
    return ok_status();
}

void print_comparison(const ReplayArgs& args, uint32_t partition, const std::optional<std::string>& where) {
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.number("partition", partition);
        row.boolean("equal", !where);
        if (where)
            row.text("difference", *where);
        else
            row.absent("difference");
        row.end_row();
    } else if (where) {
        fmt::print("{}different{} from {}: partition {}: {}\n", style().red, style().plain, args.compare, partition,
                   *where);
    } else {
        fmt::print("{}equal{} to {}: partition {}, entries, balances and read models\n", style().green, style().plain,
                   args.compare, partition);
    }
}

// Whether the two folders hold the same ledgers.
Result<bool> compare_ledgers(const ReplayArgs& args) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> ours, open_for_reading(args.data));
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> theirs, open_for_reading(args.compare));
    const auto find = [](std::vector<ReadShard>& shards, uint32_t partition) {
        return std::ranges::find(shards, partition, &ReadShard::partition);
    };
    bool equal = true;
    for (ReadShard& shard : theirs) {
        const auto other = find(ours, shard.partition);
        std::optional<std::string> where = "the log has no such partition";
        if (other != ours.end()) {
            UPLINE_TRY_ASSIGN(where, difference(*other, shard));
        }
        equal = equal && !where;
        print_comparison(args, shard.partition, where);
    }
    for (const ReadShard& shard : ours) {
        if (find(theirs, shard.partition) != theirs.end()) continue;
        equal = false;
        fmt::print(stderr, "upline: {} has no ledger of partition {}\n", args.compare, shard.partition);
    }
    return equal;
}

}  // namespace

int replay(const ReplayArgs& args) {
    if (const Status made = make_ledger(args); !made.ok()) return print_error(made.error());
    if (args.compare.empty()) return kExitDone;
    const Result<bool> equal = compare_ledgers(args);
    if (!equal.ok()) return print_error(equal.error());
    return *equal ? kExitDone : kExitNegative;
}

}  // namespace upline
