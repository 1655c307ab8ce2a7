// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/lag.h"

#include <fmt/format.h>

namespace upline {

Result<Lag> lag_of(EventLog& log, uint32_t partition, const LedgerHead& position) {
    constexpr size_t kAnyBytes = 1 << 20;
    constexpr int kReadMs = 1000;
    constexpr int kTries = 30;
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader, log.open_reader(partition, position.last_record));
    const Offset next = position.last_record ? position.last_record->offset + 1 : 0;
    RecordBatch batch;
    for (int tried = 0; tried <= kTries; ++tried) {
        // Asked before reading: a topic's last offsets may be markers of transactions, of which no record is given.
        UPLINE_TRY_ASSIGN(const bool at_end, reader->at_end());
        if (at_end) return Lag{};
        UPLINE_TRY(reader->read(1, kAnyBytes, kReadMs, batch));
        if (batch.empty()) continue;
        UPLINE_TRY_ASSIGN(const Offset end, reader->end());
        return Lag{.records = static_cast<uint64_t>(end - next),
                   .oldest_append_time_ms = batch.records().front().append_time_ms};
    }
    return Error{ErrorCode::kUnavailable,
                 fmt::format("partition {} of the log does not say where it ends; try again", partition)};
}

}  // namespace upline
