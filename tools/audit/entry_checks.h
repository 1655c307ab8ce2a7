// SPDX-License-Identifier: Apache-2.0
// The third stage: whether each entry stands in its place, follows the clock and the rules in force, sums to zero and
// posts what it must, and whether the entries are those of the stored tiles. It keeps the auditor's tree and books.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/entry_source.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/chunk_pipeline.h"
#include "tools/audit/held_checkpoints.h"
#include "tools/audit/independent/books.h"
#include "tools/audit/independent/expected_postings.h"
#include "tools/audit/independent/tree.h"
#include "tools/audit/tile_checks.h"

namespace upline {

// Not thread-safe.
class EntryChecks {
  public:
    // With the log, facts are not given the ids of what they name. All must outlive it.
    EntryChecks(const AuditedLedger& ledger, bool with_log, CheckpointRoots& checkpoint_roots);

    // Fills in what the check stage tells of a chunk. Chunks come in order.
    void check(Chunk& chunk);
    // After the last chunk: the tiles that are not full, and what is stored among tiles and is none.
    Status check_remaining_tiles(Findings& findings);

    // What the entries so far give.
    Hash root() const { return tree_.root(); }
    int64_t clock_us() const { return clock_us_; }
    const Hash& last_record_sha256() const { return last_record_sha256_; }
    const AuditBooks& books() const { return books_; }
    const OutcomeCounts& outcomes() const { return outcomes_; }

  private:
    Status check_chunk(Chunk& chunk);
    Status check_entry(Chunk& chunk, size_t i);
    Status check_leaves(Chunk& chunk);
    // The entry that a refund names, valid until the next call; nullptr if it is none that can be read.
    Result<const Entry*> read_named(Sequence sequence);
    bool give_ids(const Entry& entry, const Entry* sale, Payload& payload) const;

    const AuditedLedger& ledger_;
    bool with_log_;
    CheckpointRoots& checkpoint_roots_;
    std::unique_ptr<EntrySource> named_source_;
    Entry named_;
    ExpectedPostings expected_postings_;
    AuditBooks books_;
    AuditTree tree_;
    StoredTiles stored_tiles_;
    OutcomeCounts outcomes_{};
    int64_t clock_us_ = 0;
    uint16_t rules_version_ = 1;
    Hash last_record_sha256_{};
};

}  // namespace upline
