// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/core.h"

#include <algorithm>

#include "events/base/check.h"
#include "events/base/int128.h"
#include "events/values/partition.h"
#include "ledger/core/closing.h"

namespace upline {
namespace {

bool leaves_int64(Int128 value) {
    return value > INT64_MAX || value < INT64_MIN;
}

// With this much room no entry can leave int64: twelve postings of the largest amount.
constexpr int64_t kComfort = INT64_MAX - static_cast<int64_t>(kMaxPostings) * kAmountCap;

bool comfortable(Int128 balance) {
    return balance > -kComfort && balance < kComfort;
}

}  // namespace

void fill_closings(EntryBatch& batch) {
    std::vector<Hash> roots;
    for (const EntryBatch::OpenClosing& closing : batch.closings) roots.push_back(closing_root(closing.leaves));
    fill_closings(batch, roots);
}

void fill_closings(EntryBatch& batch, std::span<const Hash> roots) {
    UPLINE_CHECK(roots.size() == batch.closings.size(), "a root for each closing");
    for (size_t i = 0; i < roots.size(); ++i)
        std::ranges::copy(roots[i], batch.bytes.begin() + static_cast<std::ptrdiff_t>(batch.closings[i].root_at));
    batch.closings.clear();
}

Status Core::apply(std::span<const Input> inputs, EntryBatch& out) {
    out.first = state_.size();
    out.bytes.clear();
    out.ends.clear();
    out.closings.clear();
    in_hand_.batch = &out;
    size_t open_leaves = 0;
    rules_ = rules();
    const auto is_over = [&] { return !rules_ || open_leaves >= kMaxOpenLeaves; };
    for (size_t first = 0; first < inputs.size() && !is_over(); first += Prefetch::kBlock) {
        const auto block = inputs.subspan(first, std::min(Prefetch::kBlock, inputs.size() - first));
        prefetch_.fetch(block);
        for (size_t i = 0; i < block.size() && !is_over(); ++i) {
            const Input* input = &block[i];
            const IdHashes* names = &prefetch_.names(i);
            Input again;
            if (input->rules_version != rules_->version) {
                again = *input;
                again.record = decode_record(input->value, rules_->last_type);
                input = &again;
                prefetch_.fetch(std::span(input, 1));  // the names of the block's first are not needed any more
                names = &prefetch_.names(0);
            }
            entry_.sequence = state_.size();
            entry_.rules_version = rules_->version;
            entry_.record_sha256 = input->record_sha256;
            entry_.plan = 0;
            entry_.remaining_before = 0;
            entry_.posting_count = 0;
            entry_.maturity_us = kNoMaturity;
            UPLINE_TRY_ASSIGN(entry_.outcome, decide(*input, *names));
            entry_.clock_us =
                entry_.accepted() ? std::max(state_.clock_us(), entry_.occurred_at_us) : state_.clock_us();
            if (entry_.accepted() && std::holds_alternative<BooksClosed>(entry_.payload)) {
                UPLINE_TRY(close_books(out));
                open_leaves += out.closings.back().leaves.size();
                continue;
            }
            append_entry(entry_, out.bytes);
            out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
            state_.apply(entry_, resolved_);
            if (entry_.accepted() && ahead_.known) ahead_.forget();
            rules_ = rules();
        }
    }
    in_hand_.batch = nullptr;
    return ok_status();
}

// Balances are closed as they are at the event's own clock: it is folded in first, and all that is mature then is
// moved.
Status Core::close_books(EntryBatch& out) {
    state_.apply(entry_, resolved_);
    ahead_.forget();
    UPLINE_TRY(mature());
    const ProgramIndex program = state_.find_program(entry_.program);
    ClosingSnapshot snapshot = take_closing(state_, program);
    entry_.closing = std::move(snapshot.closing);
    append_entry(entry_, out.bytes);
    out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
    out.closings.push_back({out.bytes.size() - closing_root_from_end(entry_.closing.books.size()), program,
                            entry_.sequence, std::move(snapshot.leaves)});
    entry_.closing = {};
    return ok_status();
}

// The order of checks that all types share.
Result<Outcome> Core::decide(const Input& input, const IdHashes& names) {
    if (input.record.malformed) return Outcome::kMalformed;
    const Event& event = input.record.event;
    entry_.id = event.id;
    entry_.type = event.type;
    entry_.program = event.program;
    entry_.occurred_at_us = event.occurred_at_us;

    const bool for_partition = event.type == static_cast<uint8_t>(EventType::kRulesActivated);
    if (!for_partition && partition_of(event.program, shard_.partition_count) != shard_.partition)
        return Outcome::kWrongPartition;

    resolved_.program = prefetch_.find_program(event.program);
    resolved_.fingerprint = names.id;
    UPLINE_TRY_ASSIGN(const EntityRef earlier, find(event.id, names.id));
    UPLINE_TRY(resolve_refs(event, names));
    if (earlier) return duplicate_or_conflict(event, state_.sequence_of(earlier));
    if (!rules_->has_rule(event.payload)) return Outcome::kUnknownType;
    // In 128 bits: a log's append time may be any number.
    if (event.occurred_at_us - Int128{input.append_time_ms} * 1000 > kFutureToleranceUs) return Outcome::kFromFuture;

    entry_.payload = event.payload;
    entry_.clock_us = std::max(state_.clock_us(), event.occurred_at_us);
    Draft draft{*rules_, state_, *this, entry_.clock_us, has_sale_ ? &sale_ : nullptr, entry_, resolved_};
    UPLINE_TRY_ASSIGN(const Outcome outcome, rules_->apply(event.payload, draft));
    if (outcome != Outcome::kAccepted) return outcome;
    UPLINE_TRY_ASSIGN(const bool fitting, fits());
    return fitting ? Outcome::kAccepted : Outcome::kOutOfRange;
}

// A reference that is given but not known keeps kNoIndex and kNoSequence; the type's rule says what that means.
Status Core::resolve_refs(const Event& event, const IdHashes& names) {
    resolved_.refs.fill({});
    entry_.refs.fill(kNoSequence);
    has_sale_ = false;
    size_t next = 0;
    Status status = ok_status();
    for_each_ref(event.payload, [&]<class Ref>(const Ref& ref) {
        const size_t i = next++;
        if (ref.id.is_nil()) return;
        if constexpr (std::is_same_v<Ref, UserRef>) {
            const UserIndex user = state_.find_user(resolved_.program, ref.id, names.refs[i]);
            if (user != kNoIndex) entry_.refs[i] = state_.users().hot(user).sequence;
            resolved_.refs[i] = RefIndex(user);
        }
        if constexpr (std::is_same_v<Ref, WebsiteRef>) {
            const WebsiteIndex website = state_.find_website(resolved_.program, ref.id, names.refs[i]);
            if (website != kNoIndex) entry_.refs[i] = state_.websites()[website].sequence;
            resolved_.refs[i] = RefIndex(website);
        }
        if constexpr (std::is_same_v<Ref, PayoutRef>) {
            const PayoutIndex payout = state_.find_payout(resolved_.program, ref.id, names.refs[i]);
            if (payout != kNoIndex) entry_.refs[i] = state_.payouts()[payout].sequence;
            resolved_.refs[i] = RefIndex(payout);
        }
        if constexpr (std::is_same_v<Ref, TransactionRef>) {
            status = resolve_sale(ref.id, names.refs[i]);
            if (has_sale_) entry_.refs[i] = sale_.sequence;
        }
    });
    return status;
}

// Sales are not held in memory: the one meant is read.
Status Core::resolve_sale(const Uuid& id, uint64_t fingerprint) {
    UPLINE_TRY_ASSIGN(const EntityRef thing, find(id, fingerprint));
    if (thing.kind() != EntityKind::kOther) return ok_status();
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entry_bytes(thing.number()));
    if (!is_accepted_sale(bytes)) return ok_status();
    sale_bytes_.assign(bytes.begin(), bytes.end());
    UPLINE_TRY(decode_entry(sale_bytes_, sale_));
    has_sale_ = true;
    return ok_status();
}

