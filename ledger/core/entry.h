// SPDX-License-Identifier: Apache-2.0
// The bytes of an entry: a leaf of the audit log, and a promise for ever (golden files in tests/ledger/golden).
//
// Little-endian. `varint` is unsigned LEB128 in its shortest form; `signed varint` is a varint of the zigzag form
// (n >= 0: 2n, else -2n - 1). `text` is a varint of its length and its bytes. At most 65,535 bytes in all.
//
//     u64       sequence          number of the entry, 0 for the first
//     u16       rules version     1
//     u8        outcome           ledger/core/outcome.h
//     i64       clock             microseconds since 1970: the shard's ledger clock after the event
//     32 bytes  SHA-256 of the record's value
//   unless the outcome is malformed:
//     u8        event type        events/event.h
//     16 bytes  event id
//     u8, bytes program           length and name
//   if the outcome is accepted, the event's facts:
//     i64       occurred_at       microseconds since 1970
//     the payload's fields in the order of the schema:
//       user, website, transaction, payout   varint: 0 absent, else sequence + 1 of the entry that made it
//       amount, tax, decimal, number         signed varint
//       currency                             3 letters
//       enum                                 u8
//       count, version                       varint
//       visitor                              u8 0 absent, or 1 and u64
//       text                                 text
//       optional text                        varint: 0 absent, else length + 1, and the bytes
//       rates                                varint count, then signed varints
//   and what it did:
//     varint    plan              sequence + 1 of the PlanPublished it fell under, 0 for the default: of a sale, of a
//                                 refund that of its sale, of a PayoutRequested that of the moment; else 0
//     varint    left              only of a TransactionRefunded: what was left of its sale before, in minor units
//     closing                     only of a BooksClosed (ledger/core/closing.h):
//       varint    balances        how many the program has
//       32 bytes  root            of the Merkle tree over them
//       u8        currencies      that the program has booked in, in the order of first posting; of each:
//         3 bytes   currency
//         i128 x 4  pending, available, reserved, paid: sums over all users, at the entry's clock
//         i64 x 3   sales, tax, house
//     u8        posting count     0: the entry ends here
//     3 bytes   currency          of all its postings
//     i64       maturity          microseconds since 1970 of all its postings to `earned`; -1: none
//     per posting:
//       u8            account * 32 + role
//       varint        sequence + 1 of the user's entry, only for a user's account
//       signed varint amount, not 0
//
// The postings of an entry sum to zero.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "events/base/int128.h"
#include "events/base/result.h"
#include "events/event.h"
#include "ledger/core/outcome.h"
#include "ledger/proof/sha256.h"

namespace upline {

inline constexpr size_t kMaxEntryBytes = 65'535;
inline constexpr int64_t kNoMaturity = -1;

// Sales, tax and house are a program's, the others a user's. Numbers for ever.
enum class AccountKind : uint8_t { kSales = 0, kTax = 1, kHouse = 2, kEarned = 3, kReserved = 4, kPaid = 5 };
inline constexpr uint8_t kLastAccountKind = 5;
inline bool is_user_account(AccountKind kind) {
    return kind >= AccountKind::kEarned;
}
std::string_view account_name(AccountKind kind);  // "sales" ...

// Why a posting is there. Numbers for ever; levels 1 to 7 are their own numbers.
enum class Role : uint8_t { kNone = 0, kLevel1 = 1, kLevel7 = 7, kCreator = 8, kWebsite = 9, kAdjustment = 10 };
inline constexpr uint8_t kLastRole = 10;
inline Role level_role(unsigned level) {
    return static_cast<Role>(level);
}  // REQUIRES: 1 <= level <= 7
inline bool is_level(Role role) {
    return role >= Role::kLevel1 && role <= Role::kLevel7;
}
std::string_view role_name(Role role);  // "", "level_1" ... "creator", "website", "adjustment"

// A number that stands for one thing of the shard: the sequence of the entry that made it.
using Sequence = uint64_t;
inline constexpr Sequence kNoSequence = UINT64_MAX;

// Adds modulo 2^64: for sums that are known to fit in the end, whatever the steps.
inline void wrapping_add(int64_t& sum, int64_t amount) {
    sum = static_cast<int64_t>(static_cast<uint64_t>(sum) + static_cast<uint64_t>(amount));
}

// What a BooksClosed commits to. Minor units; a sum over many balances may leave 64 bits.
struct ClosedBook {
    Currency currency;
    Int128 pending = 0;
    Int128 available = 0;
    Int128 reserved = 0;
    Int128 paid = 0;
    int64_t sales = 0;
    int64_t tax = 0;
    int64_t house = 0;
    friend bool operator==(const ClosedBook&, const ClosedBook&) = default;
};
struct Closing {
    uint64_t balances = 0;
    Hash root{};
    std::vector<ClosedBook> books;
};

struct Posting {
    AccountKind account{};
    Role role{};
    Sequence user = kNoSequence;  // kNoSequence for a program's account
    int64_t amount = 0;           // minor units
};

inline constexpr size_t kMaxPostings = 12;  // sales, tax, creator, website, 7 levels, house
inline constexpr size_t kMaxRefs = 3;       // references of one event, in the order of its fields

// An entry, decoded. Views point into the bytes it was decoded from.
struct Entry {
    Sequence sequence = 0;
    uint16_t rules_version = 1;
    Outcome outcome{};
    int64_t clock_us = 0;
    Hash record_sha256{};

