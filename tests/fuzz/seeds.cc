// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/seeds.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "events/json_reader.h"
#include "events/record_writer.h"

namespace upline::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path kTests = fs::path(UPLINE_SOURCE_DIR) / "tests";

std::string contents(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    UPLINE_CHECK(in.good(), "a file of seeds can be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> lines_of(const fs::path& path) {
    std::vector<std::string> lines;
    std::istringstream in(contents(path));
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::string bytes_of_hex(std::string digits) {
    std::erase(digits, '\n');
    const auto bytes = from_hex(digits);
    UPLINE_CHECK(bytes, "a seed is pairs of hex digits");
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

std::string numbered(const fs::path& path, size_t line) {
    return path.stem().string() + "-" + std::to_string(line + 1);
}

std::string record_of(const std::string& line) {
    EventParser parser;
    RecordWriter writer;
    const Result<Event> event = parser.parse(line);
    if (!event.ok()) return line;
    const auto record = writer.encode(*event);
    return {reinterpret_cast<const char*>(record.data()), record.size()};
}

}  // namespace

std::vector<Seed> seeds_of(std::string_view target) {
    std::vector<Seed> seeds;
    for (const auto& file : fs::directory_iterator(kTests / "fuzz/seeds" / target)) {
        const fs::path& path = file.path();
        if (path.extension() == ".hex") {
            const std::vector<std::string> lines = lines_of(path);
            for (size_t i = 0; i < lines.size(); ++i) seeds.push_back({numbered(path, i), bytes_of_hex(lines[i])});
        } else {
            seeds.push_back({path.filename(), contents(path)});
        }
    }
    if (target == "json" || target == "event") {
        for (const fs::path& path : {kTests / "data/edge.jsonl", kTests / "golden_folders/rules-v1/log.jsonl"}) {
            const std::vector<std::string> lines = lines_of(path);
            for (size_t i = 0; i < lines.size(); ++i)
                seeds.push_back({numbered(path, i), target == "json" ? lines[i] : record_of(lines[i])});
        }
    }
    if (target == "entry")
        for (const auto& file : fs::directory_iterator(kTests / "ledger/golden"))
            seeds.push_back({file.path().stem(), bytes_of_hex(contents(file.path()))});
    std::ranges::sort(seeds, {}, &Seed::name);
    return seeds;
}

}  // namespace upline::fuzz
