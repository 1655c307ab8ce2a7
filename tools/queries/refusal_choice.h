// SPDX-License-Identifier: Apache-2.0
// Which refused events a command line is about.
#pragma once

#include <string>

namespace upline {

struct RefusalChoice {
    std::string data;
    std::string program;  // empty: all
    std::string type;     // empty: all
    std::string outcome;  // empty: all; duplicate is none of them
    std::string from;     // ledger time or UTC day; empty: from the first entry
    std::string to;       // not included; empty: to the last
};

}  // namespace upline
