// SPDX-License-Identifier: Apache-2.0
// The first two stages: reads entries and records into chunks, and prepares chunks.
#pragma once

#include <cstdint>

#include "events/log/event_log.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/rules.h"
#include "ledger/store/store.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/chunk_pipeline.h"

namespace upline {

// Chunks begin with a tile, except one that begins where the stored state stands, or after one that was cut short for
// its bytes. Not thread-safe.
class ChunkReader {
  public:
    // `entries` is read in order. `log`: nullptr without the log. All must outlive it.
    ChunkReader(const AuditedLedger& ledger, EntrySource& entries, LogReader* log, ChunkPipeline& pipeline)
        : ledger_(ledger), entries_(entries), log_(log), pipeline_(pipeline) {}

    // The next chunk.
    void read(Chunk& chunk);

  private:
    uint64_t read_records(uint64_t count, Chunk& chunk);

    const AuditedLedger& ledger_;
    EntrySource& entries_;
    LogReader* log_;
    ChunkPipeline& pipeline_;
    Sequence next_ = 0;
};

// Prepares a chunk that was read. `rules`: those to decode records by; nullptr: there is no log, and the inputs are the
// facts of the entries.
void prepare_chunk(Chunk& chunk, const Rules* rules, Store& store);

}  // namespace upline
