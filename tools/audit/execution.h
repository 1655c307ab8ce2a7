// SPDX-License-Identifier: Apache-2.0
// The fourth stage: executes the facts of entries, or the log's records, again by the ledger's own core. Every entry
// must come out to the byte.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "events/base/result.h"
#include "ledger/core/core.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/state.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/chunk_pipeline.h"
#include "tools/audit/findings.h"

namespace upline {

// Not thread-safe.
class Execution {
  public:
    // With the log: records; without it: facts. The ledger must outlive it.
    Execution(const AuditedLedger& ledger, bool with_log);

    // Executes the entries of a checked chunk up to the first wrong one of `findings`, and adds what differs. Chunks
    // come in order. An error is one of reading, or of rules that this release does not know.
    Status execute(Chunk& chunk, Findings& findings);
    // Moves all that is mature at the clock, as the stored state does.
    Status mature() { return core_.mature(); }

    // What executing the entries has made.
    const State& state() const { return state_; }
    // In force for the next event; nullptr if this release does not know them.
    const Rules* rules() const { return core_.rules(); }

  private:
    // Each returns how many entries from `first` on are right; 0 if that one is wrong.
    Result<size_t> execute_records(Chunk& chunk, size_t first, size_t count, Findings& findings);
    Result<size_t> execute_facts(Chunk& chunk, size_t first, size_t count, Findings& findings);
    Result<size_t> compare(const Chunk& chunk, size_t first, size_t count, Findings& findings);

    std::string difference(std::span<const std::byte> stored, std::span<const std::byte> right) const;
    std::optional<std::string> check_refusal(const Entry& entry) const;

    const AuditedLedger& ledger_;
    bool with_log_;
    std::unique_ptr<EntrySource> entries_;  // for any entry
    std::unique_ptr<EntrySource> matured_;  // read in order when sales mature
    State state_;
    Core core_;
    EntryBatch executed_;
};

}  // namespace upline
