// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/sale.h"

#include "ledger/store/ledger_reader.h"
#include "projectors/models/references.h"

namespace upline {

Result<SaleAnswer> query_sale(LedgerReader& ledger, const Entry& entry) {
    const auto& sale = std::get<TransactionRecorded>(entry.payload);
    SaleAnswer answer{.program = std::string(entry.program),
                      .id = entry.id,
                      .entry = entry.sequence,
                      .occurred_us = entry.occurred_at_us,
                      .amount = sale.amount.value,
                      .tax = sale.tax.value,
                      .currency = entry.currency,
                      .source = sale.source,
                      .stream = sale.stream,
                      .maturity_us = entry.maturity_us,
                      .mature = entry.maturity_us <= ledger.position().clock_us,
                      .left = sale.amount.value};
    UPLINE_TRY_ASSIGN(answer.place, read_location(ledger.store(), entry.sequence));
    UPLINE_TRY_ASSIGN(answer.buyer, ledger.user_text(entry.refs[0]));
    for (const Posting& posting : entry.posted()) {
        answer.postings.push_back({posting.account, posting.role, "", posting.amount});
        if (!is_user_account(posting.account)) continue;
        UPLINE_TRY_ASSIGN(answer.postings.back().user, ledger.user_text(posting.user));
    }
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY(read_references(*references, ReferenceKind::kRefund, entry.sequence, [&](const Reference& refund) {
        wrapping_add(answer.left, -refund.amount());
        return true;
    }));
    return answer;
}

}  // namespace upline
