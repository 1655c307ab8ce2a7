// SPDX-License-Identifier: Apache-2.0
// What a shard knows: programs, users and who referred them, websites, balances, the clock. A pure fold over entries
// (fold), held in flat arrays by dense index. The core reads it to decide what an event does, and folds each new entry
// in; opening a shard loads the arrays as they were last stored and folds the entries since.
//
// It is given the versions of the rules it may fold, and works out what a refund leaves of a sale under the sale's own.
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

#include "events/values/time.h"
#include "ledger/containers/dirty_array.h"
#include "ledger/containers/id_table.h"
#include "ledger/containers/sequence_rank.h"
#include "ledger/core/entry.h"
#include "ledger/core/maturity.h"
#include "ledger/core/rules.h"

namespace upline {

using ProgramIndex = IndexOf<struct Program>;
using UserIndex = IndexOf<struct User>;
using WebsiteIndex = IndexOf<struct Website>;
using AccountIndex = IndexOf<struct Account>;
using BookIndex = IndexOf<struct Book>;
using PlanIndex = IndexOf<struct PublishedPlan>;
using PayoutIndex = IndexOf<struct Payout>;
// Of a user, a website or a payout: which, the reference says that it is behind.
using RefIndex = IndexOf<struct Referred>;

// The records of the arrays, stored as ledger/store/state_segments.h says. Amounts in minor units.
struct Program {
    std::array<char, kMaxProgramBytes> name_bytes{};
    uint32_t name_size = 0;
    BookIndex first_book;
    PlanIndex plan;           // the one in force; kNoIndex: the default
    uint32_t closed_day = 0;  // UTC day of the clock at its last BooksClosed, days since 1970 + 1; 0: never closed
    std::string_view name() const { return {name_bytes.data(), name_size}; }
};

struct User {
    Uuid id;
    Sequence sequence = 0;
    ProgramIndex program{0};
    UserIndex referrer;
    AccountIndex first_account;
    uint32_t suspended = 0;  // 0 or 1

    // What a walk up an upline touches of each, and the rest.
    struct Hot {
        Sequence sequence;
        UserIndex referrer;
        AccountIndex first_account;
    };
    struct Cold {
        Uuid id;
        ProgramIndex program;
        uint32_t suspended;
    };
    Hot hot() const { return {sequence, referrer, first_account}; }
    Cold cold() const { return {id, program, suspended}; }
    static User of(const Hot& hot, const Cold& cold) {
        return {cold.id, hot.sequence, cold.program, hot.referrer, hot.first_account, cold.suspended};
    }
};

struct Website {
    Uuid id;
    Sequence sequence = 0;
    ProgramIndex program{0};
    UserIndex owner{0};
    uint32_t status = static_cast<uint32_t>(WebsiteStatus::kDraft);
    uint32_t zero = 0;
};

// A user's balances in one currency. Earned is pending + available.
struct Account {
    int64_t pending = 0;    // earned, not mature at the clock
    int64_t available = 0;  // earned, mature or without maturity
    int64_t reserved = 0;
    int64_t paid = 0;
    UserIndex user{0};
    AccountIndex next;  // of the same user, another currency
    Currency currency;
    uint8_t zero = 0;
    uint32_t zero2 = 0;

    // What a commission touches, and the rest.
    struct Cold {
        int64_t available;
        int64_t reserved;
        int64_t paid;
        UserIndex user;
        uint32_t zero;
        // Whether no entry's postings, and nothing that is still pending, could take one of these out of int64.
        bool has_headroom() const { return has_headroom(available) && has_headroom(reserved) && has_headroom(paid); }
        static bool has_headroom(int64_t amount) { return amount < INT64_MAX / 4 && amount > -(INT64_MAX / 4); }
    };
    struct Hot {
        int64_t pending;
        AccountIndex next;
        Currency currency;
        uint8_t headroom_flag;  // 0 or 1, of the cold part; so that a commission need not touch that

