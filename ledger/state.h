// SPDX-License-Identifier: Apache-2.0
// What a shard knows: programs, users and who referred them, websites, balances, the clock. A pure fold over entries
// (fold), held in flat arrays by dense index. The core reads it to decide what an event does, and folds each new entry
// in; opening a shard loads the arrays as they were last stored and folds the entries since.
//
// Not thread-safe. No I/O, no clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ledger/entitlement.h"
#include "ledger/entry.h"
#include "ledger/id_table.h"
#include "ledger/paged.h"
#include "ledger/sequence_rank.h"

namespace upline {

// A dense index into State's arrays: users, websites, programs, accounts each number theirs from 0 in log order.
using Index = uint32_t;
inline constexpr Index kNoIndex = UINT32_MAX;

// The records of the arrays, stored as they lie in memory (format version in ledger/store.h). Amounts in minor units.
struct Program {
    std::array<char, kMaxProgramBytes> name_bytes{};
    uint32_t name_size = 0;
    Index first_book = kNoIndex;
    std::string_view name() const { return {name_bytes.data(), name_size}; }
};

struct User {
    Uuid id;
    Sequence sequence = 0;
    Index program = 0;
    Index referrer = kNoIndex;
    Index first_account = kNoIndex;
    uint32_t zero = 0;
};

struct Website {
    Uuid id;
    Sequence sequence = 0;
    Index program = 0;
    Index owner = 0;
    uint32_t status = 0;  // a WebsiteStatus
    uint32_t zero = 0;
};

// A user's balances in one currency. Earned is pending + available.
struct Account {
    int64_t pending = 0;    // earned, not mature at the clock
    int64_t available = 0;  // earned, mature or without maturity
    int64_t reserved = 0;
    int64_t paid = 0;
    Index user = 0;
    Index next = kNoIndex;  // of the same user, another currency
    Currency currency;
    uint8_t zero = 0;
    uint32_t zero2 = 0;
};

// A program's own accounts in one currency.
struct Book {
    int64_t sales = 0;  // what came from outside, as a negative number
    int64_t tax = 0;
    int64_t house = 0;
    Index program = 0;
    Index next = kNoIndex;  // of the same program, another currency
    Currency currency;
    uint8_t zero = 0;
    uint32_t zero2 = 0;
};

// The dense indexes behind the names in an accepted entry, which whoever made or decoded it has looked up.
struct Resolved {
    Index program = kNoIndex;                                        // kNoIndex: the program's first accepted event
    uint64_t fingerprint = 0;                                        // of (program, event id)
    std::array<Index, kMaxRefs> refs{kNoIndex, kNoIndex, kNoIndex};  // as Entry::refs
    std::array<Index, kMaxPostings> users{};                         // as Entry::postings, for users' accounts
};

class State {
  public:
    uint64_t size() const { return size_; }         // entries folded in
    int64_t clock_us() const { return clock_us_; }  // the largest occurred_at of accepted events, 0 at first
    // All postings to `earned` of entries before this one that are mature at clock_us() count as available.
    Sequence matured_to() const { return matured_to_; }

    const Paged<Program>& programs() const { return programs_; }
    const Paged<User>& users() const { return users_; }
    const Paged<Website>& websites() const { return websites_; }
    const Paged<Account>& accounts() const { return accounts_; }
    const Paged<Book>& books() const { return books_; }
    const IdTable& ids() const { return ids_; }

    Index find_program(std::string_view name) const;
    Index find_account(Index user, Currency currency) const;
    Index find_book(Index program, Currency currency) const;
    std::optional<Index> user_by_sequence(Sequence sequence) const { return user_rank_.rank(sequence); }
    std::optional<Index> website_by_sequence(Sequence sequence) const { return website_rank_.rank(sequence); }
    // The thing `id` of a program names if it is a user or a website; other things are candidates: for those
    // is_other(sequence) must say whether that entry has this program and id.
    template <class IsOther>
    Thing find(Index program, const Uuid& id, uint64_t fingerprint, IsOther&& is_other) const {
        if (program == kNoIndex) return {};
        return ids_.find(fingerprint, [&](Thing thing) {
            switch (thing.kind()) {
                case ThingKind::kUser: {
                    const User& user = users_[thing.number()];
                    return user.id == id && user.program == program;
                }
                case ThingKind::kWebsite: {
                    const Website& website = websites_[thing.number()];
                    return website.id == id && website.program == program;
                }
                case ThingKind::kOther: return is_other(thing.number());
                case ThingKind::kNone: break;
            }
            UPLINE_CHECK(false, "a thing of a known kind");
        });
    }
    // The user or website of that id. No I/O: other things cannot be meant.
    Index find_user(Index program, const Uuid& id, uint64_t fingerprint) const;
    Index find_website(Index program, const Uuid& id, uint64_t fingerprint) const;

    // Folds an entry whose indexes are known. REQUIRES: entry.sequence == size(); amounts that leave no int64.
    void apply(const Entry& entry, const Resolved& resolved);
    // Folds any entry, looking the indexes up. kCorrupt if it refers to what is not there.
    Status fold(const Entry& entry);
    // Looks up the indexes of an accepted entry. kCorrupt as fold.
    Result<Resolved> resolve(const Entry& entry) const;

    // Moves the postings to `earned` of entry matured_to() from pending to available, and goes to the next.
    // REQUIRES: entry.sequence == matured_to() < size().
    Status mature(const Entry& entry);

    // For the store. Ids accepted since the last time: (fingerprint, thing).
    std::vector<IdTable::Slot> take_new_ids();
    struct Arrays {
        Paged<Program>& programs;
        Paged<User>& users;
        Paged<Website>& websites;
        Paged<Account>& accounts;
        Paged<Book>& books;
    };
    Arrays arrays() { return {programs_, users_, websites_, accounts_, books_}; }
    // Completes loading: arrays() and ids are in place. kCorrupt if they do not fit together.
    Status restore(uint64_t size, int64_t clock_us, Sequence matured_to);
    void restore_id(IdTable::Slot slot) { ids_.insert(slot.fingerprint, Thing::from_word(slot.thing)); }
    void reserve_ids(uint64_t count) { ids_.reserve(count); }

  private:
    Index program_for(std::string_view name);
    Index account_for(Index user, Currency currency);
    Index book_for(Index program, Currency currency);

    uint64_t size_ = 0;
    int64_t clock_us_ = 0;
    Sequence matured_to_ = 0;

    Paged<Program> programs_;
    Paged<User> users_;
    Paged<Website> websites_;
    Paged<Account> accounts_;
    Paged<Book> books_;
    SequenceRank user_rank_;
    SequenceRank website_rank_;
    IdTable ids_;
    std::vector<IdTable::Slot> new_ids_;
    struct TextHash {
        using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    // Looked up only, never iterated.
    std::unordered_map<std::string, Index, TextHash, std::equal_to<>> program_index_;
};

}  // namespace upline
