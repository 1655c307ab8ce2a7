// SPDX-License-Identifier: Apache-2.0
#include "tools/main/log_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "events/base/files.h"

namespace upline {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

void add_property(const std::string& pair, LogArgs& log) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
        throw CLI::ValidationError("-X", fmt::format("\"{}\" is not key=value", pair));
    log.properties.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
}

// Blank lines and those that begin with # are skipped.
void add_properties_of(const std::string& file, LogArgs& log) {
    const auto text = read_file(file, kMaxConfigBytes);
    if (!text.ok()) throw CLI::ValidationError("--config", text.error().message);
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty() && line[0] != '#') add_property(line, log);
}

}  // namespace

// CLI11 calls these in the order they are added, whatever their order on the command line.
void add_log_properties(CLI::App& command, LogArgs& log) {
    command
        .add_option_function<std::string>(
            "--config", [&log](const std::string& file) { add_properties_of(file, log); },
            "A file of librdkafka properties, key=value a line")
        ->check(CLI::ExistingFile);
    command
        .add_option_function<std::vector<std::string>>(
            "-X",
            [&log](const std::vector<std::string>& pairs) {
                for (const std::string& pair : pairs) add_property(pair, log);
            },
            "A librdkafka property, key=value; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
}

}  // namespace upline
