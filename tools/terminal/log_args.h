// SPDX-License-Identifier: Apache-2.0
// Which event log a command works on.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace upline {

struct LogArgs {
    std::string url;
    std::vector<std::pair<std::string, std::string>> properties;  // -X key=value
};

}  // namespace upline
