// SPDX-License-Identifier: Apache-2.0
#include "tools/payouts/payout_result.h"

#include <fmt/format.h>

#include <optional>

#include "events/base/text.h"

namespace upline {
namespace {

// A payout's id as the file has it: a UUID, or its 32 digits alone, as bank files carry it.
std::optional<Uuid> parse_payout(const std::string& text) {
    if (text.size() != 32) return parse_uuid(text);
    return parse_uuid(fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                                  text.substr(16, 4), text.substr(20)));
}

PayoutResult wrong(std::string why) {
    PayoutResult result;
    result.wrong = std::move(why);
    return result;
}

}  // namespace

PayoutResult parse_payout_result(const CsvRow& row) {
    if (!row.wrong.empty()) return wrong(row.wrong);
    const std::string& status = row.cells[1];
    const std::string& reason = row.cells[3];
    const std::optional<Uuid> payout = parse_payout(row.cells[0]);
    if (!payout) return wrong(fmt::format("payout: {} is no UUID", quote_for_message(row.cells[0])));
    if (payout->is_nil()) return wrong("payout: the nil UUID names nothing");
    const bool settled = status == "settled";
    if (!settled && status != "failed")
        return wrong(fmt::format("status: {} is neither settled nor failed", quote_for_message(status)));
    if (!settled && reason.empty()) return wrong("reason: a failed payout needs one");
    return {.wrong = {}, .payout = *payout, .settled = settled, .reference = row.cells[2], .reason = reason};
}

Payload payload_of(const PayoutResult& result) {
    if (!result.settled) return PayoutFailed{.payout = {result.payout}, .reason = result.reason};
    return PayoutSettled{.payout = {result.payout},
                         .provider_ref = result.reference.empty() ? std::nullopt : OptionalText(result.reference)};
}

}  // namespace upline
