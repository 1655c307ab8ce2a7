// SPDX-License-Identifier: Apache-2.0
#include "ledger/core.h"

#include <algorithm>

#include "events/check.h"
#include "events/event_log.h"
#include "ledger/maturity.h"
#include "ledger/rules_v1.h"

namespace upline {
namespace {

__extension__ using Int128 = __int128;

bool leaves_int64(Int128 value) {
    return value > INT64_MAX || value < INT64_MIN;
}

// With this much room no entry can leave int64: twelve postings of the largest amount.
constexpr int64_t kComfort = INT64_MAX - static_cast<int64_t>(kMaxPostings) * kAmountCap;

bool comfortable(int64_t balance) {
    return balance > -kComfort && balance < kComfort;
}

}  // namespace

Input read_input(std::span<const std::byte> value, int64_t append_time_ms) {
    return {decode_record(value), sha256(value), append_time_ms};
}

Status Core::apply(std::span<const Input> inputs, EntryBatch& out) {
    out.first = state_.size();
    out.bytes.clear();
    out.ends.clear();
    batch_ = &out;
    for (size_t first = 0; first < inputs.size(); first += kBlock) {
        const auto block = inputs.subspan(first, std::min(kBlock, inputs.size() - first));
        fetch_ahead(block);
        for (size_t i = 0; i < block.size(); ++i) {
            entry_.sequence = state_.size();
            entry_.rules_version = kRulesVersion;
            entry_.record_sha256 = block[i].record_sha256;
            entry_.plan = 0;
            entry_.posting_count = 0;
            entry_.maturity_us = kNoMaturity;
            UPLINE_TRY_ASSIGN(entry_.outcome, decide(block[i], names_[i]));
            entry_.clock_us =
                entry_.accepted() ? std::max(state_.clock_us(), entry_.occurred_at_us) : state_.clock_us();
            append_entry(entry_, out.bytes);
            out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
            state_.apply(entry_, resolved_);
        }
    }
    batch_ = nullptr;
    return ok_status();
}

// Hashes each name once and asks for the cache lines that deciding will touch, step by step for the whole block, so
// that its events wait for memory together and not one after another: the table's slots, the users behind them, then
// each level of their uplines, then the accounts. Only a hint: nothing is decided here, and a user of the same block
// who is not there yet is passed over.
void Core::fetch_ahead(std::span<const Input> inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].record.malformed) continue;
        const Event& event = inputs[i].record.event;
        if (event.program != last_program_) {
            last_program_ = event.program;
            last_program_hash_ = IdTable::program_hash(event.program);
        }
        Names& names = names_[i];
        names.program_hash = last_program_hash_;
        names.id = IdTable::fingerprint(names.program_hash, event.id);
        state_.ids().prefetch(names.id);
        size_t next = 0;
        for_each_ref(event.payload, [&](const auto& ref) {
            const size_t k = next++;
            if (ref.id.is_nil()) return;
            names.refs[k] = IdTable::fingerprint(names.program_hash, ref.id);
            state_.ids().prefetch(names.refs[k]);
        });
    }

    std::array<Index, kBlock> members;
    size_t count = 0;
    const Paged<User>& users = state_.users();
    for (size_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i].record.malformed) continue;
        if (!std::holds_alternative<TransactionRecorded>(inputs[i].record.event.payload)) continue;
        const Thing buyer = state_.ids().find(names_[i].refs[0], [](Thing) { return true; });
        if (buyer.kind() != ThingKind::kUser) continue;
        members[count++] = static_cast<Index>(buyer.number());
        __builtin_prefetch(users.data() + buyer.number());
    }
    for (unsigned level = 1; level <= kMaxLevels && count > 0; ++level) {
        size_t kept = 0;
        for (size_t i = 0; i < count; ++i) {
            const User& user = users[members[i]];
            if (user.first_account != kNoIndex) __builtin_prefetch(state_.accounts().data() + user.first_account, 1);
            if (user.referrer == kNoIndex) continue;
            members[kept++] = user.referrer;
            __builtin_prefetch(users.data() + user.referrer);
        }
        count = kept;
    }
    for (size_t i = 0; i < count; ++i)
        if (const Index account = users[members[i]].first_account; account != kNoIndex)
            __builtin_prefetch(state_.accounts().data() + account, 1);
}

