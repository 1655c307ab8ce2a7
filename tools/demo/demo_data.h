// SPDX-License-Identifier: Apache-2.0
// A year of a small community, for `upline demo`: the same events every time, made by rule and a fixed generator.
#pragma once

#include <string>
#include <vector>

#include "events/event.h"

namespace upline {

// Events in the order of their times, in program "default". Their views live as long as the program.
std::vector<Event> make_demo_events();

}  // namespace upline
