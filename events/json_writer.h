// SPDX-License-Identifier: Apache-2.0
// Writes the JSON form of an event; events/json_reader.h describes it.
#pragma once

#include <string>

#include "events/event.h"

namespace upline {

// Appends the event's line, with a final newline: header fields first, then the payload's in the schema's order,
// absent ones and those at their default left out. parse() of it gives the same event.
// REQUIRES: a payload that is no monostate (the fields of an unknown type have no names).
void append_json(const Event& event, std::string& out);

}  // namespace upline
