// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/sale.h"

namespace upline {

Sale sale_of(const Entry& entry) {
    const auto& event = std::get<TransactionRecorded>(entry.payload);
    constexpr size_t kCreator = 2;
    Sale sale{.amount = event.amount.value, .tax = event.tax.value, .has_creator = entry.refs[kCreator] != kNoSequence};
    for (const Posting& posting : entry.posted()) {
        if (posting.role == Role::kWebsite) sale.website_bonus_owed = true;
        if (is_level(posting.role)) sale.upline_size = static_cast<uint8_t>(posting.role);
    }
    return sale;
}

bool is_possible(const Sale& sale, int64_t left) {
    return sale.amount > 0 && sale.amount <= kAmountCap && sale.tax >= 0 && sale.tax <= sale.amount && left >= 0 &&
           left <= sale.amount;
}

int64_t part_of(const Split& split, Role role) {
    if (is_level(role)) return split.levels[static_cast<size_t>(role) - 1];
    if (role == Role::kCreator) return split.creator;
    return role == Role::kWebsite ? split.website : 0;
}

}  // namespace upline