    // Unless malformed:
    Uuid id;
    uint8_t type = 0;
    std::string_view program;

    // If accepted:
    int64_t occurred_at_us = 0;
    Payload payload;  // its references are nil: they stand in refs
    std::array<Sequence, kMaxRefs> refs{kNoSequence, kNoSequence, kNoSequence};
    std::array<int32_t, 8> rates{};  // what a plan's level_rates point to
    uint64_t plan = 0;
    int64_t remaining_before = 0;  // of a refund: what was left of its sale
    Closing closing;               // of a BooksClosed
    Currency currency;
    int64_t maturity_us = kNoMaturity;
    uint8_t posting_count = 0;
    std::array<Posting, kMaxPostings> postings{};

    std::span<const Posting> posted() const { return {postings.data(), posting_count}; }
    bool accepted() const { return outcome == Outcome::kAccepted; }
    // Whether postings to `earned` are mature at once: those without maturity, and those that come too late to be held.
    bool mature_at_once() const { return maturity_us <= clock_us; }
    bool readable() const { return outcome != Outcome::kMalformed; }

    Entry() = default;
    Entry(const Entry&) = delete;  // payload may point into rates
    Entry& operator=(const Entry&) = delete;
};

// Appends the bytes of an entry to `out`. Payload references are taken from entry.refs, all else from its fields.
// REQUIRES: a payload that is no monostate, if accepted; at most kMaxEntryBytes.
void append_entry(const Entry& entry, std::vector<std::byte>& out);

// Where in a BooksClosed's entry of so many books the root begins, counted from the entry's end: for a root that is
// known later than the rest.
size_t closing_root_from_end(size_t books);

// Appends the canonical facts alone: what stands between program and plan in the entry of an accepted event. Two
// events with one id are duplicates exactly if these bytes and their types are the same.
void append_facts(const Event& event, std::span<const Sequence, kMaxRefs> refs, std::vector<std::byte>& out);
// The same bytes of a stored entry. REQUIRES: bytes that decode_entry takes, of an accepted entry.
std::span<const std::byte> facts_of(std::span<const std::byte> entry);

// Whether the bytes are those of an accepted sale, without reading them all: false for any others.
bool is_accepted_sale(std::span<const std::byte> entry);

// Whether the bytes are those of an accepted entry of that id, in whichever program, without reading them all: false
// for any others.
bool is_accepted_of_id(std::span<const std::byte> entry, const Uuid& id);

// Reads an entry, checking form only: every byte has its one meaning and none is left over. kCorrupt says at which
// byte what was expected.
Status decode_entry(std::span<const std::byte> bytes, Entry& entry);
// Whether an accepted entry is of a program's event of that id. kCorrupt as decode_entry.
Result<bool> is_entry_of(std::span<const std::byte> bytes, std::string_view program, const Uuid& id);

// Calls f(member) for each reference field of a payload, in order: at most kMaxRefs.
template <class P, class F>
void for_each_ref(P& payload, F&& f) {
    auto visitor = [&f](int, std::string_view, auto& member, Presence) {
        using Member = std::remove_cvref_t<decltype(member)>;
        if constexpr (std::is_same_v<Member, UserRef> || std::is_same_v<Member, WebsiteRef> ||
                      std::is_same_v<Member, TransactionRef> || std::is_same_v<Member, PayoutRef>)
            f(member);
    };
    std::visit(
        [&visitor](auto& alternative) {
            if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(alternative)>, std::monostate>)
                std::remove_cvref_t<decltype(alternative)>::visit(alternative, visitor);
        },
        payload);
}

}  // namespace upline
