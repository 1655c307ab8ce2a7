// SPDX-License-Identifier: Apache-2.0
// `upline verify`: what each is asked. Each returns the exit code: 0 done, 1 a negative answer,
// 2 could not.
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