// Duplicate if the facts are the same to the byte. A reference that is not known now was not known then either (what
// is accepted never goes away), so it cannot be among the facts of an accepted event.
Result<Outcome> Core::duplicate_or_conflict(const Event& event, Sequence earlier) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entry_bytes(earlier));
    Entry entry;
    UPLINE_TRY(decode_entry(bytes, entry));
    if (entry.type != event.type) return Outcome::kConflict;
    size_t next = 0;
    bool all_known = true;
    for_each_ref(event.payload, [&](const auto& ref) {
        if (!ref.id.is_nil() && entry_.refs[next] == kNoSequence) all_known = false;
        ++next;
    });
    if (!all_known) return Outcome::kConflict;
    scratch_.clear();
    append_facts(event, entry_.refs, scratch_);
    return std::ranges::equal(scratch_, facts_of(bytes)) ? Outcome::kDuplicate : Outcome::kConflict;
}

// Most requests are decided by what has been moved already: what is still to move can only add, and adds no more than
// is pending. Only between those two is the exact amount needed.
Result<bool> Core::covers(AccountIndex account, int64_t amount, int64_t at_us) {
    const Account before = state_.accounts()[account];
    if (comfortable(before.available) && comfortable(before.pending)) {
        if (before.available >= amount) return true;
        if (Int128{before.available} + before.pending < amount) return false;
    }
    UPLINE_TRY_ASSIGN(const int64_t matured, matured_by(account, at_us));
    return Int128{state_.accounts().cold(account).available} + matured >= amount;
}

