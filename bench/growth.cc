// SPDX-License-Identifier: Apache-2.0
// The cost of a sale as the ledger grows: one uninterrupted feed, looked at where it has so many sales. An entry counts
// when it is on disk and folded into the read models, so neither can fall behind unseen.
#include <algorithm>

#include "bench/upline_bench.h"

namespace upline::bench {
namespace {

struct Mark {
    uint64_t sales;
    double seconds;
    double cpu_seconds;
};

// What the clocks showed when there were so many sales, between the marks before and after.
Mark at(const std::vector<Mark>& marks, uint64_t sales) {
    const auto after = std::ranges::lower_bound(marks, sales, {}, &Mark::sales);
    UPLINE_CHECK(after != marks.end(), "all sales applied");
    if (after == marks.begin() || after->sales == sales) return *after;
    const Mark& before = *(after - 1);
    const double part = static_cast<double>(sales - before.sales) / static_cast<double>(after->sales - before.sales);
    return {sales, before.seconds + part * (after->seconds - before.seconds),
            before.cpu_seconds + part * (after->cpu_seconds - before.cpu_seconds)};
}

}  // namespace

void measure_growth(const GrowthArgs& args, const fs::path& folder, Figures& figures) {
    // As many as lie between two storings of the state, so that each window has one in it.
    const uint64_t window = std::min(args.points.front(), Shard::kStateInterval);
    const Community community(args.users);
    const auto log = new_embedded_log(folder / "log");
    append_signups(*log, community);
    const uint64_t before = feed_once(*log, folder / "data").position.size;
    append_all(*log, args.points.back() + window, [&](uint64_t i) { return community.sale(i); });
    const auto start = Clock::now();
    std::vector<Mark> marks = {{0, 0, 0}};
    FeedOptions options;
    options.committed = [&](uint32_t, Store&, uint64_t size, bool) {
        const uint64_t sales = size - before;
        if (sales == 0) marks.back() = {0, seconds_since(start), cpu_seconds()};
        if (sales > marks.back().sales) marks.push_back({sales, seconds_since(start), cpu_seconds()});
        return ok_status();
    };
    const Fed fed = feed_once(*log, folder / "data", options);

    double first_us = 0;
    double first_cpu_us = 0;
    for (const uint64_t point : args.points) {
        const Mark from = at(marks, point);
        const Mark to = at(marks, point + window);
        const double us = (to.seconds - from.seconds) * 1e6 / static_cast<double>(window);
        const double cpu_us = (to.cpu_seconds - from.cpu_seconds) * 1e6 / static_cast<double>(window);
        if (first_us == 0) {
            first_us = us;
            first_cpu_us = cpu_us;
        }
        const std::string key = fmt::format("growth.{}", point);
        figures.add(
            key + "_us",
            fmt::format("a sale once the ledger has {} (of {} users)", with_commas(point), with_commas(args.users)), us,
            "us");
        figures.add(key + "_cpu_us", "  processor time, all threads", cpu_us, "us");
        if (point == args.points.front()) continue;
        figures.add(key + "_ratio", "  beside the first: time", us / first_us, "");
        figures.add(key + "_cpu_ratio", "  beside the first: processor time", cpu_us / first_cpu_us, "");
    }
    figures.add("growth.mean_us", "  the mean of all, until everything is stored",
                fed.seconds * 1e6 / static_cast<double>(args.points.back() + window), "us");
}

}  // namespace upline::bench
