// SPDX-License-Identifier: Apache-2.0
#include "tools/payouts/payouts.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <tuple>
#include <utility>

#include "events/base/text.h"
#include "events/json_reader.h"
#include "events/values/time.h"
#include "ledger/core/core.h"
#include "ledger/core/rules.h"
#include "projectors/models/references.h"
#include "tools/queries/lag.h"
#include "tools/terminal/json_writer.h"
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

Result<std::vector<PayoutShard>> open_payout_shards(const std::string& data, const std::string& program) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> opened, open_for_reading(data));
    std::vector<PayoutShard> shards;
    bool known = program.empty();
    for (ReadShard& shard : opened) {
        UPLINE_TRY_ASSIGN(std::optional<ShardInfo> info, shard.store->info());
        if (!info) continue;  // opened once, never given a record
        if (!program.empty() && partition_of(program, info->identity.partition_count) != shard.partition) continue;
        auto kept = std::make_unique<ReadShard>(std::move(shard));
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(*kept));
        shards.push_back({std::move(*info), std::move(kept), std::make_unique<LedgerReader>(std::move(ledger))});
        if (program.empty()) continue;
        LedgerReader& reader = *shards.back().ledger;
        UPLINE_TRY_ASSIGN(Table * references, reader.rows(references_model));
        UPLINE_TRY_ASSIGN(const std::optional<Sequence> first, find_program(*references, reader.entries(), program));
        known |= first.has_value();
    }
    if (known) return shards;
    return Error{ErrorCode::kNotFound, fmt::format("{}: no program {} in this ledger; without --program all are looked "
                                                   "at",
                                                   data, quote_for_message(program))};
}

int64_t now_us() {
    using std::chrono::duration_cast;
    return duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<int64_t> payout_time(const std::vector<PayoutShard>& shards, const std::string& text) {
    int64_t clock_us = 0;
    for (const PayoutShard& shard : shards) clock_us = std::max(clock_us, shard.ledger->position().clock_us);
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

Due due_of(const PlanRow& row, const Rules& rules, const Plan& plan, int64_t amount) {
    const Balances& balances = row.balances;
    if (balances.available == 0 && balances.pending == 0) return Due::kNothing;
    if (row.suspended) return Due::kSuspended;
    if (balances.available < 0) return Due::kNegative;
    if (balances.available == 0) return Due::kOnHold;
    return rules.below_minimum(plan, amount, row.currency) ? Due::kBelowMinimum : Due::kDue;
}

// Rows know the days on which parts mature. What is missing from the days after `at_us` matures later on the same day.
std::optional<PlanRow::NextPart> next_part(const Payouts& row, int64_t at_us) {
    if (row.pending <= 0) return std::nullopt;
    const int64_t today = at_us / kUsPerDay;
    int64_t later = 0;
    std::optional<PlanRow::NextPart> next;
    for (const Payouts::Maturing& part : row.maturing) {
        if (part.day <= today || part.amount == 0) continue;
        if (!next) next = PlanRow::NextPart{part.day, part.amount};
        later += part.amount;
    }
    if (later < row.pending) next = PlanRow::NextPart{today, row.pending - later};
    return next;
}

// The accounts of one shard, by payee: those with rows, and those that adjustments have brought back to nothing.
Result<std::vector<PlanRow>> accounts_of(PayoutShard& shard, int64_t at_us, const PlanFilter& filter) {
    UPLINE_TRY_ASSIGN(Table * references, shard.ledger->rows(references_model));
    std::set<std::pair<Sequence, Currency>> adjusted;
    UPLINE_TRY(read_references(*references, ReferenceKind::kAdjustment, filter.payee, [&](const Reference& adjustment) {
        adjusted.emplace(adjustment.named, adjustment.currency());
        return true;
    }));
    std::set<Sequence> suspended;
    UPLINE_TRY(read_references(*references, ReferenceKind::kSuspension, filter.payee, [&](const Reference& change) {
        if (change.is_suspended())
            suspended.insert(change.named);
        else
            suspended.erase(change.named);
        return true;
    }));
    std::vector<PlanRow> rows;
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> payouts, shard.ledger->rows_at(payouts_model, at_us));
    UPLINE_TRY(read_payouts(*payouts, filter.payee, [&](const Payouts& row) {
        adjusted.erase({row.user, row.currency});
        rows.push_back({.shard = &shard,
                        .payee = row.user,
                        .currency = row.currency,
                        .balances = {row.pending, row.available, row.reserved, row.paid},
                        .next = next_part(row, at_us)});
        return true;
    }));
    for (const auto& [payee, currency] : adjusted)
        rows.push_back({.shard = &shard, .payee = payee, .currency = currency});
    for (PlanRow& row : rows) row.suspended = suspended.contains(row.payee);
    if (filter.currency) std::erase_if(rows, [&](const PlanRow& row) { return row.currency != *filter.currency; });
    std::ranges::sort(rows, {}, &PlanRow::payee);
    return rows;
}

// The rules that the next event falls under.
Result<const Rules*> rules_in_force(LedgerReader& ledger) {
    Entry last;
    if (ledger.position().size > 0) UPLINE_TRY(ledger.read(ledger.position().size - 1, last));
    const auto* activated = std::get_if<RulesActivated>(&last.payload);
    const uint16_t version = activated ? static_cast<uint16_t>(activated->version) : last.rules_version;
    const Rules* rules = find_rules(ledger.versions(), version);
    if (!rules) return unknown_rules(version, ledger.versions());
    return rules;
}

Result<Plan> plan_in_force(LedgerReader& ledger, const Rules& rules, std::string_view program) {
    UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
    UPLINE_TRY_ASSIGN(const std::optional<Sequence> first, find_program(*references, ledger.entries(), program));
    if (!first) return rules.default_plan;
    UPLINE_TRY_ASSIGN(const auto last, newest_references(*references, ReferenceKind::kPlan, *first, 1));
    if (last.empty()) return rules.default_plan;
    Entry entry;
    UPLINE_TRY(ledger.read(last.front().by, entry));
    UPLINE_TRY_ASSIGN(const Rules* rules_then, rules_of(entry, ledger.versions()));
    const auto* published = std::get_if<PlanPublished>(&entry.payload);
    const std::optional<Plan> plan = published ? rules_then->plan_of(*published) : std::nullopt;
    if (plan) return *plan;
    return Error{ErrorCode::kCorrupt, fmt::format("entry {} published no plan: run `upline verify`", entry.sequence)};
}

}  // namespace

