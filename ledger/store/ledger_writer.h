// SPDX-License-Identifier: Apache-2.0
// Appends to a stored ledger: entries, the places of their records, the tree's tiles and the new head, all or nothing.
#pragma once

#include <cstdint>
#include <span>

#include "events/base/result.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/store.h"

namespace upline {

// One for a store that is open for writing, used by one thread. The store must outlive it. After an error it must not
// be used again: what failed may be on the disk or not, and opening the store says which.
class LedgerWriter {
  public:
    static Result<LedgerWriter> open(Store& store);

    // One synced write, for few entries. `parts` follow what is stored and one another; `tiles` are all that have
    // changed; `position` is that after the last entry.
    Status commit(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles, const LedgerHead& position);
    // The same for many: sorted files, synced, that become part of the ledger in one atomic step. Nothing goes through
    // the write-ahead log or is written twice; the step itself takes some milliseconds. `right_edge`: the partial tiles
    // of the tree.
    Status ingest(std::span<const CommitPart> parts, std::span<const merkle::Tile> tiles,
                  std::span<const merkle::Tile> right_edge, const LedgerHead& position);
    // Keeps the leaves of a program's closing in place of those of the one before, so that its balances can be proven
    // without folding entries again.
    Status keep_closing(ProgramIndex program, Sequence sequence, std::span<const std::byte> leaves);

  private:
    LedgerWriter(Store& store, uint64_t stored_size, uint64_t bulk_size)
        : store_(&store), stored_size_(stored_size), bulk_size_(bulk_size) {}
    void check_follows(std::span<const CommitPart> parts, const LedgerHead& position) const;
    Status flush_written();
    Status drop_superseded();

    Store* store_;
    uint64_t stored_size_;
    uint64_t bulk_size_;       // of the last entries that were ingested
    bool has_written_ = true;  // through the write-ahead log, what the next ingest follows
};

}  // namespace upline
