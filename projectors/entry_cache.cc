// SPDX-License-Identifier: Apache-2.0
#include "projectors/entry_cache.h"

#include <fmt/format.h>

#include "ledger/core/sale.h"

namespace upline {

Result<const Entry*> EarlierEntries::entry(Sequence sequence) {
    UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries_.entry(sequence));
    bytes_.assign(bytes.begin(), bytes.end());
    const Status decoded = decode_entry(bytes_, entry_);
    if (!decoded.ok())
        return Error{decoded.error().code, fmt::format("entry {}: {}", sequence, decoded.error().message)};
    return &entry_;
}

Result<const Entry*> EarlierEntries::sale(Sequence sequence) {
    UPLINE_TRY_ASSIGN(const Entry* found, entry(sequence));
    const auto* facts = std::get_if<TransactionRecorded>(&found->payload);
    if (!facts || !is_possible(sale_of(*found), facts->amount.value))
        return Error{ErrorCode::kCorrupt, fmt::format("entry {}: is no accepted sale", sequence)};
    return found;
}

Result<const Plan*> EarlierEntries::plan(uint64_t number) {
    if (number == 0) return &kDefaultPlan;
    if (const auto known = plans_.find(number); known != plans_.end()) return &known->second;
    UPLINE_TRY_ASSIGN(const Entry* found, entry(number - 1));
    const auto* facts = std::get_if<PlanPublished>(&found->payload);
    if (!facts) return Error{ErrorCode::kCorrupt, fmt::format("entry {}: published no plan", number - 1)};
    return &plans_.emplace(number, plan_of(*facts)).first->second;
}

}  // namespace upline