Result<std::vector<PlanRow>> plan_payouts(std::vector<PayoutShard>& shards, int64_t at_us, const PlanFilter& filter) {
    std::vector<PlanRow> rows;
    for (PayoutShard& shard : shards) {
        UPLINE_TRY_ASSIGN(std::vector<PlanRow> accounts, accounts_of(shard, at_us, filter));
        const std::unique_ptr<EntrySource> signups = shard.ledger->store().scan_reader();
        UPLINE_TRY_ASSIGN(const Rules* rules, rules_in_force(*shard.ledger));
        std::map<std::string, Plan> plans;
        Entry signup;
        for (PlanRow& row : accounts) {
            UPLINE_TRY(read_entry(*signups, row.payee, signup));
            if (!filter.program.empty() && signup.program != filter.program) continue;
            row.program = signup.program;
            row.user = signup.id;
            auto plan = plans.find(row.program);
            if (plan == plans.end()) {
                UPLINE_TRY_ASSIGN(const Plan in_force, plan_in_force(*shard.ledger, *rules, row.program));
                plan = plans.emplace(row.program, in_force).first;
            }
            const int64_t amount = std::min(row.balances.available, kAmountCap);
            row.due = due_of(row, *rules, plan->second, amount);
            row.amount = row.due == Due::kDue ? amount : 0;
            row.minimum = plan->second.minimum_payout;
            rows.push_back(std::move(row));
        }
    }
    std::ranges::sort(
        rows, {}, [](const PlanRow& row) { return std::tuple(std::string_view(row.program), row.user, row.currency); });
    return rows;
}

Result<std::vector<RequestedPayout>> requested_payouts(std::vector<PayoutShard>& shards, const std::string& program,
                                                       const std::function<bool(const RequestedPayout&)>& wanted) {
    std::vector<RequestedPayout> payouts;
    for (PayoutShard& shard : shards) {
        UPLINE_TRY_ASSIGN(Table * references, shard.ledger->rows(references_model));
        const std::unique_ptr<EntrySource> signups = shard.ledger->store().scan_reader();
        Entry signup;
        Sequence user = kNoSequence;
        Status status = ok_status();
        UPLINE_TRY(read_references(*references, ReferenceKind::kPayout, std::nullopt, [&](const Reference& request) {
            if (request.named != user) status = read_entry(*signups, request.named, signup);
            if (!status.ok()) return false;
            user = request.named;
            if (!program.empty() && signup.program != program) return true;
            RequestedPayout payout{
                &shard,           request.by,        std::string(signup.program), signup.id, request.payout_id(),
                request.amount(), request.currency()};
            if (wanted(payout)) payouts.push_back(std::move(payout));
            return true;
        }));
        UPLINE_TRY(status);
    }
    return payouts;
}

bool is_of_run(const RequestedPayout& payout, std::string_view run) {
    return payout.id == payout_id(run, payout.program, payout.user, payout.currency);
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

std::string sums_json(const PayoutSums& sums) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    for (const auto& [currency, sum] : sums) json.text(currency.text(), sum_text(sum, currency));
    json.end_object();
    return text;
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
    for (const PayoutShard& shard : shards) UPLINE_TRY(expect_its_log(log, *shard.opened->store));
    return ok_status();
}

Result<std::optional<uint32_t>> lagging_partition(EventLog& log, std::vector<PayoutShard>& shards) {
    for (PayoutShard& shard : shards) {
        const uint32_t partition = shard.info.identity.partition;
        UPLINE_TRY_ASSIGN(const LedgerHead position, shard.opened->store->position());
        UPLINE_TRY_ASSIGN(const Lag lag, lag_of(log, partition, position));
        if (lag.records > 0) return std::optional(partition);
    }
    return std::optional<uint32_t>();
}

void print_written(const LogWriter& writer) {
    for (const auto& [partition, span] : writer.written())
        fmt::print("  partition {}: offsets {} to {}, {} events\n", partition, span.first, span.last,
                   with_commas(span.count));
}

std::string written_json(const LogWriter& writer) {
    return json_objects(writer.written(), [](JsonWriter& json, const auto& written) {
        json.number("partition", written.first);
        json.number("first_offset", written.second.first);
        json.number("last_offset", written.second.last);
        json.number("events", written.second.count);
    });
}

}  // namespace upline