// The order of checks that all types share.
Result<Outcome> Core::decide(const Input& input, const Names& names) {
    if (input.record.malformed) return Outcome::kMalformed;
    const Event& event = input.record.event;
    entry_.id = event.id;
    entry_.type = event.type;
    entry_.program = event.program;
    entry_.occurred_at_us = event.occurred_at_us;

    const bool for_partition = event.type == static_cast<uint8_t>(EventType::kRulesActivated);
    if (!for_partition && partition_of(event.program, shard_.partition_count) != shard_.partition)
        return Outcome::kWrongPartition;

    resolved_.program = state_.find_program(event.program);
    resolved_.fingerprint = names.id;
    std::optional<Error> error;
    const Thing earlier = state_.find(resolved_.program, event.id, names.id, [&](Sequence sequence) {
        Result<bool> same = is_other(sequence, event);
        if (same.ok()) return *same;
        error = same.error();
        return true;
    });
    if (error) return *error;
    resolve_refs(event.payload, names);
    switch (earlier.kind()) {
        case ThingKind::kNone: break;
        case ThingKind::kUser: return duplicate_or_conflict(event, state_.users()[earlier.number()].sequence);
        case ThingKind::kWebsite: return duplicate_or_conflict(event, state_.websites()[earlier.number()].sequence);
        case ThingKind::kOther: return duplicate_or_conflict(event, earlier.number());
    }
    if (!rules_v1::has_rule(event.payload)) return Outcome::kUnknownType;
    // In 128 bits: a log's append time may be any number.
    if (event.occurred_at_us - Int128{input.append_time_ms} * 1000 > kFutureToleranceUs) return Outcome::kFromFuture;

    entry_.payload = event.payload;
    rules_v1::Draft draft{state_, std::max(state_.clock_us(), event.occurred_at_us), entry_, resolved_};
    const Outcome outcome = rules_v1::apply(event.payload, draft);
    if (outcome != Outcome::kAccepted) return outcome;
    return fits() ? Outcome::kAccepted : Outcome::kOutOfRange;
}

// A reference that is given but not known keeps kNoIndex and kNoSequence; the type's rule says what that means.
void Core::resolve_refs(const Payload& payload, const Names& names) {
    resolved_.refs.fill(kNoIndex);
    entry_.refs.fill(kNoSequence);
    size_t next = 0;
    for_each_ref(payload, [&]<class Ref>(const Ref& ref) {
        const size_t i = next++;
        if (ref.id.is_nil()) return;
        if constexpr (std::is_same_v<Ref, UserRef>) {
            resolved_.refs[i] = state_.find_user(resolved_.program, ref.id, names.refs[i]);
            if (resolved_.refs[i] != kNoIndex) entry_.refs[i] = state_.users()[resolved_.refs[i]].sequence;
        }
        if constexpr (std::is_same_v<Ref, WebsiteRef>) {
            resolved_.refs[i] = state_.find_website(resolved_.program, ref.id, names.refs[i]);
            if (resolved_.refs[i] != kNoIndex) entry_.refs[i] = state_.websites()[resolved_.refs[i]].sequence;
        }
    });
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

// Whether every account the draft posts to stays within int64. Sums are of all its postings to one account, for one
// person may hold several roles.
//
// Pending and available need no check of their own as long as nothing takes from available: both are then at least
// zero and at most their sum, which is what is checked, and which does not depend on how far maturity has been moved.
bool Core::fits() const {
    if (entry_.posting_count == 0) return true;
    const auto sum_of = [this](AccountKind kind, Index user) {
        Int128 sum = 0;
        for (size_t i = 0; i < entry_.posting_count; ++i)
            if (entry_.postings[i].account == kind && (user == kNoIndex || resolved_.users[i] == user))
                sum += entry_.postings[i].amount;
        return sum;
    };
    const Index book_index =
        resolved_.program == kNoIndex ? kNoIndex : state_.find_book(resolved_.program, entry_.currency);
    const Book book = book_index == kNoIndex ? Book{} : state_.books()[book_index];
    if (!comfortable(book.sales) || !comfortable(book.tax) || !comfortable(book.house)) {
        if (leaves_int64(book.sales + sum_of(AccountKind::kSales, kNoIndex)) ||
            leaves_int64(book.tax + sum_of(AccountKind::kTax, kNoIndex)) ||
            leaves_int64(book.house + sum_of(AccountKind::kHouse, kNoIndex)))
            return false;
    }
    for (size_t i = 0; i < entry_.posting_count; ++i) {
        if (!is_user_account(entry_.postings[i].account)) continue;
        const Index account_index = state_.find_account(resolved_.users[i], entry_.currency);
        if (account_index == kNoIndex) continue;
        const Account& account = state_.accounts()[account_index];
        const int64_t earned = account.pending + account.available;
        if (comfortable(earned)) continue;
        if (leaves_int64(earned + sum_of(AccountKind::kEarned, resolved_.users[i]))) return false;
    }
    return true;
}

Status Core::mature(uint64_t most) {
    UPLINE_TRY(for_each_mature(entries_, state_.matured_to(), state_.size(), state_.clock_us(), most,
                               [this](const Entry& entry) { return state_.mature(entry); }));
    return ok_status();
}

Result<std::span<const std::byte>> Core::entry_bytes(Sequence sequence) {
    if (batch_ && sequence >= batch_->first) return (*batch_)[sequence - batch_->first];
    return entries_.entry(sequence);
}

// Whether entry `sequence` is of this event's program and id. Only a repeated id, or one in 2^64, comes here.
Result<bool> Core::is_other(Sequence sequence, const Event& event) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entry_bytes(sequence));
    Entry entry;
    UPLINE_TRY(decode_entry(bytes, entry));
    return entry.id == event.id && entry.program == event.program;
}

}  // namespace upline
