// SPDX-License-Identifier: Apache-2.0
// Follows records that were just appended to a log until the ledger has said what becomes of each.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "events/log/event_log.h"
#include "ledger/core/entry.h"
#include "tools/terminal/log_args.h"

namespace upline {

// A record is recognised by its bytes: of several that are the same, each has an entry of its own.
class OutcomeWatch {
  public:
    struct Told {
        Outcome outcome{};
        Sequence entry = 0;
        uint32_t partition = 0;
    };

    // Watches the ledgers of a data folder, which may not be there yet, from their positions now on. kConflict if they
    // were made from another log.
    static Result<OutcomeWatch> begin(EventLog& log, LogArgs log_args, std::string data);

    // A record that is appended after begin(). Returns its number, from 0.
    size_t add(std::span<const std::byte> record);

    // Returns once each record has an entry: applies the log if it is a folder and nobody else writes this data folder,
    // else waits for the `run` that does. kUnavailable if nothing was applied for so many seconds; the records are in
    // the log then.
    Status wait(int seconds = 30);
    // By number.
    const std::vector<std::optional<Told>>& told() const { return told_; }

  private:
    OutcomeWatch(LogArgs log, std::string data) : log_(std::move(log)), data_(std::move(data)) {}
    // Reads the entries that are new; whether there were any.
    Result<bool> read_new();
    // Does nothing if somebody else does it.
    Status apply();

    LogArgs log_;
    std::string data_;
    std::map<uint32_t, Sequence> next_;           // by partition: the first entry that was not read
    std::map<Hash, std::deque<size_t>> awaited_;  // by SHA-256: numbers
    size_t awaited_count_ = 0;
    std::vector<std::optional<Told>> told_;
};

}  // namespace upline
