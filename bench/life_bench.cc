// SPDX-License-Identifier: Apache-2.0
// What a ledger lives with besides sales, measured beside sales alone in one run: the mix with refunds, payouts and
// adjustments while commissions mature all along; a day on which all sales of a day mature at once; looking back at
// balances as of an earlier entry. Everything is on that is on in upline_bench.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>

#include "bench/by_hand.h"
#include "bench/community.h"
#include "bench/measure.h"
#include "events/values/time.h"
#include "ledger/core/outcome.h"
#include "ledger/store/fold_forward.h"

namespace upline::bench {
namespace {

struct Args {
    uint32_t users = 1'000'000;
    uint64_t events = 2'000'000;
    uint64_t batch = 4096;
    bool mix_only = false;
    bool json = false;
};

struct Path {
    double per_s = 0;
    std::map<std::string, uint64_t> outcomes;
};

// The log with everybody signed up, then the events of `make`; how fast those are applied and what became of them.
Path whole_path(const fs::path& folder, const Community& community, uint64_t count,
                const std::function<Event(uint64_t)>& make) {
    const auto log = new_embedded_log(folder / "log");
    append_signups(*log, community);
    append_all(*log, 1, [&](uint64_t) { return community.small_payouts_plan(); });
    const Fed signups = feed_once(*log, folder / "data");
    append_all(*log, count, make);
    const Fed fed = feed_once(*log, folder / "data");
    Path path{.per_s = static_cast<double>(count) / fed.seconds, .outcomes = {}};
    const auto store = must(Store::open(folder / "data" / "partition-00000", Store::Access::kRead));
    const auto entries = store->scan_reader();
    Entry entry;
    for (Sequence i = signups.position.size; i < fed.position.size; ++i) {
        must(decode_entry(must(entries->entry(i)), entry));
        ++path.outcomes[fmt::format("{} {}", event_type_name(static_cast<EventType>(entry.type)),
                                    outcome_name(entry.outcome))];
    }
    return path;
}

// A shard with `sales` of one day in it, fed by hand, so that each batch's time is seen.
struct Day {
    double sale_us = 0;           // applying one, in batches
    double mature_us = 0;         // moving one, all at once
    double stall_at_once_ms = 0;  // the batch of one payout request that needs all that matures to be moved first
    double longest_batch_ms = 0;  // the longest batch of signups while all that is moved between them
    double batch_before_ms = 0;   // the median of such batches with nothing to move
    double as_of_ms = 0;          // balances as of the middle, folded from the first entry
    uint64_t as_of_entries = 0;
};

double sum_of(const std::vector<double>& times) {
    double sum = 0;
    for (const double time : times) sum += time;
    return sum;
}

Day measure_day(const fs::path& folder, const Community& community, const Args& args) {
    Day day;
    const uint64_t sales = args.events;
    const int64_t spacing_us = kUsPerDay / static_cast<int64_t>(sales);
    const int64_t start_us = community.signup_end_us();
    const int64_t mature_us = start_us + 32 * kUsPerDay;
    {
        ByHand ledger(folder / "at-once", community);
        day.sale_us =
            sum_of(ledger.apply(
                sales, 65'536,
                [&](uint64_t i) { return community.sale_at(i, start_us + static_cast<int64_t>(i) * spacing_us); })) *
            1000 / static_cast<double>(sales);
        // The referrer of a buyer early in the day asks for more than has been moved and less than is pending: nothing
        // has been moved so far.
        Event request = community.life(0, spacing_us);
        const auto& sale = std::get<TransactionRecorded>(community.sale_at(0, start_us).payload);
        const State& state = ledger.shard().state();
        const UserIndex buyer = state.find_user(ProgramIndex(0), sale.buyer.id,
                                                IdTable::fingerprint(IdTable::program_hash("default"), sale.buyer.id));
        const User earner = state.users()[state.users()[buyer].referrer];
        request = newcomer(community, 0, mature_us);
        request.type = static_cast<uint8_t>(EventType::kPayoutRequested);
        request.payload = PayoutRequested{.user = {earner.id},
                                          .amount = {state.accounts()[earner.first_account].pending},
                                          .currency = *parse_currency("USD"),
                                          .method = "bank"};
        day.stall_at_once_ms = sum_of(ledger.apply(1, 1, [&](uint64_t) { return request; }));
        day.mature_us = day.stall_at_once_ms * 1000 / static_cast<double>(sales);
        must(ledger.shard().store_state());
        const auto start = Clock::now();
        day.as_of_entries = community.users() + sales / 2;
        const PastState past = must(load_past_state(ledger.shard().store(), day.as_of_entries));
        day.as_of_ms = seconds_since(start) * 1000;
        if (past.state->size() != day.as_of_entries) std::exit(kExitCouldNot);
    }
    {
        ByHand ledger(folder / "bounded", community);
        ledger.apply(sales, 65'536,
                     [&](uint64_t i) { return community.sale_at(i, start_us + static_cast<int64_t>(i) * spacing_us); });
        std::vector<double> before =
            ledger.apply(args.batch * 20, args.batch, [&](uint64_t i) { return newcomer(community, i, start_us); });
        std::ranges::sort(before);
        day.batch_before_ms = before[before.size() / 2];
        const std::vector<double> times = ledger.apply(args.batch * 100, args.batch, [&](uint64_t i) {
            return newcomer(community, args.batch * 20 + i, mature_us);
        });
        day.longest_batch_ms = *std::ranges::max_element(times);
    }
    return day;
}

void add(const Path& sales, const Path& life, Figures& figures) {
    figures.add("life.sales_per_s", "sales alone, maturing all along", sales.per_s, "/s");
    figures.add("life.life_per_s", "the mix of sales, refunds, payouts and adjustments", life.per_s, "/s");
    figures.add("life.ratio", "  beside sales alone", life.per_s / sales.per_s, "");
    for (const auto& [what, count] : life.outcomes)
        figures.add(fmt::format("life.{}", what), fmt::format("    {}", what), static_cast<double>(count), "");
}

void add(const Args& args, const Day& day, Figures& figures) {
    figures.add("life.sale_us", fmt::format("applying a sale of a day of {}", with_commas(args.events)), day.sale_us,
                "us");
    figures.add("life.mature_us", "  moving it to available, once in its life", day.mature_us, "us");
    figures.add("life.stall_at_once_ms", "  a payout that needs them all to be moved first, once", day.stall_at_once_ms,
                "ms");
    figures.add("life.batch_before_ms", fmt::format("  a batch of {} signups before they are moved", args.batch),
                day.batch_before_ms, "ms");
    figures.add("life.longest_batch_ms", "  the longest such batch while they are moved", day.longest_batch_ms, "ms");
    figures.add("life.as_of_ms",
                fmt::format("balances as of an earlier entry, {} folded", with_commas(day.as_of_entries)), day.as_of_ms,
                "ms");
}

int main_of(int argc, char** argv) {
    Args args;
    CLI::App app("The life of money, measured beside sales alone", "upline_bench_life");
    app.add_option("--users", args.users, "People in the tree")
        ->check(CLI::Range(17U, 100'000'000U))
        ->capture_default_str();
    app.add_option("--events", args.events, "Events of each path, over 120 days of ledger time; sales of the one day")
        ->check(CLI::Range(1000, 1'000'000'000))
        ->capture_default_str();
    app.add_flag("--mix-only", args.mix_only, "Leave out the one day and looking back");
    app.add_flag("--json", args.json, "Print the figures as JSON Lines");
    CLI11_PARSE(app, argc, argv);

    const fs::path path = temporary_folder();
    const Community community(args.users);
    const int64_t spacing_us = 120 * kUsPerDay / static_cast<int64_t>(args.events);
    const Path sales = whole_path(path / "sales", community, args.events, [&](uint64_t i) {
        return community.sale_at(i, community.signup_end_us() + static_cast<int64_t>(i) * spacing_us);
    });
    fs::remove_all(path / "sales");
    const Path life =
        whole_path(path / "life", community, args.events, [&](uint64_t i) { return community.life(i, spacing_us); });
    fs::remove_all(path / "life");
    Figures figures;
    add(sales, life, figures);
    if (!args.mix_only) add(args, measure_day(path / "day", community, args), figures);
    fs::remove_all(path);
    figures.print(args.json);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    return upline::bench::main_of(argc, argv);
}
