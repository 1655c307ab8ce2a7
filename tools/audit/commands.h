// SPDX-License-Identifier: Apache-2.0
// `upline verify`: its options. It returns the exit code: 0 nothing wrong, 1 a finding, 2 could not check.
#pragma once

#include <string>
#include <vector>

#include "tools/terminal/log_args.h"

namespace upline {

struct VerifyArgs {
    std::string data;
    std::vector<std::string> vkeys;  // verifier lines, or files of them
    std::vector<std::string> since;  // files of earlier checkpoints
    LogArgs log;                     // empty url: without
    bool json = false;
};
int verify(const VerifyArgs& args);

}  // namespace upline
