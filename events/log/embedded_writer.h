// SPDX-License-Identifier: Apache-2.0
// Writes the embedded log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "events/base/file_system.h"
#include "events/log/embedded_format.h"

namespace upline::embedded {

// As EventLog::open_writer(); `log` is a header of the log as it was opened. Appends to `notices` what had to be cut
// off. `files` must outlive the writer.
Result<std::unique_ptr<LogWriter>> open_writer(FileSystem& files, const std::string& directory, const FileHeader& log,
                                               std::vector<std::string>& notices);

}  // namespace upline::embedded
