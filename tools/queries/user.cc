// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/user.h"

#include <algorithm>

#include "projectors/models/references.h"

namespace upline {

Result<std::vector<Uuid>> upline_of(LedgerReader& ledger, const Entry& signup) {
    std::vector<Uuid> upline;
    Entry entry;
    for (Sequence next = signup.refs[0]; next != kNoSequence && upline.size() < kMaxLevels; next = entry.refs[0]) {
        UPLINE_TRY(ledger.read_user(next, entry));
        upline.push_back(entry.id);
    }
    return upline;
}

Result<bool> is_suspended(LedgerReader& ledger, Sequence user) {
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY_ASSIGN(const auto last, newest_references(*references, ReferenceKind::kSuspension, user, 1));
    return !last.empty() && last.front().is_suspended();
}

Result<PayoutStatus> payout_status(LedgerReader& ledger, Sequence request) {
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY_ASSIGN(const auto last, newest_references(*references, ReferenceKind::kPayoutResult, request, 1));
    if (last.empty()) return PayoutStatus::kRequested;
    return last.front().is_settled() ? PayoutStatus::kSettled : PayoutStatus::kFailed;
}

Result<std::vector<CurrencyBalances>> balances_of(LedgerReader& ledger, Table& payouts, Sequence user) {
    std::vector<CurrencyBalances> balances;
    UPLINE_TRY(read_payouts(payouts, user, [&](const Payouts& row) {
        balances.push_back({row.currency, {row.pending, row.available, row.reserved, row.paid}});
        return true;
    }));
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY(read_references(*references, ReferenceKind::kAdjustment, user, [&](const Reference& adjustment) {
        const Currency currency = adjustment.currency();
        const auto at = std::ranges::lower_bound(balances, currency, {}, &CurrencyBalances::currency);
        if (at == balances.end() || at->currency != currency) balances.insert(at, {currency, {}});
        return true;
    }));
    return balances;
}

Result<UserAnswer> query_user(LedgerReader& ledger, const Entry& signup) {
    constexpr size_t kShown = 20;
    UserAnswer answer{.program = std::string(signup.program),
                      .id = signup.id,
                      .entry = signup.sequence,
                      .signed_up_us = signup.occurred_at_us};
    UPLINE_TRY_ASSIGN(answer.suspended, is_suspended(ledger, signup.sequence));
    UPLINE_TRY_ASSIGN(answer.upline, upline_of(ledger, signup));
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    std::vector<Sequence> referred;
    UPLINE_TRY(read_references(*references, ReferenceKind::kReferral, signup.sequence, [&](const Reference& referral) {
        if (++answer.direct_referrals <= kShown) referred.push_back(referral.by);
        return true;
    }));
    for (const Sequence user : referred) {
        UPLINE_TRY_ASSIGN(const Uuid id, ledger.id_of(user));
        answer.first_referrals.push_back(id);
    }
    UPLINE_TRY_ASSIGN(Table * payouts, ledger.rows(payouts_model));
    UPLINE_TRY(read_payouts(*payouts, signup.sequence, [&](const Payouts& row) {
        answer.earnings.push_back(row);
        return true;
    }));
    UPLINE_TRY_ASSIGN(answer.balances, balances_of(ledger, *payouts, signup.sequence));
    UPLINE_TRY_ASSIGN(const auto requests,
                      newest_references(*references, ReferenceKind::kPayout, signup.sequence, kShown));
    for (const Reference& request : requests) {
        UPLINE_TRY_ASSIGN(const PayoutStatus status, payout_status(ledger, request.by));
        answer.payouts.push_back({request.by, request.payout_id(), request.amount(), request.currency(), status});
    }
    return answer;
}

}  // namespace upline
