// SPDX-License-Identifier: Apache-2.0
// Which entries are mature, found without an index of dates: a commission matures at the clock after its sale plus the
// hold, and the clock never goes back, so with one hold maturity order is log order. A cursor over entries does it,
// and whoever keeps pending and available apart (the state, the payouts read model) moves it by this one function.
#pragma once

#include "ledger/entry.h"
#include "ledger/entry_source.h"

namespace upline {

// Calls move(entry), which returns a Status, for each entry from `cursor` on, in order, until the first that is
// accepted and not mature at `clock_us`, or `size`, or `most` of them. Entries without maturity are given too: the
// cursor passes them. Returns where the cursor then stands. REQUIRES: every entry below `size` committed.
template <class Move>
Result<Sequence> for_each_mature(EntrySource& entries, Sequence cursor, uint64_t size, int64_t clock_us, uint64_t most,
                                 Move&& move) {
    Entry entry;
    for (; most > 0 && cursor < size; --most, ++cursor) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries.entry(cursor));
        UPLINE_TRY(decode_entry(bytes, entry));
        if (entry.accepted() && entry.maturity_us > clock_us) break;
        UPLINE_TRY(move(entry));
    }
    return cursor;
}

}  // namespace upline
