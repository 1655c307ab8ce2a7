// SPDX-License-Identifier: Apache-2.0
// `upline replay`: a ledger made again from the log, and where it differs from another.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "events/base/bytes.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/compare.h"
#include "projectors/models/all.h"
#include "tools/node/commands.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/reading.h"
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
    UPLINE_TRY_ASSIGN(const Position a, ours.store->position());
    UPLINE_TRY_ASSIGN(const Position b, theirs.store->position());
    const std::unique_ptr<EntrySource> source_a = ours.store->entries();
    const std::unique_ptr<EntrySource> source_b = theirs.store->entries();
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
        const auto table_a = open_table(*ours.store, model->name());
        const auto table_b = open_table(*theirs.store, model->name());
        if (!table_a.ok()) return table_a.error();
        if (!table_b.ok()) return Text(table_b.error().message);
        UPLINE_TRY_ASSIGN(const auto row, compare_tables(**table_b, **table_a, *model));
        if (row) return Text(fmt::format("read model {}: {}", model->name(), row->what));
    }
    return Text();
}

}  // namespace

int replay(const ReplayArgs& args) {
    LogOptions options;
    options.properties = args.log.properties;
    auto log = open_log(args.log.url, options);
    if (!log.ok()) return complain(log.error());
    {
        std::error_code error;
        if (std::filesystem::exists(std::filesystem::path(args.data) / "FORMAT", error))
            return complain(
                {ErrorCode::kConflict, fmt::format("{}: holds a ledger already; replay makes a new one: give "
                                                   "a new folder, or go on with `upline run`",
                                                   args.data)});
        auto folder = DataFolder::open(args.data, DataFolder::Access::kWrite);
        if (!folder.ok()) return complain(folder.error());
        ProgressBar progress("replay");
        std::mutex progress_mutex;
        PartitionRunOptions run_options{.once = true, .shard = args.shard};
        run_options.applied = [&](uint64_t entries) {
            const std::lock_guard lock(progress_mutex);
            progress.update(entries, 0);
        };
        const auto reports = run_partitions(**log, *folder, run_options);
        if (!reports.ok()) return complain(reports.error());
        if (!args.json)
            for (const ShardReport& report : *reports)
                fmt::print("partition {}: {} entries, root {}\n", report.partition, with_commas(report.position.size),
                           to_hex(report.position.root));
    }
    if (args.compare.empty()) return kExitDone;

    auto ours = open_for_reading(args.data);
    if (!ours.ok()) return complain(ours.error());
    auto theirs = open_for_reading(args.compare);
    if (!theirs.ok()) return complain(theirs.error());
    bool equal = true;
    for (ReadShard& shard : *theirs) {
        const auto other = std::find_if(ours->begin(), ours->end(),
                                        [&](const ReadShard& s) { return s.partition == shard.partition; });
        std::optional<std::string> where;
        if (other == ours->end()) {
            where = "the log has no such partition";
        } else {
            auto compared = difference(*other, shard);
            if (!compared.ok()) return complain(compared.error());
            where = *compared;
        }
        equal = equal && !where;
        if (args.json) {
            RowPrinter row(Format::kJsonl, stdout);
            row.number("partition", shard.partition);
            row.json("equal", where ? "false" : "true");
            if (where)
                row.text("difference", *where);
            else
                row.absent("difference");
            row.end_row();
        } else if (where) {
            fmt::print("{}different{} from {}: partition {}: {}\n", style().red, style().plain, args.compare,
                       shard.partition, *where);
        } else {
            fmt::print("{}equal{} to {}: partition {}, entries, balances and read models\n", style().green,
                       style().plain, args.compare, shard.partition);
        }
    }
    for (const ReadShard& shard : *ours) {
        if (std::any_of(theirs->begin(), theirs->end(),
                        [&](const ReadShard& other) { return other.partition == shard.partition; }))
            continue;
        equal = false;
        fmt::print(stderr, "upline: {} has no ledger of partition {}\n", args.compare, shard.partition);
    }
    return equal ? kExitDone : kExitNegative;
}

}  // namespace upline
