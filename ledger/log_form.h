// SPDX-License-Identifier: Apache-2.0
// RocksDB's own log files, of whose form a reader depends before RocksDB sees them.
#pragma once

#include <filesystem>

#include "events/result.h"

namespace upline {

// kCorrupt if the manifest or a write-ahead log of a database holds a record of the kind that only a recycled log file
// has, which ours never are: RocksDB 7.8 reads such a one for ever when it opens a database as a secondary. All else
// that may be wrong with them it finds itself. A file that goes or grows meanwhile is none the worse for it.
Status check_log_form(const std::filesystem::path& database);

}  // namespace upline
