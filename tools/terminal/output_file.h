// SPDX-License-Identifier: Apache-2.0
// The file that a command was told to write.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "events/base/files.h"
#include "events/base/result.h"

namespace upline {

struct OutputFile {
    std::string path;
    bool force = false;  // another may be there, and is replaced
};

// kConflict, and nothing is written, if a file is there and `force` is not given, or if it is one of `inputs`, those
// that the command reads, whatever is given.
Status write_output(const OutputFile& output, std::string_view bytes, mode_t mode,
                    const std::vector<std::string>& inputs = {});

}  // namespace upline