        bool has_headroom() const { return headroom_flag != 0 && Cold::has_headroom(pending); }
    };
    Hot hot() const { return {pending, next, currency, uint8_t{cold().has_headroom()}}; }
    Cold cold() const { return {available, reserved, paid, user, 0}; }
    static Account of(const Hot& hot, const Cold& cold) {
        return {hot.pending, cold.available, cold.reserved, cold.paid, cold.user, hot.next, hot.currency, 0, 0};
    }
};

// A program's own accounts in one currency.
struct Book {
    int64_t sales = 0;  // what came from outside, as a negative number
    int64_t tax = 0;
    int64_t house = 0;
    ProgramIndex program{0};
    BookIndex next;  // of the same program, another currency
    Currency currency;
    uint8_t zero = 0;
    uint32_t zero2 = 0;
};

// The UTC day a program's books are closed on, as Program::closed_day has it.
inline uint32_t closing_day(int64_t clock_us) {
    return static_cast<uint32_t>(clock_us / kUsPerDay) + 1;
}

// A plan and the entry that published it.
struct PublishedPlan {
    Plan plan;
    Sequence sequence = 0;
};

enum class PayoutStatus : uint8_t { kRequested = 0, kSettled = 1, kFailed = 2 };

struct Payout {
    Uuid id;
    Sequence sequence = 0;
    int64_t amount = 0;
    UserIndex user{0};
    Currency currency;
    PayoutStatus status{};
};

// A sale of which something was refunded.
struct RefundedSale {
    Sequence sale = 0;
    int64_t left = 0;
    int64_t held_remaining = 0;  // what was left when its commissions matured; until then the same as left
};

// The dense indexes behind the names in an accepted entry, which whoever made or decoded it has looked up.
struct ResolvedRefs {
    ProgramIndex program;                               // kNoIndex: the program's first accepted event
    uint64_t fingerprint = 0;                           // of (program, event id)
    std::array<RefIndex, kMaxRefs> refs{};              // as Entry::refs; sales have no index
    std::array<UserIndex, kMaxPostings> users{};        // as Entry::postings, for users' accounts
    std::array<AccountIndex, kMaxPostings> accounts{};  // the same; kNoIndex: none yet, or not looked up
};

// What of one kind of record is stored (ledger/store/state_segments.h): all zero if nothing is.
struct StoredKind {
    uint64_t base = 0;     // number of the segment that held every record
    uint64_t last = 0;     // number of the last segment
    uint64_t records = 0;  // in the base and all segments since
    uint64_t hash = 0;     // of all of them
};
inline constexpr size_t kStateKinds = 10;
using StoredKinds = std::array<StoredKind, kStateKinds>;

// It has many members: one array for each kind of record, and one table for each way to look records up.
class State {
  public:
    // `versions` must outlive it.
    explicit State(std::span<const Rules> versions = rules_versions()) : versions_(versions) {}

    uint64_t size() const { return size_; }                    // entries folded in
    int64_t clock_us() const { return clock_us_; }             // the largest occurred_at of accepted events, 0 at first
    uint16_t rules_version() const { return rules_version_; }  // in force for the next event
    // Its rules; nullptr if they are not among versions() (unknown_rules says more).
    const Rules* rules() const { return find_rules(versions_, rules_version_); }
    std::span<const Rules> versions() const { return versions_; }
    // Which held sales are still to be moved from pending to available.
    const MaturityCursors& holds() const { return holds_; }

    const DirtyTrackedArray<Program>& programs() const { return programs_; }
    const HotColdArray<User>& users() const { return users_; }
    const DirtyTrackedArray<Website>& websites() const { return websites_; }
    const HotColdArray<Account>& accounts() const { return accounts_; }
    const DirtyTrackedArray<Book>& books() const { return books_; }
    const DirtyTrackedArray<PublishedPlan>& plans() const { return plans_; }
    const DirtyTrackedArray<Payout>& payouts() const { return payouts_; }
    const DirtyTrackedArray<RefundedSale>& refunded_sales() const { return refunded_sales_; }
    const IdTable& ids() const { return ids_; }

