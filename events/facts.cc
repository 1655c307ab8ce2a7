// SPDX-License-Identifier: Apache-2.0
// Names of types and values, and the text rules.
#include "events/facts.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "events/check.h"

namespace upline {
namespace {

constexpr std::array<std::string_view, kLastEventType> kTypeNames = {
    "UserSignedUp",        "WebsiteCreated", "WebsiteStatusChanged", "WebsiteActivity", "TransactionRecorded",
    "TransactionRefunded", "PlanPublished",  "PayoutRequested",      "PayoutSettled",   "PayoutFailed",
    "UserSuspended",       "UserReinstated", "AdjustmentPosted",     "BooksClosed",     "RulesActivated",
};
constexpr std::array<std::string_view, 3> kWebsiteStatusNames = {"draft", "published", "suspended"};
constexpr std::array<std::string_view, 6> kWidgetNames = {
    "none", "referral_banner", "commission_tracker", "growth_metrics", "social_proof", "earnings_calculator",
};
constexpr std::array<std::string_view, 4> kActivityKindNames = {"view", "impression", "click", "share"};
constexpr std::array<std::string_view, 3> kSourceNames = {"platform", "website", "referral"};
constexpr std::array<std::string_view, 18> kStreamNames = {
    "subscription_tiers",     "commission_tracking",  "website_hosting",         "template_marketplace",
    "domain_services",        "enterprise_licensing", "api_usage_fees",          "white_label_solutions",
    "training_certification", "premium_support",      "data_analytics",          "custom_integrations",
    "marketplace_fees",       "advertising_revenue",  "partnership_commissions", "content_monetization",
    "usage_based_pricing",    "value_added_services",
};
constexpr std::array<std::string_view, 2> kRefundReasonNames = {"refund", "chargeback"};

// The texts of most events are ASCII; eight bytes at a time tell.
bool is_ascii_without_nul(std::string_view text) {
    constexpr uint64_t kHighBits = 0x8080808080808080;
    constexpr uint64_t kOnes = 0x0101010101010101;
    size_t at = 0;
    for (; at + 8 <= text.size(); at += 8) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + at, 8);
        // Below 0x80, subtracting one sets a byte's high bit only if it was zero, or was reached by a borrow from one.
        if (((word | (word - kOnes)) & kHighBits) != 0) return false;
    }
    return std::all_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(),
                       [](char c) { return c > '\0' && static_cast<uint8_t>(c) < 0x80; });
}

// The length of the well-formed UTF-8 sequence (Unicode 15, table 3-7) at the start of `text`, 0 if there is none.
// The second byte's range is what keeps out overlong forms, surrogates and what lies beyond U+10FFFF.
size_t utf8_sequence(std::string_view text) {
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
    const auto in_range = [&](size_t i, uint8_t low, uint8_t high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    const uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return in_range(1, 0x80, 0xbf) ? 2 : 0;
    if (lead < 0xf0) {
        const bool second = in_range(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
        return second && in_range(2, 0x80, 0xbf) ? 3 : 0;
    }
    if (lead < 0xf5) {
        const bool second = in_range(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
        return second && in_range(2, 0x80, 0xbf) && in_range(3, 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

constexpr auto kProgramCharacters = [] {
    std::array<bool, 256> allowed{};
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789._-"))
        allowed[static_cast<uint8_t>(c)] = true;
    return allowed;
}();

}  // namespace

template <>
std::span<const std::string_view> enum_names<WebsiteStatus>() {
    return kWebsiteStatusNames;
}
template <>
std::span<const std::string_view> enum_names<Widget>() {
    return kWidgetNames;
}
template <>
std::span<const std::string_view> enum_names<ActivityKind>() {
    return kActivityKindNames;
}
template <>
std::span<const std::string_view> enum_names<Source>() {
    return kSourceNames;
}
template <>
std::span<const std::string_view> enum_names<Stream>() {
    return kStreamNames;
}
template <>
std::span<const std::string_view> enum_names<RefundReason>() {
    return kRefundReasonNames;
}

std::string_view event_type_name(EventType type) {
    const auto number = static_cast<uint8_t>(type);
    UPLINE_CHECK(number >= 1 && number <= kLastEventType, "only a known type has a name");
    return kTypeNames[number - 1U];
}

std::optional<EventType> parse_event_type(std::string_view name) {
    const auto* const found = std::find(kTypeNames.begin(), kTypeNames.end(), name);
    if (found == kTypeNames.end()) return std::nullopt;
    return static_cast<EventType>(found - kTypeNames.begin() + 1);
}

bool is_program_name(std::string_view text) {
    return !text.empty() && text.size() <= kMaxProgramBytes &&
           std::all_of(text.begin(), text.end(), [](char c) { return kProgramCharacters[static_cast<uint8_t>(c)]; });
}

bool is_utf8_without_nul(std::string_view text) {
    while (!text.empty()) {
        const size_t length = text.front() == '\0' ? 0 : utf8_sequence(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

bool is_event_text(std::string_view text) {
    return text.size() <= kMaxTextBytes && (is_ascii_without_nul(text) || is_utf8_without_nul(text));
}

}  // namespace upline
