// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/output_file.h"

#include <fmt/format.h>

#include <filesystem>

namespace upline {

Status write_output(const OutputFile& output, std::string_view bytes, mode_t mode,
                    const std::vector<std::string>& inputs) {
    for (const std::string& input : inputs) {
        std::error_code none;  // one that is not there is no file in the way
        if (!input.empty() && std::filesystem::equivalent(output.path, input, none))
            return Error{ErrorCode::kConflict, fmt::format("{}: it is read by this command, and is left alone; give "
                                                           "another file to write",
                                                           output.path)};
    }
    if (output.force) return write_file(output.path, bytes, mode);
    Status written = write_new_file(output.path, bytes, mode);
    if (written.ok() || written.error().code != ErrorCode::kConflict) return written;
    return Error{ErrorCode::kConflict, written.error().message + "; --force replaces it"};
}

}  // namespace upline
