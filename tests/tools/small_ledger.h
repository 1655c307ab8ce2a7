// SPDX-License-Identifier: Apache-2.0
// A ledger with something in every family of the database, small enough to be tried bit by bit; and two checkpoints.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "events/record_writer.h"
#include "tests/tools/ledgers.h"
#include "tools/transparency/checkpoints.h"

namespace upline {

namespace fs = std::filesystem;

// Two batches, so that there are two pages of entries and of offsets; a line without "{" is a record of those bytes.
// NOLINTBEGIN(bugprone-suspicious-missing-comma): what is too long for a line goes on in the next
inline const std::vector<std::string> kFirstBatch = {
    R"({"id": "ada", "type": "UserSignedUp", "occurred_at": "2026-01-01T00:00:00Z"})",
    R"({"id": "ben", "type": "UserSignedUp", "occurred_at": "2026-01-01T00:00:01Z", "referrer": "ada"})",
    R"({"id": "site", "type": "WebsiteCreated", "occurred_at": "2026-01-01T00:00:02Z", "owner": "ada"})",
    R"({"id": "open", "type": "WebsiteStatusChanged", "occurred_at": "2026-01-01T00:00:03Z", "website": "site", )"
    R"("status": "published"})",
    R"({"id": "plan", "type": "PlanPublished", "occurred_at": "2026-01-01T00:00:04Z", "level_rates": [3000, 1000], )"
    R"("website_bonus": 250, "creator_share": 2500, "hold_days": 10, "minimum_payout": "2.5"})",
    R"({"id": "click", "type": "WebsiteActivity", "occurred_at": "2026-01-01T00:00:05Z", "website": "site", )"
    R"("widget": "referral_banner", "kind": "click", "visitor": "0123456789abcdef"})",
    R"({"id": "early", "type": "TransactionRecorded", "occurred_at": "2026-01-02T00:00:00Z", "buyer": "ben", )"
    R"("amount": "119.00", "tax": "19.00", "currency": "USD", "source": "website", "stream": "subscription_tiers", )"
    R"("website": "site"})",
    R"({"id": "prize", "type": "AdjustmentPosted", "occurred_at": "2026-01-03T00:00:00Z", "user": "ben", )"
    R"("amount": "20.00", "currency": "USD", "reason": "a prize"})",
    R"({"id": "ben", "type": "UserSignedUp", "occurred_at": "2026-01-01T00:00:01Z", "referrer": "ada"})",
    "no event",
    R"({"id": "prize to nobody", "type": "AdjustmentPosted", "occurred_at": "2026-01-03T00:00:00Z", "user": "eve", )"
    R"("amount": "20.00", "currency": "USD", "reason": "a prize"})",
};
inline const std::vector<std::string> kSecondBatch = {
    R"({"id": "part back", "type": "TransactionRefunded", "occurred_at": "2026-01-04T00:00:00Z", )"
    R"("transaction": "early", "amount": "40.00", "currency": "USD", "reason": "refund"})",
    // Ten days on: what was earned of the first sale is available now.
    R"({"id": "late", "type": "TransactionRecorded", "occurred_at": "2026-01-14T00:00:00Z", "buyer": "ben", )"
    R"("amount": "50.00", "currency": "USD", "source": "platform", "stream": "subscription_tiers"})",
    R"({"id": "payout", "type": "PayoutRequested", "occurred_at": "2026-01-14T00:00:01Z", "user": "ben", )"
    R"("amount": "15.00", "currency": "USD", "method": "bank"})",
    R"({"id": "paid", "type": "PayoutSettled", "occurred_at": "2026-01-14T00:00:02Z", "payout": "payout"})",
    R"({"id": "closing", "type": "BooksClosed", "occurred_at": "2026-01-15T00:00:00Z", "period": "2026-01"})",
    R"({"id": "ada", "type": "UserSignedUp", "occurred_at": "2026-01-15T00:00:01Z", "program": "shop"})",
    R"({"id": "closing", "type": "BooksClosed", "occurred_at": "2026-01-15T00:00:02Z", "program": "shop"})",
    R"({"id": "stop", "type": "UserSuspended", "occurred_at": "2026-01-15T00:00:03Z", "user": "ada"})",
};
// NOLINTEND(bugprone-suspicious-missing-comma)
inline constexpr Sequence kClosing = 15;       // of the program "default", which is the first
inline constexpr Sequence kShopsClosing = 17;  // of one that has no balances
inline constexpr uint64_t kFirstSize = 11;
inline constexpr uint64_t kSize = 19;

inline void append_records(const fs::path& folder, const std::vector<std::string>& lines, int64_t append_time_ms) {
    const auto log = take(open_log(file_url(folder), {.properties = {}, .create_with_partitions = 1}));
    const auto writer = take(log->open_writer());
    EventParser parser({.ids = IdForm::kUuid5});
    RecordWriter records;
    for (const std::string& line : lines) {
        if (line.front() != '{') {
            take(writer->append("default", std::as_bytes(std::span(line)), append_time_ms++));
            continue;
        }
        const Event event = take(parser.parse(line));
        take(writer->append(event.program, records.encode(event), append_time_ms++));
    }
    take(writer->flush());
}

inline note::SigningKey key_of(std::string name, uint8_t seed, note::KeyType type) {
    note::SigningKey key{std::move(name), type, {}};
    key.seed.fill(std::byte{seed});
    return key;
}
inline note::SigningKey log_key() {
    return key_of(origin_of("log.example", 0), 1, note::KeyType::kEd25519);
}
inline note::SigningKey witness_key() {
    return key_of("witness.example", 2, note::KeyType::kCosignature);
}

// The log, its ledger, and two checkpoints, the second of them with a witness's signature.
struct SmallLedger {
    // The first batch goes into the families of its own that many entries at once go into, if `ingested`.
    explicit SmallLedger(const std::vector<std::string>& first_batch = kFirstBatch, bool ingested = false) {
        Checkpoints checkpoints(data, 0);
        const auto feed_and_sign = [&](const ShardOptions& options = {}) {
            feed_folder(log, data, options);
            const auto store = take(Store::open(data / "partition-00000", Store::Access::kWrite));
            return take(checkpoints.sign(*store, log_key()));
        };
        append_records(log, first_batch, kAppendTimeMs);
        feed_and_sign(ingested ? ShardOptions{.ingest_bytes = 1} : ShardOptions{});
        append_records(log, kSecondBatch, kAppendTimeMs + 5000);
        const SignedCheckpoint last = feed_and_sign();
        take(checkpoints.add_signature(kSize, note::sign(last.note.text, witness_key(), 1'770'000'000)));
    }
    TemporaryFolder folder;
    fs::path log = folder.path() / "log";
    fs::path data = folder.path() / "data";
};
inline const SmallLedger& small_ledger() {
    static const SmallLedger ledger;
    return ledger;
}
inline const SmallLedger& ingested_ledger() {
    static const SmallLedger ledger(kFirstBatch, true);
    return ledger;
}

}  // namespace upline
