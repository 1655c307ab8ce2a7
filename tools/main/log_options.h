// SPDX-License-Identifier: Apache-2.0
// What each command that takes an event log says of it.
#pragma once

#include "tools/terminal/log_args.h"

namespace CLI {
class App;
}

namespace upline {

inline constexpr const char* kLogHelp = "The event log: file:DIR or kafka://host:port[,host:port]/topic";

// librdkafka's properties: those of the file --config, then each -X, which wins.
void add_log_properties(CLI::App& command, LogArgs& log);

}  // namespace upline
