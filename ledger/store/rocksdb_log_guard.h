// SPDX-License-Identifier: Apache-2.0
// RocksDB's own log files, of whose form a reader depends before RocksDB sees them.
#pragma once

#include <cstdint>
#include <filesystem>

#include "events/base/result.h"

namespace upline {

enum class LogFiles : uint8_t { kManifest, kAll };

// kCorrupt if a manifest, or a write-ahead log too, of a database holds what RocksDB 7.8 does not survive: a record of
// the kind that only a recycled log file has, which ours never are (it reads such a one for ever when it opens a
// database as a secondary, and takes it for the end of the file otherwise), or one that is longer than its block (it
// then reads beyond its memory). All else that may be wrong with them it finds itself. To be called before a database
// is opened. A file that goes or grows meanwhile is none the worse for it.
Status check_log_form(const std::filesystem::path& database, LogFiles files);

}  // namespace upline
