// SPDX-License-Identifier: Apache-2.0
// Names of types and values, and the text rules.
#include "events/event.h"

#include <algorithm>
#include <array>
#include <utility>

#include "events/base/check.h"
#include "events/base/text.h"

namespace upline {
namespace {

constexpr std::array<std::string_view, kLastEventType> kTypeNames = {
    "UserSignedUp",        "WebsiteCreated", "WebsiteStatusChanged", "WebsiteActivity", "TransactionRecorded",
    "TransactionRefunded", "PlanPublished",  "PayoutRequested",      "PayoutSettled",   "PayoutFailed",
    "UserSuspended",       "UserReinstated", "AdjustmentPosted",     "BooksClosed",     "RulesActivated",
};
static_assert(std::ranges::none_of(kTypeNames, &std::string_view::empty), "a name for each event type");

// Whether Payload holds the structs in the order of their numbers, and no other.
template <size_t... I>
constexpr bool is_in_order(std::index_sequence<I...> /*one less than the number*/) {
    return std::variant_size_v<Payload> == sizeof...(I) + 1 &&
           ((static_cast<size_t>(std::variant_alternative_t<I + 1, Payload>::kType) == I + 1) && ...);
}
static_assert(is_in_order(std::make_index_sequence<kLastEventType>()), "a payload for each event type");

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

bool is_event_text(std::string_view text) {
    return text.size() <= kMaxTextBytes && is_utf8_without_nul(text);
}

}  // namespace upline
