// SPDX-License-Identifier: Apache-2.0
// make_seeds FOLDER: writes the seeds of each target as files, FOLDER/TARGET/NAME, which is what libFuzzer reads.
#include <filesystem>
#include <fstream>

#include "tests/fuzz/seeds.h"

int main(int argc, char** argv) {
    using namespace upline::fuzz;
    if (argc != 2) return 2;
    for (const std::string_view target : kTargets) {
        const std::filesystem::path folder = std::filesystem::path(argv[1]) / target;
        std::filesystem::create_directories(folder);
        for (const Seed& seed : seeds_of(target)) {
            std::ofstream out(folder / seed.name, std::ios::binary);
            out << seed.bytes;
            if (!out.flush()) return 1;
        }
    }
    return 0;
}
