// SPDX-License-Identifier: Apache-2.0
// For tests: rules versions of releases there are not yet, and logs with events of every type to run under them.
//
//   version 1  as it is, but that AdjustmentPosted is a type of later releases
//   version 2  knows AdjustmentPosted, and takes no sale below one hundred minor units
//   version 3  reads no payload above type 12, so that AdjustmentPosted is unknown again. A version to come will read
//              more than the one before; but there is no payload yet that only it could read, so this one reads less:
//              either way a record must be read under the version in force at its place in the log.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/check.h"
#include "events/json_reader.h"
#include "events/record_writer.h"
#include "events/values/time.h"
#include "ledger/core/core.h"
#include "ledger/core/rules.h"
#include "ledger/core/rules_v1.h"
#include "tests/ledger/core/short_ids.h"

namespace upline::testing {

inline bool knows_no_adjustments(const Payload& payload) {
    return !std::holds_alternative<AdjustmentPosted>(payload) && rules_v1::has_rule(payload);
}

inline Result<Outcome> takes_no_small_sales(const Payload& payload, Draft& draft) {
    const auto* sale = std::get_if<TransactionRecorded>(&payload);
    if (sale && sale->amount.value < 100) return Outcome::kInvalid;
    return rules_v1::apply(payload, draft);
}

inline constexpr std::array<Rules, 3> kLaterVersions = [] {
    Rules first = rules_v1::kRules;
    first.has_rule = knows_no_adjustments;
    Rules second = rules_v1::kRules;
    second.version = 2;
    second.apply = takes_no_small_sales;
    Rules third = second;
    third.version = 3;
    third.last_type = 12;
    return std::array{first, second, third};
}();
// A release that knows the first so many of them.
inline std::span<const Rules> release(size_t versions) {
    return std::span(kLaterVersions).first(versions);
}

using RecordBytes = std::vector<std::byte>;

// After every event of the logs below.
inline const int64_t kAppendedMs = *parse_time("2026-02-01T00:00:00Z") / 1000;

// The record of an event; ids are short names, `fields` what its type has, as JSON.
inline RecordBytes record_of_event(std::string_view type, std::string_view id, std::string_view fields = "",
                                   std::string_view time = "2025-12-01T00:00:00Z") {
    EventParser parser;
    const std::string line = fmt::format(R"({{"id": "{}", "type": "{}", "occurred_at": "{}"{}{}}})", id, type, time,
                                         fields.empty() ? "" : ", ", fields);
    const Result<Event> event = parser.parse(with_uuids(line));
    UPLINE_CHECK(event.ok(), "an event");
    RecordWriter writer;
    const std::span<const std::byte> record = writer.encode(*event);
    return {record.begin(), record.end()};
}

inline RecordBytes activation(unsigned version, std::string_view id = "activation",
                              std::string_view time = "2025-12-01T00:00:00Z") {
    return record_of_event("RulesActivated", fmt::format("{}-{}", id, version),
                           fmt::format(R"("version": {})", version), time);
}

// An adjustment that cannot be read: its reason is not UTF-8. Where the type is unknown nobody looks.
inline RecordBytes unreadable_adjustment(std::string_view id) {
    Event event;
    event.id = short_id(id);
    event.type = static_cast<uint8_t>(EventType::kAdjustmentPosted);
    AdjustmentPosted payload;
    payload.user.id = short_id("u0");
    payload.amount.value = 1;
    payload.currency = *parse_currency("USD");
    payload.reason = "caf\xe9";
    event.occurred_at_us = 1;
    event.payload = payload;
    RecordWriter writer;
    const std::span<const std::byte> record = writer.encode(event);
    return {record.begin(), record.end()};
}

// A log of all types, one event each twenty minutes: people who refer each other, sites, sales from 0.50 to 100.00,
// refunds, plans, payouts and what becomes of them, adjustments, some of which cannot be read; no RulesActivated. Ids
// are used again now and then.
inline std::vector<RecordBytes> mixed_records(size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&random](size_t bound) { return static_cast<size_t>(random() % bound); };
    std::vector<RecordBytes> records;
    size_t users = 0;
    size_t sites = 0;
    size_t sales = 0;
    size_t payouts = 0;
    for (size_t i = 0; i < count; ++i) {
        const std::string time =
            format_time(*parse_time("2025-12-01T00:00:00Z") + static_cast<int64_t>(i) * 1'200'000'000);
        const std::string id = fmt::format("e{}", below(20) == 0 ? below(i + 1) : i);
        const auto add = [&](std::string_view type, std::string_view name, const std::string& fields) {
            records.push_back(record_of_event(type, name, fields, time));
        };
        const std::string user = fmt::format("u{}", below(users + 1));
        const std::string amount = fmt::format(R"("amount": "{}.{}0", "currency": "USD")", below(30), below(10));
        const size_t kind = i == 0 ? 0 : i == 1 ? 7 : below(26);
        if (kind < 4) {
            add("UserSignedUp", fmt::format("u{}", users),
                users == 0 ? "" : fmt::format(R"("referrer": "u{}")", below(std::min<size_t>(users, 4))));
            ++users;
        } else if (kind == 4) {
            add("WebsiteCreated", fmt::format("w{}", sites++), fmt::format(R"("owner": "{}")", user));
        } else if (kind == 5) {
            add("WebsiteStatusChanged", id,
                fmt::format(R"("website": "w{}", "status": "published")", below(sites + 1)));
        } else if (kind == 6) {
            add("WebsiteActivity", id,
                fmt::format(R"("website": "w{}", "widget": "none", "kind": "view")", below(sites + 1)));
        } else if (kind == 7) {
            add("PlanPublished", id,
                fmt::format(R"("level_rates": [{}, 500], "website_bonus": 100, "creator_share": 1000, )"
                            R"("hold_days": {}, "minimum_payout": "0.5")",
                            2000 + below(3000), below(3)));
        } else if (kind < 14) {
            add("TransactionRecorded", fmt::format("s{}", sales++),
                fmt::format(R"("buyer": "{}", {}, "source": "platform", "stream": "domain_services"{})", user,
                            below(3) == 0 ? R"("amount": "0.50", "currency": "USD")" : amount,
                            sites > 0 && below(2) == 0 ? fmt::format(R"(, "website": "w{}")", below(sites)) : ""));
        } else if (kind < 16) {
            add("TransactionRefunded", id,
                fmt::format(R"("transaction": "s{}", "reason": "refund", "amount": "0.{}", "currency": "USD")",
                            below(sales + 1), 10 + below(90)));
        } else if (kind < 18) {
            add("PayoutRequested", fmt::format("p{}", payouts++),
                fmt::format(R"("user": "u{}", "method": "bank", "amount": "0.{}", "currency": "USD")", below(5),
                            40 + below(60)));
        } else if (kind == 18) {
            add("PayoutSettled", id, fmt::format(R"("payout": "p{}")", below(payouts + 1)));
        } else if (kind == 19) {
            add("PayoutFailed", id, fmt::format(R"("payout": "p{}", "reason": "closed")", below(payouts + 1)));
        } else if (kind == 20) {
            add(below(2) == 0 ? "UserSuspended" : "UserReinstated", id, fmt::format(R"("user": "u{}")", below(5)));
        } else if (kind == 21) {
            add("BooksClosed", id, "");
        } else if (kind < 25) {
            add("AdjustmentPosted", id, fmt::format(R"("user": "{}", "reason": "goodwill", {})", user, amount));
        } else {
            records.push_back(unreadable_adjustment(id));
        }
    }
    return records;
}

// As a consumer reads them that is under these rules by then.
inline std::vector<Input> inputs_of(std::span<const RecordBytes> records, const Rules& rules = kLaterVersions[0]) {
    std::vector<Input> inputs;
    inputs.reserve(records.size());
    for (const RecordBytes& record : records) inputs.push_back(read_input(record, kAppendedMs, rules));
    return inputs;
}

}  // namespace upline::testing