    ProgramIndex find_program(std::string_view name) const;
    AccountIndex find_account(UserIndex user, Currency currency) const;
    BookIndex find_book(ProgramIndex program, Currency currency) const;
    UserIndex user_by_sequence(Sequence sequence) const {
        return UserIndex(user_rank_.rank(sequence).value_or(RefIndex::kNone));
    }
    WebsiteIndex website_by_sequence(Sequence sequence) const {
        return WebsiteIndex(website_rank_.rank(sequence).value_or(RefIndex::kNone));
    }
    PayoutIndex payout_by_sequence(Sequence sequence) const;
    // A program's balances and books, in the order of their first postings.
    std::span<const AccountIndex> accounts_of(ProgramIndex program) const;
    std::vector<BookIndex> books_of(ProgramIndex program) const;
    // The plan in force for a program's next sale or payout under those rules, and how entries name it (Entry::plan).
    // Valid until the next fold.
    struct PlanInForce {
        const Plan& plan;
        uint64_t number;
    };
    PlanInForce plan_in_force(ProgramIndex program, const Rules& rules) const {
        const PlanIndex index = program == kNoIndex ? kNoIndex : programs_[program].plan;
        if (index == kNoIndex) return {rules.default_plan, 0};
        return {plans_[index].plan, plans_[index].sequence + 1};
    }
    // A plan as entries name it, the default one as those rules have it; nullptr if none was published there. Valid
    // until the next fold.
    const Plan* find_plan(uint64_t number, const Rules& rules) const;
    // What a sale's parts follow from. Valid until the next fold. kCorrupt if there can be no such sale of which so
    // much is left, unknown_rules if its rules are not among versions(). REQUIRES: an accepted TransactionRecorded.
    Result<SaleTerms> terms_of(const Entry& sale, int64_t left) const;
    // What is left of a sale of that amount.
    int64_t left_of(Sequence sale, int64_t amount) const {
        const RefundedSale* refunded = find_refunded(sale);
        return refunded ? refunded->left : amount;
    }
    // Advances `holds`, this state's or a copy, to `at_us`, looking at no more than `most` entries, and calls
    // f(account, amount) for each commission that has matured, as it is after refunds. kCorrupt if an entry names what
    // is not there. REQUIRES: every entry below size() can be read from `entries`.
    template <class F>
    Status for_each_matured(MaturityCursors& holds, EntrySource& entries, int64_t at_us, uint64_t most, F&& f) const {
        std::vector<Matured> parts;
        UPLINE_TRY(holds.advance(entries, at_us, most, [&](const Entry& entry) -> Status {
            UPLINE_TRY_ASSIGN(const bool many, gather(entry, parts));
            return many ? give_matured(parts, f) : ok_status();
        }));
        return give_matured(parts, f);
    }
    // The thing that `id` names in a program. Of a user, website or payout the state knows the id; of another thing it
    // asks read(sequence) for the bytes of its entry, and an error is one of that.
    template <class Read>
    Result<EntityRef> find(ProgramIndex program, const Uuid& id, uint64_t fingerprint, Read&& read) const {
        Status status = ok_status();
        const EntityRef thing = find_if(program, id, fingerprint, [&](Sequence sequence) {
            const Result<bool> is_named = is_named_by(read(sequence), programs_[program].name(), id);
            if (!is_named.ok()) status = is_named.error();
            return !is_named.ok() || *is_named;
        });
        if (!status.ok()) return status.error();
        return thing;
    }
    Result<EntityRef> find(std::string_view program, const Uuid& id, EntrySource& entries) const;
    // The entry that made it. REQUIRES: a thing that was found.
    Sequence sequence_of(EntityRef thing) const;
    // The user, website or payout of that id. No I/O: other things cannot be meant.
    UserIndex find_user(ProgramIndex program, const Uuid& id, uint64_t fingerprint) const {
        return UserIndex(find_kind(EntityKind::kUser, program, id, fingerprint));
    }
    WebsiteIndex find_website(ProgramIndex program, const Uuid& id, uint64_t fingerprint) const {
        return WebsiteIndex(find_kind(EntityKind::kWebsite, program, id, fingerprint));
    }
    PayoutIndex find_payout(ProgramIndex program, const Uuid& id, uint64_t fingerprint) const {
        return PayoutIndex(find_kind(EntityKind::kPayout, program, id, fingerprint));
    }

    // Folds an entry whose indexes are known. REQUIRES: entry.sequence == size(); amounts that leave no int64.
    void apply(const Entry& entry, const ResolvedRefs& resolved);
    // Folds any entry, looking the indexes up. kCorrupt if it refers to what is not there.
    Status fold(const Entry& entry);
    // Asks for the memory that folding these entries will touch, so that they wait for it together. It changes nothing.
    void prefetch(std::span<const Entry> entries) const;
    // Looks up the indexes of an accepted entry. kCorrupt as fold.
    Result<ResolvedRefs> resolve(const Entry& entry) const;

    // Moves the commissions of held sales that are mature at `at_us` from pending to available, looking at no more than
    // `most` entries. REQUIRES: every entry below size() can be read from `entries`.
    Status mature(EntrySource& entries, int64_t at_us, uint64_t most);

  private:
    friend class StateStorage;  // ledger/core/state_storage.h

