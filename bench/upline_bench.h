// SPDX-License-Identifier: Apache-2.0
// The subcommands of upline_bench. Each works in a folder of its own that is empty at first, in a process of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"

namespace upline::bench {

// What the machine can do: bytes to disk and through memory, and the versions of what is measured with.
struct MachineArgs {
    uint64_t mib = 1024;
    uint32_t syncs = 500;
};
void measure_machine(const MachineArgs& args, const fs::path& folder, Figures& figures);

// From a log to a durable ledger, beside SHA-256 and RocksDB alone.
struct PathArgs {
    uint32_t users = 1'000'000;
    uint64_t sales = 2'000'000;
    std::string kafka;  // host:port of a broker; empty: the embedded log alone
};
void measure_path(const PathArgs& args, const fs::path& folder, Figures& figures);

// From the time an event is due until it is applied.
struct LatencyArgs {
    uint32_t users = 1'000'000;
    uint64_t sales = 500'000;  // in the ledger before
    uint32_t rate = 20'000;
    uint32_t seconds = 60;
    std::string kafka;
};
void measure_latency(const LatencyArgs& args, const fs::path& folder, Figures& figures);

// Killed while it applies, then started again.
struct RecoveryArgs {
    uint32_t users = 1'000'000;
    uint64_t tail = 500'000;  // sales applied since the state was stored when it is killed
};
void measure_recovery(const RecoveryArgs& args, const fs::path& folder, Figures& figures);
// What it starts: this program with the words kRecoveryChild, "feed", "open" or "ask", LOG, DATA.
inline constexpr const char* kRecoveryChild = "recovery-child";
[[noreturn]] void be_killed(std::string_view doing, const fs::path& log_folder, const fs::path& data_folder);

// The cost of a sale as the ledger grows.
struct GrowthArgs {
    uint32_t users = 1'000'000;
    std::vector<uint64_t> points = {1'000'000, 10'000'000};
    uint64_t window = 2'000'000;
};
void measure_growth(const GrowthArgs& args, const fs::path& folder, Figures& figures);

// Memory with very many users and websites, and the speed that is left.
struct MemoryArgs {
    uint32_t users = 1'000'000;
    uint64_t websites = 15'000'000;
    uint64_t sales = 2'000'000;
    uint64_t website_sales = 1'000'000;  // after those
};
void measure_memory(const MemoryArgs& args, const fs::path& folder, Figures& figures);

}  // namespace upline::bench
