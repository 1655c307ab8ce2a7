// SPDX-License-Identifier: Apache-2.0
#include "tools/payouts/payouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <tuple>

#include "events/base/text.h"
#include "events/json_reader.h"
#include "events/values/time.h"
#include "ledger/core/core.h"
#include "ledger/core/sale.h"
#include "ledger/store/fold_forward.h"
#include "tools/queries/reading.h"
#include "tools/terminal/print.h"

namespace upline {

Uuid payout_id(std::string_view run, std::string_view program, const Uuid& user, Currency currency) {
    return uuid5(kIdNamespace, fmt::format("payout/{}/{}/{}/{}", run, program, to_string(user), currency.text()));
}

Uuid payout_result_id(std::string_view program, const Uuid& payout, std::string_view status, std::string_view reference,
                      std::string_view reason) {
    return uuid5(kIdNamespace,
                 fmt::format("payout-result/{}/{}/{}/{}/{}", program, to_string(payout), status, reference, reason));
}

Status check_run_name(std::string_view run) {
    if (is_program_name(run)) return ok_status();
    return Error{ErrorCode::kInvalid,
                 fmt::format("--run: {} is no name of a run; 1 to 64 of a-z 0-9 . _ - are, as in 2026-02",
                             quote_for_message(run))};
}

Result<std::optional<Currency>> currency_asked_for(const std::string& text) {
    if (text.empty()) return std::optional<Currency>();
    const std::optional<Currency> currency = parse_currency(text);
    if (currency) return currency;
    return Error{ErrorCode::kInvalid,
                 fmt::format("--currency: {} is no ISO 4217 code of a currency, as USD is", quote_for_message(text))};
}

Result<std::vector<PayoutShard>> load_payout_shards(const std::string& data, const std::string& program) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> opened, open_for_reading(data));
    std::vector<PayoutShard> shards;
    for (ReadShard& shard : opened) {
        UPLINE_TRY_ASSIGN(std::optional<ShardInfo> info, shard.store->info());
        if (!info) continue;  // opened once, never given a record
        if (!program.empty() && partition_of(program, info->identity.partition_count) != shard.partition) continue;
        ProgressBar progress(fmt::format("partition {}", shard.partition));
        UPLINE_TRY_ASSIGN(std::unique_ptr<State> state, load_current_state(*shard.store, progress.callback()));
        shards.push_back({std::move(*info), std::move(shard.store), std::move(state)});
    }
    const bool known = program.empty() || std::ranges::any_of(shards, [&](const auto& shard) {
                           return shard.state->find_program(program) != kNoIndex;
                       });
    if (!known)
        return Error{ErrorCode::kNotFound,
                     fmt::format("{}: no program {} in this ledger; without --program all are looked at", data,
                                 quote_for_message(program))};
    return shards;
}

