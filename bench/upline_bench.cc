// SPDX-License-Identifier: Apache-2.0
#include "bench/upline_bench.h"

#include <CLI/CLI.hpp>

namespace upline::bench {
namespace {

int main_of(int argc, char** argv) {
    CLI::App app("The whole path, measured from every side; tools/dev bench runs all of it", "upline_bench");
    app.require_subcommand(1);
    bool json = false;
    app.add_flag("--json", json, "Print the figures as JSON Lines");
    app.fallthrough();
    Figures figures;
    const auto add = [&](const char* name, const char* what, auto& args, auto measure) {
        CLI::App* sub = app.add_subcommand(name, what);
        sub->callback([&, measure] {
            const fs::path folder = temporary_folder();
            measure(args, folder, figures);
            fs::remove_all(folder);
        });
        return sub;
    };
    const auto number = [](CLI::App* sub, const char* name, auto& value, const char* what) {
        sub->add_option(name, value, what)->check(CLI::PositiveNumber)->capture_default_str();
    };
    const auto users = [](CLI::App* sub, uint32_t& value) {
        sub->add_option("--users", value, "People in the tree")
            ->check(CLI::Range(17U, 100'000'000U))
            ->capture_default_str();
    };
    const auto kafka = [](CLI::App* sub, std::string& value) {
        sub->add_option("--kafka", value, "host:port of a broker, to measure from Kafka too");
    };

    MachineArgs machine;
    CLI::App* sub = add("machine", "Disk, memory, versions", machine, measure_machine);
    number(sub, "--mib", machine.mib, "Written to disk, and read and copied in memory");
    number(sub, "--syncs", machine.syncs, "Appends of 4 KiB, each synced");

    PathArgs path;
    sub = add("path", "From a log to a durable ledger: sales a second, bytes a sale", path, measure_path);
    users(sub, path.users);
    number(sub, "--sales", path.sales, "Sales of seven levels");
    kafka(sub, path.kafka);

    LatencyArgs latency;
    sub = add("latency", "Produce to applied at a fixed rate, open loop", latency, measure_latency);
    users(sub, latency.users);
    number(sub, "--sales", latency.sales, "Sales in the ledger before");
    number(sub, "--rate", latency.rate, "Events a second");
    number(sub, "--seconds", latency.seconds, "How long");
    kafka(sub, latency.kafka);

    RecoveryArgs recovery;
    sub =
        add("recovery", "kill -9 in the midst of applying, then the time until it goes on", recovery, measure_recovery);
    users(sub, recovery.users);
    sub->add_option("--tail", recovery.tail, "Entries since the state was stored when it is killed, about")
        ->check(CLI::Range(uint64_t{1}, ShardOptions{}.state_interval - 100'000))
        ->capture_default_str();

    GrowthArgs growth;
    sub = add("growth", "The cost of a sale as the ledger grows", growth, measure_growth);
    users(sub, growth.users);
    sub->add_option("--points", growth.points, "Sales in the ledger, ascending, from which on the cost is told")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();

    number(sub, "--window", growth.window, "Over so many sales");

    MemoryArgs memory;
    sub = add("memory", "Peak memory with very many users and websites", memory, measure_memory);
    users(sub, memory.users);
    number(sub, "--websites", memory.websites, "Websites, owned by anybody");
    number(sub, "--sales", memory.sales, "Sales of seven levels");
    number(sub, "--website-sales", memory.website_sales, "Sales after those, each from a website");

    CLI11_PARSE(app, argc, argv);
    figures.print(json);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    if (argc == 5 && std::string_view(argv[1]) == upline::bench::kRecoveryChild)
        upline::bench::be_killed(argv[2], argv[3], argv[4]);
    return upline::bench::main_of(argc, argv);
}
