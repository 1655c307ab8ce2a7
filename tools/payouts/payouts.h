// SPDX-License-Identifier: Apache-2.0
// What the words of `upline payouts` share: the ledgers they look at, who is due what at a time, and the ids by which
// a run and a result are recognised when they come again.
//
// Ids are UUIDv5 in kIdNamespace (events/ids.h) of these texts, for ever, so that whoever knows a run's name
// can work them out again:
//
//   a payout          payout/RUN/PROGRAM/USER/CURRENCY
//   a payout's result payout-result/PROGRAM/PAYOUT/STATUS/REFERENCE/REASON
//
// USER and PAYOUT are lower-case UUIDs with dashes, STATUS is settled or failed, the last two are as the file has them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/int128.h"
#include "events/log/event_log.h"
#include "events/values/money.h"
#include "projectors/models/payouts.h"
#include "tools/queries/balances.h"
#include "tools/queries/ledger_queries.h"

namespace upline {

Uuid payout_id(std::string_view run, std::string_view program, const Uuid& user, Currency currency);
Uuid payout_result_id(std::string_view program, const Uuid& payout, std::string_view status, std::string_view reference,
                      std::string_view reason);

// Run names have the form of program names: 1 to 64 of a-z 0-9 . _ -
Status check_run_name(std::string_view run);
Result<std::optional<Currency>> currency_asked_for(const std::string& text);  // empty: none, all are meant

// One ledger as of its last entry.
struct PayoutShard {
    ShardInfo info;
    std::unique_ptr<ReadShard> opened;
    std::unique_ptr<LedgerReader> ledger;
};
// Those of a data folder that have entries; of one program, only the one it belongs to. kNotFound says what to do.
Result<std::vector<PayoutShard>> open_payout_shards(const std::string& data, const std::string& program);

// When a payout is asked for: `text` if it is given, else now, and never before a shard's ledger clock: kInvalid then.
Result<int64_t> payout_time(const std::vector<PayoutShard>& shards, const std::string& text);
int64_t now_us();
// The same for events that go into the log now: kInvalid, too, for a time that the ledger would refuse as from_future.
Result<int64_t> event_time(const std::vector<PayoutShard>& shards, const std::string& text);

// Whether an account can be paid, or the first reason why not.
enum class Due : uint8_t { kDue, kSuspended, kNegative, kOnHold, kBelowMinimum, kNothing };
std::string_view due_name(Due due);  // "due", "suspended" ...

struct PlanRow {
    const PayoutShard* shard = nullptr;
    Sequence payee = 0;  // the user's signup
    std::string program;
    Uuid user;
    Currency currency;
    bool suspended = false;
    Balances balances;
    struct NextPart {
        int64_t day = 0;  // UTC, since 1970-01-01
        int64_t amount = 0;
    };
    std::optional<NextPart> next;  // what of pending becomes available next
    Due due{};
    int64_t amount = 0;   // to be paid: all that is available, up to the ledger's cap; 0 unless due
    int64_t minimum = 0;  // of the program's plan, in ten-thousandths of a major unit
};

struct PlanFilter {
    std::string program;               // empty: all
    std::optional<Currency> currency;  // none: all
    std::optional<Sequence> payee;     // of the only shard; none: all
};
// Every account that the filter lets through, by (program, user, currency), as a payout at `at_us` finds it.
// REQUIRES: a time from payout_time.
Result<std::vector<PlanRow>> plan_payouts(std::vector<PayoutShard>& shards, int64_t at_us, const PlanFilter& filter);

// A payout that was requested, and by whom.
struct RequestedPayout {
    const PayoutShard* shard = nullptr;
    Sequence entry = 0;
    std::string program;
    Uuid user;
    Uuid id;
    int64_t amount = 0;
    Currency currency;
};
// All there are of a program and currency that `wanted` takes.
Result<std::vector<RequestedPayout>> requested_payouts(std::vector<PayoutShard>& shards, const std::string& program,
                                                       const std::function<bool(const RequestedPayout&)>& wanted);
// Whether it was requested by that run.
bool is_of_run(const RequestedPayout& payout, std::string_view run);

// How many payouts and how much, by currency.
struct PayoutSum {
    uint64_t payouts = 0;
    Int128 amount = 0;  // minor units
    void add(int64_t more) {
        ++payouts;
        amount += more;
    }
};
using PayoutSums = std::map<Currency, PayoutSum>;
// A sum as a decimal string, exact whatever its size.
std::string sum_text(const PayoutSum& sum, Currency currency);
std::string sums_json(const PayoutSums& sums);  // {"EUR": "10.00"}

// The plan's minimum as people write it: "10.00", "0.1250".
std::string minimum_text(int64_t ten_thousandths, Currency currency);

// kConflict if the log is not the one the ledgers were made from.
Status check_log(EventLog& log, const std::vector<PayoutShard>& shards);
// The first partition whose log has records that its ledger has not applied.
Result<std::optional<uint32_t>> lagging_partition(EventLog& log, std::vector<PayoutShard>& shards);

// The `written` of a writer: as lines for people, or as a JSON list.
void print_written(const LogWriter& writer);
std::string written_json(const LogWriter& writer);

}  // namespace upline