int64_t now_us() {
    using std::chrono::duration_cast;
    return duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<int64_t> payout_time(const std::vector<PayoutShard>& shards, const std::string& text) {
    int64_t clock_us = 0;
    for (const PayoutShard& shard : shards) clock_us = std::max(clock_us, shard.state->clock_us());
    // A ledger's clock may be ahead of ours by the few minutes that its rules allow.
    if (text.empty()) return std::max(clock_us, now_us());
    const Result<int64_t> at_us = parse_time(text);
    if (!at_us.ok()) return Error{ErrorCode::kInvalid, fmt::format("--at: {}", at_us.error().message)};
    if (*at_us < clock_us)
        return Error{ErrorCode::kInvalid,
                     fmt::format("--at: {} is before the ledger's clock, {}, and the ledger does not go back; give a "
                                 "time from then on, or none for now",
                                 text, format_time(clock_us))};
    return *at_us;
}

Result<int64_t> event_time(const std::vector<PayoutShard>& shards, const std::string& text) {
    UPLINE_TRY_ASSIGN(const int64_t at_us, payout_time(shards, text));
    if (!text.empty() && at_us > now_us() + kFutureToleranceUs)
        return Error{ErrorCode::kInvalid,
                     fmt::format("--at: {} is in the future, and the ledger takes no events from there", text)};
    return at_us;
}

std::string_view due_name(Due due) {
    switch (due) {
        case Due::kDue: return "due";
        case Due::kSuspended: return "suspended";
        case Due::kNegative: return "negative";
        case Due::kOnHold: return "on_hold";
        case Due::kBelowMinimum: return "below_minimum";
        case Due::kNothing: return "nothing";
    }
    UPLINE_CHECK(false, "a reason of the enum");
}

namespace {

Due due_of(const Account& account, const User& user, const Rules& rules, const Plan& plan, int64_t amount) {
    if (account.available == 0 && account.pending == 0) return Due::kNothing;
    if (user.suspended != 0) return Due::kSuspended;
    if (account.available < 0) return Due::kNegative;
    if (account.available == 0) return Due::kOnHold;
    return rules.below_minimum(plan, amount, account.currency) ? Due::kBelowMinimum : Due::kDue;
}

}  // namespace

Result<std::vector<PlanRow>> plan_payouts(std::vector<PayoutShard>& shards, int64_t at_us, const PlanFilter& filter) {
    std::vector<PlanRow> rows;
    for (PayoutShard& shard : shards) {
        UPLINE_TRY(mature_until(*shard.store, *shard.state, at_us));
        const State& state = *shard.state;
        const Rules* rules = state.rules();
        if (!rules) return unknown_rules(state.rules_version(), state.versions());
        for (size_t i = 0; i < state.accounts().size(); ++i) {
            const Account account = state.accounts()[i];
            const User user = state.users()[account.user];
            const std::string_view program = state.programs()[user.program].name();
            if (!filter.program.empty() && program != filter.program) continue;
            if (filter.currency && account.currency != *filter.currency) continue;
            if (filter.user && user.id != *filter.user) continue;
            const Plan& plan = state.plan_in_force(user.program, *rules).plan;
            PlanRow row{&shard, static_cast<Index>(i), program, user.id, account.currency};
            const int64_t amount = std::min(account.available, kAmountCap);
            row.due = due_of(account, user, *rules, plan, amount);
            row.amount = row.due == Due::kDue ? amount : 0;
            row.minimum = plan.minimum_payout;
            rows.push_back(row);
        }
    }
    std::ranges::sort(rows, {}, [](const PlanRow& row) { return std::tuple(row.program, row.user, row.currency); });
    return rows;
}

std::string sum_text(const PayoutSum& sum, Currency currency) {
    UPLINE_CHECK(sum.amount >= 0, "a sum of payouts");
    std::string digits;
    for (auto rest = sum.amount; rest > 0; rest /= 10) digits += static_cast<char>('0' + static_cast<int>(rest % 10));
    const auto decimals = static_cast<size_t>(currency_exponent(currency));
    while (digits.size() <= decimals) digits += '0';
    if (decimals > 0) digits.insert(decimals, ".");
    std::ranges::reverse(digits);
    return digits;
}

std::string minimum_text(int64_t ten_thousandths, Currency currency) {
    constexpr int kDecimals = 4;
    std::string text = format_decimal(ten_thousandths, kDecimals);
    for (int decimals = kDecimals; decimals > currency_exponent(currency) && text.back() == '0'; --decimals)
        text.pop_back();
    if (text.back() == '.') text.pop_back();
    return text;
}

Status check_log(EventLog& log, const std::vector<PayoutShard>& shards) {
    for (const PayoutShard& shard : shards) {
        if (log.partition_count() != shard.info.identity.partition_count)
            return Error{ErrorCode::kConflict,
                         fmt::format("this log has {} partitions, the ledger was made from one of {}: give the log "
                                     "that `upline run` feeds this --data from",
                                     log.partition_count(), shard.info.identity.partition_count)};
        const std::string identity = log.identity();
        // Kafka has no identity; there the last record tells, where the log is read.
        if (!identity.empty() && !shard.info.log_identity.empty() && identity != shard.info.log_identity)
            return Error{ErrorCode::kConflict,
                         fmt::format("this is log {}, the ledger was made from log {}: give the log that `upline run` "
                                     "feeds this --data from",
                                     identity, shard.info.log_identity)};
    }
    return ok_status();
}

Result<std::optional<uint32_t>> lagging_partition(EventLog& log, std::vector<PayoutShard>& shards) {
    constexpr size_t kAnyBytes = 1 << 20;
    constexpr int kReadMs = 1000;
    constexpr int kTries = 30;
    for (PayoutShard& shard : shards) {
        const uint32_t partition = shard.info.identity.partition;
        UPLINE_TRY_ASSIGN(const Position position, shard.store->position());
        UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader, log.open_reader(partition, position.last_record));
        RecordBatch batch;
        for (int tried = 0;; ++tried) {
            UPLINE_TRY_ASSIGN(const bool at_end, reader->at_end());
            if (at_end) break;
            if (tried == kTries)
                return Error{ErrorCode::kUnavailable,
                             fmt::format("partition {} of the log does not say where it ends; try again", partition)};
            UPLINE_TRY(reader->read(1, kAnyBytes, kReadMs, batch));
            if (!batch.empty()) return std::optional(partition);
        }
    }
    return std::optional<uint32_t>();
}

Result<bool> ledger_has(const PayoutShard& shard, std::string_view program, const Uuid& id) {
    const std::unique_ptr<EntrySource> source = shard.store->look_up();
    UPLINE_TRY_ASSIGN(const Thing thing, shard.state->find(program, id, *source));
    return static_cast<bool>(thing);
}

void print_written(const LogWriter& writer) {
    for (const auto& [partition, span] : writer.written())
        fmt::print("  partition {}: offsets {} to {}, {} events\n", partition, span.first, span.last,
                   with_commas(span.count));
}

std::string written_json(const LogWriter& writer) {
    std::string places = "[";
    for (const auto& [partition, span] : writer.written())
        places += fmt::format("{}{{\"partition\": {}, \"first_offset\": {}, \"last_offset\": {}, \"events\": {}}}",
                              places.size() > 1 ? ", " : "", partition, span.first, span.last, span.count);
    return places + "]";
}

}  // namespace upline