// What of an account's pending matures up to `at_us`, after all that is mature at the clock has been moved.
Result<int64_t> Core::matured_by(AccountIndex account, int64_t at_us) {
    UPLINE_TRY(mature());
    if (at_us <= state_.clock_us()) return int64_t{0};
    if (ahead_.known && ahead_.at_us > at_us) ahead_.forget();
    if (!ahead_.known) {
        ahead_.known = true;
        ahead_.holds = state_.holds();
        ahead_.matured.resize(state_.accounts().size());
    }
    ahead_.at_us = at_us;
    UPLINE_TRY(
        state_.for_each_matured(ahead_.holds, in_hand_, at_us, UINT64_MAX, [this](AccountIndex earner, int64_t part) {
            wrapping_add(ahead_.matured[earner.value], part);
            ahead_.touched.push_back(earner);
        }));
    return ahead_.matured[account.value];
}

// Whether every account the draft posts to stays within int64, and each balance of it. Sums are of all its postings to
// one account, for one person may hold several roles.
Result<bool> Core::fits() {
    if (entry_.posting_count == 0) return true;
    const auto sum_of = [this](AccountKind kind) {
        Int128 sum = 0;
        for (const Posting& posting : entry_.posted())
            if (posting.account == kind) sum += posting.amount;
        return sum;
    };
    const BookIndex book_index =
        resolved_.program == kNoIndex ? BookIndex() : state_.find_book(resolved_.program, entry_.currency);
    const Book book = book_index == kNoIndex ? Book{} : state_.books()[book_index];
    if (!comfortable(book.sales) || !comfortable(book.tax) || !comfortable(book.house)) {
        if (leaves_int64(book.sales + sum_of(AccountKind::kSales)) ||
            leaves_int64(book.tax + sum_of(AccountKind::kTax)) ||
            leaves_int64(book.house + sum_of(AccountKind::kHouse)))
            return false;
    }
    for (size_t i = 0; i < entry_.posting_count; ++i) {
        if (!is_user_account(entry_.postings[i].account)) continue;
        const AccountIndex account_index = state_.find_account(resolved_.users[i], entry_.currency);
        resolved_.accounts[i] = account_index;
        if (account_index == kNoIndex) continue;
        // Whatever is still to be moved from pending to available takes none of its balances out of int64 then.
        if (state_.accounts().hot(account_index).has_headroom()) continue;
        UPLINE_TRY_ASSIGN(const bool fitting, account_fits(resolved_.users[i], account_index));
        if (!fitting) return false;
    }
    return true;
}

// The exact check, of balances as they are at the event's clock.
Result<bool> Core::account_fits(UserIndex user, AccountIndex account_index) {
    UPLINE_TRY_ASSIGN(const int64_t matured, matured_by(account_index, entry_.clock_us));
    const Account account = state_.accounts()[account_index];
    Int128 pending = Int128{account.pending} - matured;
    Int128 available = Int128{account.available} + matured;
    Int128 reserved = account.reserved;
    Int128 paid = account.paid;
    for (size_t i = 0; i < entry_.posting_count; ++i) {
        const Posting& posting = entry_.postings[i];
        if (!is_user_account(posting.account) || resolved_.users[i] != user) continue;
        if (posting.account == AccountKind::kReserved) reserved += posting.amount;
        if (posting.account == AccountKind::kPaid) paid += posting.amount;
        if (posting.account == AccountKind::kEarned) (entry_.mature_at_once() ? available : pending) += posting.amount;
    }
    return !leaves_int64(pending) && !leaves_int64(available) && !leaves_int64(pending + available) &&
           !leaves_int64(reserved) && !leaves_int64(paid);
}

Status Core::mature(uint64_t most) {
    return state_.mature(in_hand_, state_.clock_us(), most);
}

Result<std::span<const std::byte>> Core::entry_bytes(Sequence sequence) {
    if (in_hand_.batch && sequence >= in_hand_.batch->first) return in_hand_.entry(sequence);
    return point_reader_.entry(sequence);
}

Result<EntityRef> Core::find(const Uuid& id, uint64_t fingerprint) {
    return state_.find(resolved_.program, id, fingerprint, [this](Sequence sequence) { return entry_bytes(sequence); });
}

}  // namespace upline
