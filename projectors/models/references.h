// SPDX-License-Identifier: Apache-2.0
// The references read model: which entries name an earlier one, so that "who was referred by this user", "which
// payouts were requested", "what became of this payout" are answered by rows in a range of keys.
//
// Key:  u8 kind, the entry that is named (40 bits), the entry that names it (40 bits), zeros, big-endian
//
// clang-format off: a table
//    kind                 named: the entry of         it is named by                 counters
//     1 referral          the referrer                UserSignedUp                   1
//     2 website           the owner                   WebsiteCreated                 1
//     3 website status    the website                 WebsiteStatusChanged           WebsiteStatus
//     4 refund            the sale                    TransactionRefunded            amount
//     5 payout            the user                    PayoutRequested                amount, currency, id (2 x 64 bits)
//     6 payout result     the PayoutRequested         PayoutSettled, PayoutFailed    1 settled, 2 failed
//     7 suspension        the user                    UserSuspended, UserReinstated  1 suspended, 2 reinstated
//     8 adjustment        the user                    AdjustmentPosted               amount, currency
//     9 plan              the program's first entry   PlanPublished                  1
//    10 program           40 bits of the name's hash  the program's first entry      1
// clang-format on
//
// Only accepted entries stand here. Sales and website activity are left out: there are too many of them, and the other
// models sum them up.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

std::unique_ptr<Model> references_model();

// Numbers are stored: see Model::layout().
enum class ReferenceKind : uint8_t {
    kReferral = 1,
    kWebsite = 2,
    kWebsiteStatus = 3,
    kRefund = 4,
    kPayout = 5,
    kPayoutResult = 6,
    kSuspension = 7,
    kAdjustment = 8,
    kPlan = 9,
    kProgram = 10,
};
inline constexpr ReferenceKind kLastReferenceKind = ReferenceKind::kProgram;

struct Reference {
    Sequence named = kNoSequence;
    Sequence by = kNoSequence;
    std::array<int64_t, 4> counters{};  // as above

    int64_t amount() const { return counters[0]; }  // minor units, of a refund, payout or adjustment
    Currency currency() const;                      // of a payout or adjustment
    Uuid payout_id() const;
    WebsiteStatus website_status() const { return static_cast<WebsiteStatus>(counters[0]); }
    bool is_settled() const { return counters[0] == 1; }    // of a payout result; else failed
    bool is_suspended() const { return counters[0] == 1; }  // of a suspension; else reinstated
};

// Calls row(reference) for each reference of a kind, by the entry that is named, then by the one that names it, both
// ascending, until it returns false; to one entry if one is given. kCorrupt for a row that cannot be read.
Status read_references(Table& table, ReferenceKind kind, std::optional<Sequence> named,
                       const std::function<bool(const Reference&)>& row);
// The newest references to an entry, at most so many, the newest first; only those by entries below `before`.
Result<std::vector<Reference>> newest_references(Table& table, ReferenceKind kind, Sequence named, size_t most,
                                                 Sequence before = kNoSequence);
// The first accepted entry of a program, by which plans name it. `entries` is asked for it; none if there is none.
Result<std::optional<Sequence>> find_program(Table& table, EntrySource& entries, std::string_view name);

}  // namespace upline
