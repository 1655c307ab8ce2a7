// SPDX-License-Identifier: Apache-2.0
// Ids as text. An event's id and its references are UUIDs. With `--ids uuid5` an id of another system stands for the
// UUIDv5 (RFC 9562, section 5.5) of "KIND/TEXT" in kIdNamespace. Its kind is part of the name because user 1 and order
// 1 are two things.
#pragma once

#include <string_view>

#include "events/base/result.h"
#include "events/event.h"

namespace upline {

// UUIDv5 of the DNS namespace and "ids.upline" (documented for other producers).
extern const Uuid kIdNamespace;

enum class IdForm : uint8_t {
    kUuid,   // a UUID
    kUuid5,  // a UUID, or any other text, which is mapped
};

// What the id of an event of this type names: "user", "website", "transaction", "refund", "payout" ...
// REQUIRES: a value of the enum.
std::string_view id_kind(EventType type);
// The same of what a reference names.
constexpr std::string_view id_kind(UserRef) {
    return "user";
}
constexpr std::string_view id_kind(WebsiteRef) {
    return "website";
}
constexpr std::string_view id_kind(TransactionRef) {
    return "transaction";
}
constexpr std::string_view id_kind(PayoutRef) {
    return "payout";
}

// The id that `text` stands for. kInvalid says why it is none, beginning with the text.
Result<Uuid> parse_id(std::string_view text, std::string_view kind, IdForm form);
// The same where `text` may be of an event of any type: under kUuid5 it begins with its kind, as "refund/17".
Result<Uuid> parse_event_id(std::string_view text, IdForm form);

}  // namespace upline
