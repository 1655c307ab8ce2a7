// SPDX-License-Identifier: Apache-2.0
// What the words of `upline payouts` share: the ledgers they look at, who is due what at a time, and the ids by which
// a run and a result are recognised when they come again.
//
// Ids are UUIDv5 in kIdNamespace (events/json.h) of these texts, for ever, so that whoever knows a run's name can work
// them out again:
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
#include "ledger/core/state.h"
#include "ledger/store/store.h"
#include "tools/payouts/commands.h"

namespace upline {

Uuid payout_id(std::string_view run, std::string_view program, const Uuid& user, Currency currency);
Uuid payout_result_id(std::string_view program, const Uuid& payout, std::string_view status, std::string_view reference,
                      std::string_view reason);

// Run names have the form of program names: 1 to 64 of a-z 0-9 . _ -
Status check_run_name(std::string_view run);
Result<std::optional<Currency>> currency_asked_for(const std::string& text);  // empty: none, all are meant

// One ledger and its state as of its last entry.
struct PayoutShard {
    ShardInfo info;
    std::unique_ptr<Store> store;
    std::unique_ptr<State> state;
};
// Those of a data folder that have entries; of one program, only the one it belongs to. kNotFound says what to do.
Result<std::vector<PayoutShard>> load_payout_shards(const std::string& data, const std::string& program);

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
    Index account = kNoIndex;
    std::string_view program;  // of the shard's state
    Uuid user;
    Currency currency;
    Due due{};
    int64_t amount = 0;   // to be paid: all that is available, up to the ledger's cap; 0 unless due
    int64_t minimum = 0;  // of the program's plan, in ten-thousandths of a major unit
    Account balances() const { return shard->state->accounts()[account]; }
    User payee() const { return shard->state->users()[balances().user]; }
};

struct PlanFilter {
    std::string program;               // empty: all
    std::optional<Currency> currency;  // none: all
    std::optional<Uuid> user;          // none: all
};
// Every account that the filter lets through, by (program, user, currency), as a payout at `at_us` finds it. Moves the
// states' balances there. REQUIRES: a time from payout_time.
Result<std::vector<PlanRow>> plan_payouts(std::vector<PayoutShard>& shards, int64_t at_us, const PlanFilter& filter);

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

// The plan's minimum as people write it: "10.00", "0.1250".
std::string minimum_text(int64_t ten_thousandths, Currency currency);

// kConflict if the log is not the one the ledgers were made from.
Status check_log(EventLog& log, const std::vector<PayoutShard>& shards);
// The first partition whose log has records that its ledger has not applied.
Result<std::optional<uint32_t>> lagging_partition(EventLog& log, std::vector<PayoutShard>& shards);

// Whether an accepted event of the program has that id.
Result<bool> ledger_has(const PayoutShard& shard, std::string_view program, const Uuid& id);

// The `written` of a writer: as lines for people, or as a JSON list.
void print_written(const LogWriter& writer);
std::string written_json(const LogWriter& writer);

}  // namespace upline
