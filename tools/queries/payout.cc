// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/payout.h"

#include <fmt/format.h>

#include "projectors/models/references.h"

namespace upline {

Result<PayoutAnswer> query_payout(LedgerReader& ledger, const Entry& entry) {
    const auto& request = std::get<PayoutRequested>(entry.payload);
    PayoutAnswer answer{.program = std::string(entry.program),
                        .id = entry.id,
                        .entry = entry.sequence,
                        .occurred_us = entry.occurred_at_us,
                        .amount = request.amount.value,
                        .currency = request.currency,
                        .method = std::string(request.method)};
    UPLINE_TRY_ASSIGN(answer.user, ledger.id_of(entry.refs[0]));
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    std::vector<Sequence> results;
    UPLINE_TRY(read_references(*references, ReferenceKind::kPayoutResult, entry.sequence, [&](const Reference& result) {
        results.push_back(result.by);
        return true;
    }));
    Entry result;
    for (const Sequence sequence : results) {
        UPLINE_TRY(ledger.read(sequence, result));
        const auto* settled = std::get_if<PayoutSettled>(&result.payload);
        const auto* failed = std::get_if<PayoutFailed>(&result.payload);
        if (!settled && !failed)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {} is no result of a payout: run `upline verify`", sequence)};
        answer.results.push_back({sequence, result.id, result.occurred_at_us, settled != nullptr,
                                  std::string(settled ? settled->provider_ref.value_or("") : failed->reason)});
        answer.status = settled ? PayoutStatus::kSettled : PayoutStatus::kFailed;
    }
    return answer;
}

}  // namespace upline
