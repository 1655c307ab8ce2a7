// SPDX-License-Identifier: Apache-2.0
// The payouts read model: what each user has earned, by what, and when it can be paid.
//
// Key:  u8 1, user (40 bits: the sequence of its signup), currency (3 letters), zeros, big-endian
// Counters: 0 to 35 are balances and earnings (payouts.cc numbers them); 64 + d is what of pending matures on UTC day d
// since 1970-01-01, and gone when it has.
//
// Key:  u8 2, sale (40 bits: the sequence of its entry), zeros
// Counter 0: what of a sale was refunded while its commissions are held; gone when they mature.
//
// A sale's commissions are pending until they are mature at the ledger clock of the model's position, then available:
// as in the ledger's own balances, which these are at the same position.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ledger/core/sale.h"
#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

inline constexpr size_t kSources = 3;   // of facts.h's Source
inline constexpr size_t kStreams = 18;  // of facts.h's Stream

std::unique_ptr<Model> payouts_model();

// Amounts in minor units. Earnings are of all time and by what earned them, less what refunds took back; paying them
// out takes nothing away.
struct Payouts {
    Sequence user = kNoSequence;  // of its signup
    Currency currency{};
    int64_t pending = 0;
    int64_t available = 0;
    int64_t reserved = 0;
    int64_t paid = 0;
    int64_t sales = 0;                           // how many earned this user something
    std::array<int64_t, kMaxLevels> by_level{};  // [0]: level 1
    int64_t as_creator = 0;
    int64_t as_website_owner = 0;
    int64_t adjusted = 0;
    std::array<int64_t, kSources> by_source{};  // by index_of(Source)
    std::array<int64_t, kStreams> by_stream{};  // by index_of(Stream)
    struct Maturing {
        int64_t day = 0;  // since 1970-01-01
        int64_t amount = 0;
        friend bool operator==(const Maturing&, const Maturing&) = default;
    };
    std::vector<Maturing> maturing{};  // ascending days; sums to pending
};

// Calls row(payouts) for each user and currency, ascending, until it returns false; of one user if one is given.
// kCorrupt for a row that cannot be read.
Status read_payouts(Table& table, std::optional<Sequence> user, const std::function<bool(const Payouts&)>& row);

}  // namespace upline
