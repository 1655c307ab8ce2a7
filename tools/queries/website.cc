// SPDX-License-Identifier: Apache-2.0
#include "tools/queries/website.h"

#include "projectors/models/references.h"

namespace upline {

Result<WebsiteStatus> website_status(LedgerReader& ledger, Sequence website, Sequence before) {
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY_ASSIGN(const auto last,
                      newest_references(*references, ReferenceKind::kWebsiteStatus, website, 1, before));
    return last.empty() ? WebsiteStatus::kDraft : last.front().website_status();
}

Result<WebsiteAnswer> query_website(LedgerReader& ledger, const Entry& entry) {
    WebsiteAnswer answer{.program = std::string(entry.program),
                         .id = entry.id,
                         .entry = entry.sequence,
                         .created_us = entry.occurred_at_us};
    UPLINE_TRY_ASSIGN(answer.owner, ledger.id_of(entry.refs[0]));
    UPLINE_TRY_ASSIGN(answer.status, website_status(ledger, entry.sequence));
    UPLINE_TRY_ASSIGN(Table * sites, ledger.rows(sites_model));
    UPLINE_TRY(read_sites(*sites, entry.sequence, [&](const Site& site) {
        answer.total = site.total;
        return true;
    }));
    return answer;
}

}  // namespace upline
