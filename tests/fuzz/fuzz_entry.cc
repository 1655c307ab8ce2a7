// SPDX-License-Identifier: Apache-2.0
// Entries, as the database and proof files hold them: what decodes has just one form, and that is its bytes.
#include <algorithm>
#include <vector>

#include "ledger/core/closing.h"
#include "ledger/core/entry.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
    if (const auto balance = parse_balance_leaf(bytes))
        UPLINE_CHECK(std::ranges::equal(balance_leaf(*balance), bytes), "a balance's leaf has one form");

    Entry entry;
    if (!decode_entry(bytes, entry).ok()) return 0;
    std::vector<std::byte> written;
    append_entry(entry, written);
    UPLINE_CHECK(std::ranges::equal(written, bytes), "an entry has one form");
    const bool is_sale = entry.accepted() && std::holds_alternative<TransactionRecorded>(entry.payload);
    UPLINE_CHECK(is_accepted_sale(bytes) == is_sale, "a sale is known by two of its bytes");
    if (!entry.accepted()) return 0;
    for (const Posting& posting : entry.posted())
        UPLINE_CHECK(!account_name(posting.account).empty() && role_name(posting.role).size() < 16, "names for all");

    const std::span<const std::byte> facts = facts_of(bytes);
    const Event event{.id = entry.id,
                      .type = entry.type,
                      .program = entry.program,
                      .occurred_at_us = entry.occurred_at_us,
                      .payload = entry.payload};
    std::vector<std::byte> facts_written;
    append_facts(event, entry.refs, facts_written);
    UPLINE_CHECK(std::ranges::equal(facts_written, facts), "an entry's facts are those of its event");
    return 0;
}
