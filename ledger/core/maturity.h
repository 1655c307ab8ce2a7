// SPDX-License-Identifier: Apache-2.0
// Which commissions are mature, found without an index of dates: a sale's commissions mature at the clock after it plus
// the hold, and the clock never goes back, so among the sales of one hold the order of maturity is the order of the
// log. A cursor over entries for each hold in use does it. Whoever keeps pending and available apart (the state, the
// payouts read model) moves its cursors by this one class.
//
// Only sales are walked to. A refund takes back pending money while its sale is held and available money afterwards;
// what then matures with the sale is what is left of it, so the refund needs no cursor.
//
// What it costs: each entry between a hold's first and last held sale is looked at once, whatever the steps the clock
// moves in; entries that are no sales are passed over unread. With k holds in use at the same time an entry may be
// looked at k times.
#pragma once

#include <algorithm>
#include <vector>

#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"

namespace upline {

// Held sales of one hold that have not been moved yet: they lie between two entries, and none is mature before due_us.
struct Hold {
    int64_t hold_us = 0;
    Sequence first = 0;
    Sequence last = 0;
    int64_t due_us = 0;
    friend bool operator==(const Hold&, const Hold&) = default;
};

// Whether the entry is an accepted sale with commissions that are held for a time.
inline bool is_held(const Entry& entry) {
    return entry.accepted() && std::holds_alternative<TransactionRecorded>(entry.payload) && !entry.mature_at_once() &&
           std::ranges::any_of(entry.posted(),
                               [](const Posting& posting) { return posting.account == AccountKind::kEarned; });
}

class MaturityCursors {
  public:
    // Cursors of holds with something held, by ascending hold_us. After advance() without a bound this is a function of
    // the entries and the clock: the first is then a held sale.
    const std::vector<Hold>& all() const { return holds_; }
    // Takes what all() gave. False if it cannot be that, of `size` entries.
    bool restore(std::vector<Hold> holds, uint64_t size) {
        for (size_t i = 0; i < holds.size(); ++i)
            if (holds[i].hold_us <= 0 || holds[i].first > holds[i].last || holds[i].last >= size ||
                (i > 0 && holds[i].hold_us <= holds[i - 1].hold_us))
                return false;
        holds_ = std::move(holds);
        return true;
    }

    // Whether advance() at this clock would have something to do.
    bool any_due(int64_t clock_us) const {
        return std::ranges::any_of(holds_, [clock_us](const Hold& hold) { return hold.due_us <= clock_us; });
    }

    // Takes in an entry; those that are not held are passed by. REQUIRES: entries in order.
    void add(const Entry& entry) {
        if (!is_held(entry)) return;
        const int64_t hold_us = entry.maturity_us - entry.clock_us;
        const auto at = std::ranges::lower_bound(holds_, hold_us, {}, &Hold::hold_us);
        if (at != holds_.end() && at->hold_us == hold_us)
            at->last = entry.sequence;
        else
            holds_.insert(at, {hold_us, entry.sequence, entry.sequence, entry.maturity_us});
    }

    // Calls move(entry), which returns a Status, for each held sale that is mature at `clock_us`, looking at no more
    // than `most` entries. REQUIRES: every entry taken in can be read from `entries`.
    template <class Move>
    Status advance(EntrySource& entries, int64_t clock_us, uint64_t most, Move&& move) {
        for (Hold& hold : holds_) {
            Entry entry;
            for (; most > 0 && hold.first <= hold.last && hold.due_us <= clock_us; ++hold.first) {
                --most;
                UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries.entry(hold.first));
                if (!is_accepted_sale(bytes)) continue;
                UPLINE_TRY(decode_entry(bytes, entry));
                if (!is_held(entry) || entry.maturity_us - entry.clock_us != hold.hold_us) continue;
                hold.due_us = entry.maturity_us;
                if (entry.maturity_us > clock_us) break;
                UPLINE_TRY(move(entry));
            }
        }
        std::erase_if(holds_, [](const Hold& hold) { return hold.first > hold.last; });
        return ok_status();
    }

  private:
    std::vector<Hold> holds_;
};

}  // namespace upline
