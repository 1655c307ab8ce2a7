// SPDX-License-Identifier: Apache-2.0
// The auditor's own books: every balance is the sum of its postings, those to `earned` pending until their maturity is
// reached. Amounts in minor units.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <vector>

#include "events/base/int128.h"
#include "ledger/containers/huge_array.h"
#include "ledger/core/entry.h"
#include "tools/audit/independent/expected_postings.h"

namespace upline {

struct alignas(64) AuditBalance {  // a cache line
    Int128 pending = 0;
    Int128 available = 0;
    Int128 reserved = 0;
    Int128 paid = 0;
};

// Not thread-safe.
class AuditBooks {
  public:
    AuditBooks() { slots_.grow(1024); }

    // Posts an accepted entry.
    void post(const Entry& entry);
    // Asks for the memory that posting these entries will touch. Only a hint.
    void prefetch(std::span<const Entry> entries) const;

    // How many balances there are, and the one of the user whom entry `user` made; nullptr: none.
    size_t size() const { return balances_.size(); }
    const AuditBalance* find(Sequence user, Currency currency) const;

    // What is wrong with the closing of an accepted BooksClosed that was posted; or nothing. `users` knows their ids.
    std::optional<std::string> check_closing(const Entry& entry, const ExpectedPostings& users);
    // The entry of a program's last closing that was right, and the root it committed to.
    struct LastClosing {
        Sequence sequence = 0;
        Hash root{};
    };
    const std::map<std::string, LastClosing, std::less<>>& last_closings() const { return last_closings_; }

  private:
    struct Held {
        int64_t maturity_us;
        int64_t amount;
        uint32_t balance;
        bool operator>(const Held& other) const { return maturity_us > other.maturity_us; }
    };
    // Which balance is whose: an open-addressing hash table with linear probing.
    struct Slot {
        Sequence user;
        uint32_t currency;
        uint32_t number;  // of the balance, from 1; 0: empty
    };
    // What a program has, in the order of first postings.
    struct OfProgram {
        std::vector<uint32_t> balances;
        std::vector<ClosedBook> books;  // without the users' sums
        int64_t closed_day = -1;        // UTC day of its last closing, since 1970
    };
    OfProgram& of_program(std::string_view name);
    static ClosedBook& book_of(OfProgram& program, Currency currency);
    // The program's books with the users' sums, and the root over its balances. An error is one in the entries.
    Result<Hash> close(const OfProgram& program, const ExpectedPostings& users, std::vector<ClosedBook>& books) const;

    size_t first_slot(Sequence user, uint32_t currency) const;
    // The slot of a user and currency, or the empty one where it would be.
    size_t find_slot(Sequence user, uint32_t currency) const;
    uint32_t balance_for(Sequence user, uint32_t currency);
    void grow();
    void mature(const Held& held);

    FlatArray<Slot> slots_;  // a power of two, at most half of them taken
    FlatArray<AuditBalance> balances_;
    FlatArray<Slot> owners_;  // of each balance
    std::map<std::string, OfProgram, std::less<>> programs_;
    std::string last_program_;  // events of one program come in runs
    OfProgram* last_of_program_ = nullptr;
    std::map<std::string, LastClosing, std::less<>> last_closings_;
    // Most held amounts come in the order in which they mature. Those that do not (of refunds) stand in the heap.
    std::deque<Held> held_;
    std::priority_queue<Held, std::vector<Held>, std::greater<>> held_out_of_order_;  // the next to mature first
    int64_t clock_us_ = 0;
};

}  // namespace upline
