// SPDX-License-Identifier: Apache-2.0
// One website: whose it is, whether it is published, what happened on it.
#pragma once

#include <cstdint>
#include <string>

#include "projectors/models/sites.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

struct WebsiteAnswer {
    std::string program;
    Uuid id;
    Sequence entry = 0;
    int64_t created_us = 0;
    Uuid owner;
    WebsiteStatus status{};
    SiteStats total;
};
// REQUIRES: a WebsiteCreated below the reader's position.
Result<WebsiteAnswer> query_website(LedgerReader& ledger, const Entry& entry);

// The status of a website before an entry; kNoSequence: now.
Result<WebsiteStatus> website_status(LedgerReader& ledger, Sequence website, Sequence before = kNoSequence);

}  // namespace upline
