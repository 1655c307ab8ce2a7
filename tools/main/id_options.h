// SPDX-License-Identifier: Apache-2.0
// What each command that takes an id says of it: `--ids uuid5` and the mapping of ids of other systems.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "events/ids.h"

namespace CLI {
class App;
}

namespace upline {

// Adds `--ids` to the command. The form is known when the command's callback runs.
std::shared_ptr<const IdForm> add_id_form(CLI::App& command);

// The UUID that an argument stands for, as text. An empty text stays empty. Throws CLI::ValidationError with the
// argument's name and the reason.
std::string id_argument(const char* argument, std::string_view text, std::string_view kind, IdForm form);
// The same of an event of any type: "refund/17".
std::string event_id_argument(const char* argument, std::string_view text, IdForm form);

}  // namespace upline
