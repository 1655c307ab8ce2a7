// SPDX-License-Identifier: Apache-2.0
// How each command that is about refused events is told which.
#pragma once

#include "tools/queries/refusal_choice.h"

namespace CLI {
class App;
}

namespace upline {

void add_refusal_choice(CLI::App& command, RefusalChoice& chosen);

}  // namespace upline
