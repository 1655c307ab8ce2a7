// SPDX-License-Identifier: Apache-2.0
#include "projectors/entry_cache.h"

#include <fmt/format.h>

namespace upline {

namespace {

Status decode(std::span<const std::byte> bytes, Sequence sequence, Entry& entry) {
    Status decoded = decode_entry(bytes, entry);
    if (decoded.ok()) return decoded;
    return Error{decoded.error().code, fmt::format("entry {}: {}", sequence, decoded.error().message)};
}

}  // namespace

Result<const Entry*> EntryCache::entry(Sequence sequence) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries_.entry(sequence));
    bytes_.assign(bytes.begin(), bytes.end());
    UPLINE_TRY(decode(bytes_, sequence, entry_));
    return &entry_;
}

Result<const Entry*> EntryCache::sale(Sequence sequence) {
    UPLINE_TRY_ASSIGN(const Entry* found, entry(sequence));
    const auto* facts = std::get_if<TransactionRecorded>(&found->payload);
    if (!facts || !is_possible(sale_of(*found), facts->amount.value))
        return Error{ErrorCode::kCorrupt, fmt::format("entry {}: is no accepted sale", sequence)};
    return found;
}

Result<SaleTerms> EntryCache::terms_of(const Entry& sale, int64_t left) {
    SaleTerms terms{.sale = sale_of(sale)};
    if (!is_possible(terms.sale, left)) return impossible_sale(sale, left);
    UPLINE_TRY_ASSIGN(terms.rules, rules_of(sale, versions_));
    UPLINE_TRY_ASSIGN(terms.plan, plan(sale.plan, *terms.rules));
    return terms;
}

Result<const Plan*> EntryCache::plan(uint64_t number, const Rules& rules) {
    if (number == 0) return &rules.default_plan;
    if (const auto known = plans_.find(number); known != plans_.end()) return &known->second;
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries_.entry(number - 1));
    Entry found;
    UPLINE_TRY(decode(bytes, number - 1, found));
    UPLINE_TRY_ASSIGN(const Rules* rules_then, rules_of(found, versions_));
    const auto* facts = std::get_if<PlanPublished>(&found.payload);
    const std::optional<Plan> plan = facts ? rules_then->plan_of(*facts) : std::nullopt;
    if (!plan) return Error{ErrorCode::kCorrupt, fmt::format("entry {}: published no plan", number - 1)};
    return &plans_.emplace(number, *plan).first->second;
}

}  // namespace upline
