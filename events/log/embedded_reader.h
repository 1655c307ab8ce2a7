// SPDX-License-Identifier: Apache-2.0
// Reads a partition of the embedded log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "events/base/file_system.h"
#include "events/log/embedded_format.h"

namespace upline::embedded {

// As EventLog::open_reader(); `log` is a header of the log as it was opened. `files` must outlive the reader.
Result<std::unique_ptr<LogReader>> open_reader(FileSystem& files, const std::string& directory, const FileHeader& log,
                                               uint32_t partition, const std::optional<LogPosition>& after);

}  // namespace upline::embedded