    // The thing of that id; of those that are no user, website or payout, the one for which is_other(sequence).
    template <class IsOther>
    EntityRef find_if(ProgramIndex program, const Uuid& id, uint64_t fingerprint, IsOther&& is_other) const {
        if (program == kNoIndex) return {};
        return ids_.find(fingerprint, [&](EntityRef thing) {
            switch (thing.kind()) {
                case EntityKind::kUser: {
                    const User::Cold& user = users_.cold(thing.number());
                    return user.id == id && user.program == program;
                }
                case EntityKind::kWebsite: {
                    const Website& website = websites_[thing.number()];
                    return website.id == id && website.program == program;
                }
                case EntityKind::kPayout: {
                    const Payout& payout = payouts_[thing.number()];
                    return payout.id == id && users_.cold(payout.user).program == program;
                }
                case EntityKind::kOther: return is_other(thing.number());
                case EntityKind::kNone: break;
            }
            UPLINE_CHECK(false, "a thing of a known kind");
        });
    }
    RefIndex find_kind(EntityKind kind, ProgramIndex program, const Uuid& id, uint64_t fingerprint) const {
        const EntityRef thing = find_if(program, id, fingerprint, [](Sequence) { return false; });
        return thing.kind() == kind ? RefIndex(thing.number()) : kNoIndex;
    }
    // Only a repeated id, a sale that is refunded, or one id in 2^64 comes here.
    static Result<bool> is_named_by(const Result<std::span<const std::byte>>& bytes, std::string_view program,
                                    const Uuid& id) {
        return bytes.ok() ? is_entry_of(*bytes, program, id) : bytes.error();
    }
    ProgramIndex program_for(std::string_view name);
    AccountIndex account_of(const ResolvedRefs& resolved, size_t posting, Currency currency);
    // Adds to a balance besides pending.
    void add_to_account(AccountIndex account, int64_t Account::Cold::*balance, int64_t amount);
    AccountIndex account_for(UserIndex user, Currency currency);
    BookIndex book_for(ProgramIndex program, Currency currency);
    void refund(const Entry& entry);
    void add_to_program(ProgramIndex program, AccountIndex account);
    void post(const Entry& entry, ProgramIndex program, const ResolvedRefs& resolved);
    const RefundedSale* find_refunded(Sequence sale) const {
        if (refunded_index_.empty()) return nullptr;
        const auto found = refunded_index_.find(sale);
        return found == refunded_index_.end() ? nullptr : &refunded_sales_[found->second];
    }

    // Earners lie scattered in memory. So their commissions are gathered, and each step asks for the memory of the next
    // one for all of them before any is touched.
    struct Matured {
        UserIndex user;
        Currency currency;
        int64_t amount;
    };
    Result<bool> gather(const Entry& entry, std::vector<Matured>& parts) const;  // whether they are many by now
    Error has_no_account(const Matured& part) const;
    template <class F>
    Status give_matured(std::vector<Matured>& parts, F&& f) const {
        for (const Matured& part : parts)
            if (const AccountIndex account = users_.hot(part.user).first_account; account != kNoIndex) {
                accounts_.prefetch_hot(account);
                accounts_.prefetch_cold(account);
            }
        for (const Matured& part : parts) {
            const AccountIndex account = find_account(part.user, part.currency);
            if (account == kNoIndex) return has_no_account(part);
            f(account, part.amount);
        }
        parts.clear();
        return ok_status();
    }

    std::span<const Rules> versions_;
    uint64_t size_ = 0;
    int64_t clock_us_ = 0;
    uint16_t rules_version_ = 1;
    MaturityCursors holds_;

    DirtyTrackedArray<Program> programs_;
    HotColdArray<User> users_;
    DirtyTrackedArray<Website> websites_;
    HotColdArray<Account> accounts_;
    DirtyTrackedArray<Book> books_;
    DirtyTrackedArray<PublishedPlan> plans_;
    DirtyTrackedArray<Payout> payouts_;
    DirtyTrackedArray<RefundedSale> refunded_sales_;
    SequenceRank user_rank_;
    SequenceRank website_rank_;
    IdTable ids_;
    std::vector<IdTable::Slot> new_ids_;
    StoredKinds stored_{};
    std::vector<std::vector<AccountIndex>> program_accounts_;  // by program; those behind the last have none
    struct TextHash {
        using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
        size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    // Looked up only, never iterated.
    std::unordered_map<std::string, ProgramIndex, TextHash, std::equal_to<>> program_index_;
    std::unordered_map<Sequence, IndexOf<RefundedSale>> refunded_index_;
};

}  // namespace upline
