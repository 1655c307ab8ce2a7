// SPDX-License-Identifier: Apache-2.0
// `upline demo`: its arguments. Returns the exit code: 0 done, 1 a negative answer, 2 could not.
#pragma once

#include <string>

namespace upline {

struct DemoArgs {
    std::string keep;  // a folder to leave the log and the ledger in; empty: a temporary one
};
int demo(const DemoArgs& args);

}  // namespace upline
