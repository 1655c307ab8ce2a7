// SPDX-License-Identifier: Apache-2.0
#include "events/ids.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "events/base/check.h"
#include "events/base/text.h"

namespace upline {
namespace {

// By type. They are part of the ids that other producers make: never changed.
constexpr std::array<std::string_view, kLastEventType> kKinds = {
    "user",           "website",       "website_status", "activity",      "transaction", "refund",  "plan",  "payout",
    "payout_settled", "payout_failed", "suspension",     "reinstatement", "adjustment",  "closing", "rules",
};
static_assert(std::ranges::none_of(kKinds, &std::string_view::empty), "a kind for each event type");

// Unicode's White_Space, and the byte order mark that some programs leave at the beginning of a file.
constexpr std::array<std::string_view, 26> kBlanks = {
    "\t",     "\n",     "\v",     "\f",     "\r",     " ",      "\u0085", "\u00a0", "\u1680",
    "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008",
    "\u2009", "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "\ufeff",
};

bool has_blank_ends(std::string_view text) {
    return std::ranges::any_of(
        kBlanks, [&](std::string_view blank) { return text.starts_with(blank) || text.ends_with(blank); });
}

}  // namespace

// UUIDv5 of 6ba7b810-9dad-11d1-80b4-00c04fd430c8 (the DNS namespace of RFC 9562) and "ids.upline".
const Uuid kIdNamespace = {
    {0x36, 0x82, 0x45, 0x09, 0x0c, 0x19, 0x57, 0x4a, 0x94, 0xb7, 0x56, 0x99, 0x8a, 0x21, 0x76, 0x98}};

std::string_view id_kind(EventType type) {
    const auto number = static_cast<uint8_t>(type);
    UPLINE_CHECK(number >= 1 && number <= kLastEventType, "a type of the enum");
    return kKinds[number - 1U];
}

Result<Uuid> parse_id(std::string_view text, std::string_view kind, IdForm form) {
    const auto invalid = [&](std::string_view reason) {
        return Error{ErrorCode::kInvalid, fmt::format("{} {}", quote_for_message(text), reason)};
    };
    if (const std::optional<Uuid> uuid = parse_uuid(text)) {
        if (uuid->is_nil()) return invalid("is the nil UUID, which names nothing");
        return *uuid;
    }
    if (form == IdForm::kUuid) return invalid("is no UUID; an id of another system is mapped with --ids uuid5");
    if (text.empty()) return invalid("is no id");
    if (has_blank_ends(text)) return invalid("begins or ends with a blank, which makes it another id");
    return uuid5(kIdNamespace, fmt::format("{}/{}", kind, text));
}

Result<Uuid> parse_event_id(std::string_view text, IdForm form) {
    if (form == IdForm::kUuid || parse_uuid(text)) return parse_id(text, "", form);
    const size_t slash = text.find('/');
    const std::string_view kind = text.substr(0, slash);
    if (slash == std::string_view::npos || std::ranges::find(kKinds, kind) == kKinds.end())
        return Error{
            ErrorCode::kInvalid,
            fmt::format("{} begins with no kind of event: with --ids uuid5 write KIND/ID, where KIND is one of {}",
                        quote_for_message(text), fmt::join(kKinds, ", "))};
    return parse_id(text.substr(slash + 1), kind, form);
}

}  // namespace upline
