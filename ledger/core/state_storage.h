// SPDX-License-Identifier: Apache-2.0
// A state's insides, for what stores and loads it (ledger/store/state_segments.h) and for tests that damage it; all
// else changes a state by folding entries. Loading: fill the arrays and the ids, then restore().
//
// Not thread-safe, but that another thread than the one that fills the arrays may put in the ids.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ledger/core/state.h"

namespace upline {

class StateStorage {
  public:
    // `state` must outlive it.
    explicit StateStorage(State& state) : state_(state) {}

    // What is stored, and the ids that came since of things that are no users, websites or payouts.
    StoredKinds& stored() { return state_.stored_; }
    const std::vector<IdTable::Slot>& new_ids() const { return state_.new_ids_; }
    void forget_new_ids() { state_.new_ids_.clear(); }

    struct Arrays {
        DirtyTrackedArray<Program>& programs;
        HotColdArray<User>& users;
        DirtyTrackedArray<Website>& websites;
        HotColdArray<Account>& accounts;
        DirtyTrackedArray<Book>& books;
        DirtyTrackedArray<PublishedPlan>& plans;
        DirtyTrackedArray<Payout>& payouts;
        DirtyTrackedArray<RefundedSale>& refunded_sales;
    };
    Arrays arrays() {
        return {state_.programs_, state_.users_, state_.websites_, state_.accounts_,
                state_.books_,    state_.plans_, state_.payouts_,  state_.refunded_sales_};
    }
    // Calls f with each array, in the order of StoredKinds.
    template <class F>
    void for_each_kind(F&& f) {
        const Arrays all = arrays();
        f(all.programs);
        f(all.users);
        f(all.websites);
        f(all.accounts);
        f(all.books);
        f(all.plans);
        f(all.payouts);
        f(all.refunded_sales);
    }

    // Puts in ids, of what the arrays hold or will.
    void reserve_ids(uint64_t count) { state_.ids_.reserve(count); }
    void restore_ids(std::span<const IdTable::Slot> ids) { state_.ids_.insert_all(ids); }
    // Completes loading: the arrays are in place. kCorrupt if they do not fit together.
    Status restore(uint64_t size, int64_t clock_us, uint16_t rules_version, std::vector<Hold> holds);

  private:
    // Hangs each account on its user and its program; the first that does not fit, if there is one.
    std::optional<size_t> link_accounts();

    State& state_;
};

}  // namespace upline
