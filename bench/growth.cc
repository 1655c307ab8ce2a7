// SPDX-License-Identifier: Apache-2.0
// The cost of a sale as the ledger grows: so many sales, from a ledger with everything stored to one with everything
// stored, so that what is put off in one window is not paid in another.
#include "bench/upline_bench.h"

namespace upline::bench {

void measure_growth(const GrowthArgs& args, const fs::path& folder, Figures& figures) {
    const Community community(args.users);
    const auto log = new_embedded_log(folder / "log");
    append_signups(*log, community);
    uint64_t sales = 0;
    const auto grow_to = [&](uint64_t size) {
        const uint64_t first = std::exchange(sales, std::max(sales, size));
        append_all(*log, sales - first, [&](uint64_t i) { return community.sale(first + i); });
        return feed_once(*log, folder / "data");
    };
    double first_us = 0;
    double first_cpu_us = 0;
    for (const uint64_t point : args.points) {
        grow_to(point);
        const Fed fed = grow_to(sales + args.window);
        const double us = fed.seconds * 1e6 / static_cast<double>(args.window);
        const double cpu_us = fed.cpu_seconds * 1e6 / static_cast<double>(args.window);
        const std::string key = fmt::format("growth.{}", point);
        figures.add(
            key + "_us",
            fmt::format("a sale once the ledger has {} ({} users)", with_commas(point), with_commas(args.users)), us,
            "us");
        figures.add(key + "_cpu_us", "  processor time, all threads", cpu_us, "us");
        if (first_us == 0) {
            first_us = us;
            first_cpu_us = cpu_us;
            continue;
        }
        figures.add(key + "_ratio", "  beside the first: time", us / first_us, "");
        figures.add(key + "_cpu_ratio", "  beside the first: processor time", cpu_us / first_cpu_us, "");
    }
}

}  // namespace upline::bench
