// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/entry_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "events/base/int128.h"
#include "ledger/core/rules.h"
#include "tools/audit/state_checks.h"

namespace upline {
namespace {

// The id of what a reference names, nullptr if no entry made it. No case for the rest: a kind of reference without one
// here does not compile.
struct IdOfNamed {
    const ExpectedPostings& known;
    const Entry* sale;
    Sequence sequence;

    const Uuid* operator()(const UserRef&) const { return id_of(known.user(sequence)); }
    const Uuid* operator()(const WebsiteRef&) const { return id_of(known.website(sequence)); }
    const Uuid* operator()(const PayoutRef&) const { return id_of(known.payout(sequence)); }
    const Uuid* operator()(const TransactionRef&) const { return id_of(sale && is_sale(*sale) ? sale : nullptr); }

    static const Uuid* id_of(const auto* named) { return named ? &named->id : nullptr; }
};

}  // namespace

EntryChecks::EntryChecks(const AuditedLedger& ledger, bool with_log, CheckpointRoots& checkpoint_roots)
    : ledger_(ledger),
      with_log_(with_log),
      checkpoint_roots_(checkpoint_roots),
      named_source_(ledger.store.point_reader()),
      expected_postings_(ledger.versions.judged),
      stored_tiles_(ledger.store) {
    checkpoint_roots_.note(tree_);  // for a ledger without entries
}

void EntryChecks::check(Chunk& chunk) {
    chunk.error.reset();
    const Status checked = check_chunk(chunk);
    if (!checked.ok()) chunk.error = checked.error();
}

Status EntryChecks::check_chunk(Chunk& chunk) {
    chunk.books_wrong.reset();
    chunk.findings.clear();
    chunk.names_nobody.reset();
    chunk.open_leaves.reset();
    if (chunk.first == ledger_.state_size()) chunk.books_wrong = compare_balances(books_, *ledger_.state);
    constexpr size_t kAhead = 64;
    const std::span<const Entry> entries(chunk.entries.get(), chunk.decoded);
    // After a wrong entry only the others' places in the tree can still be judged.
    for (size_t i = 0; i < chunk.decoded && !chunk.findings.first_wrong_entry(); ++i) {
        if (i % kAhead == 0) {
            const auto some = entries.subspan(i, std::min(kAhead, entries.size() - i));
            expected_postings_.prefetch(some);
            books_.prefetch(some);
        }
        UPLINE_TRY(check_entry(chunk, i));
    }
    if (chunk.undecodable && !chunk.findings.first_wrong_entry())
        chunk.findings.add(chunk.first + chunk.decoded, chunk.undecodable->message);
    if (chunk.unreadable) UPLINE_TRY(chunk.findings.add_or_fail(chunk.first + chunk.ends.size(), *chunk.unreadable));
    return check_leaves(chunk);
}

Status EntryChecks::check_entry(Chunk& chunk, size_t i) {
    const Sequence sequence = chunk.first + i;
    const Entry& entry = chunk.entries[i];
    ++outcomes_[static_cast<size_t>(entry.outcome)];
    Findings& findings = chunk.findings;
    const std::span<const Rules> versions = ledger_.versions.executed;
    if (!find_rules(versions, rules_version_)) return unknown_rules(rules_version_, versions);
    if (entry.sequence != sequence) {
        findings.add(sequence, fmt::format("entry {} stands in its place", entry.sequence));
        return ok_status();
    }
    if (entry.rules_version != rules_version_) {
        findings.add(sequence, fmt::format("rules version {}, in force is {}", entry.rules_version, rules_version_));
        return ok_status();
    }
    const int64_t clock = entry.accepted() ? std::max(clock_us_, entry.occurred_at_us) : clock_us_;
    if (entry.clock_us != clock) {
        findings.add(sequence, fmt::format("clock is {}, the entries before it give {}", entry.clock_us, clock));
        return ok_status();
    }
    clock_us_ = clock;
    last_record_sha256_ = entry.record_sha256;
    if (!entry.accepted()) return ok_status();
    Int128 sum = 0;
    for (const Posting& posting : entry.posted()) sum += posting.amount;
    if (sum != 0) findings.add(sequence, fmt::format("its postings sum to {} and not to zero", sum));
    const Entry* sale = nullptr;
    if (std::holds_alternative<TransactionRefunded>(entry.payload)) {
        UPLINE_TRY_ASSIGN(sale, read_named(entry.refs[0]));
    }
    if (auto wrong = expected_postings_.check(entry, sale)) findings.add(sequence, std::move(*wrong));
    if (!with_log_ && !chunk.names_nobody && !give_ids(entry, sale, chunk.inputs[i].record.event.payload))
        chunk.names_nobody = i;
    expected_postings_.learn(entry);
    books_.post(entry);
    if (std::holds_alternative<BooksClosed>(entry.payload))
        if (auto wrong = books_.check_closing(entry, expected_postings_)) findings.add(sequence, std::move(*wrong));
    if (const auto* activated = std::get_if<RulesActivated>(&entry.payload)) rules_version_ = activated->version;
    return ok_status();
}

Result<const Entry*> EntryChecks::read_named(Sequence sequence) {
    const Result<std::span<const std::byte>> bytes = named_source_->entry(sequence);
    if (!bytes.ok() && bytes.error().code == ErrorCode::kUnavailable) return bytes.error();
    return bytes.ok() && decode_entry(*bytes, named_).ok() ? &named_ : nullptr;
}

// Gives facts the ids of what the entry names. Returns whether earlier entries made it all.
bool EntryChecks::give_ids(const Entry& entry, const Entry* sale, Payload& payload) const {
    size_t next = 0;
    bool known = true;
    for_each_ref(payload, [&](auto& ref) {
        const Sequence sequence = entry.refs[next++];
        if (sequence == kNoSequence) return;
        const Uuid* id = IdOfNamed{expected_postings_, sale, sequence}(ref);
        known = known && id != nullptr && sequence < entry.sequence;
        if (id) ref.id = *id;
    });
    return known;
}

// Appends the leaves to the tree, whole tiles at once, and checks the tiles that become full.
Status EntryChecks::check_leaves(Chunk& chunk) {
    size_t tile = 0;
    for (size_t i = 0; i < chunk.leaves.size();) {
        checkpoint_roots_.note(tree_);
        const bool whole = chunk.is_whole_tile(i);
        if (whole && !checkpoint_roots_.has_one_below(tree_.size() + kAuditTileWidth)) {
            tree_.append_tile(std::span(chunk.leaves).subspan(i, kAuditTileWidth), chunk.tile_roots[tile++]);
            i += kAuditTileWidth;
        } else {
            if (whole) ++tile;  // its root is computed again, because a checkpoint ends within it
            tree_.append(chunk.leaves[i++]);
        }
    }
    checkpoint_roots_.note(tree_);
    if (tree_.size() % kAuditTileWidth != 0) chunk.open_leaves = tree_.partial_tiles().front();
    return check_tiles(tree_.take_full_tiles(), stored_tiles_, ledger_.head.size, chunk.findings);
}

Status EntryChecks::check_remaining_tiles(Findings& findings) {
    UPLINE_TRY(check_tiles(tree_.partial_tiles(), stored_tiles_, ledger_.head.size, findings));
    return findings.add_if_any(stored_tiles_.find_stray_key());
}

}  // namespace upline
