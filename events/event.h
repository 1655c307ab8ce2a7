// SPDX-License-Identifier: Apache-2.0
// What events say: one struct per event type, and for each the one description of its fields (visit) from which the
// FlatBuffers form, the JSON form, the checks at the edge and the canonical bytes of an entry are all derived.
//
// To add an event type: the checklist in events/README.md.
//
// Everything here is a plain view: texts and rates point into the record or the parser's buffer they came from.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "events/values/currency.h"
#include "events/values/time.h"
#include "events/values/uuid.h"

namespace upline {

// Numbers are for ever: they stand in records and entries. Never reused, only appended.
enum class EventType : uint8_t {
    kUserSignedUp = 1,
    kWebsiteCreated = 2,
    kWebsiteStatusChanged = 3,
    kWebsiteActivity = 4,
    kTransactionRecorded = 5,
    kTransactionRefunded = 6,
    kPlanPublished = 7,
    kPayoutRequested = 8,
    kPayoutSettled = 9,
    kPayoutFailed = 10,
    kUserSuspended = 11,
    kUserReinstated = 12,
    kAdjustmentPosted = 13,
    kBooksClosed = 14,
    kRulesActivated = 15,
};
inline constexpr uint8_t kLastEventType = 15;

// The enums that events hold begin at 1. 0 is "unspecified" in the schema: what a producer's generated code leaves out,
// and malformed.
enum class WebsiteStatus : uint8_t { kDraft = 1, kPublished = 2, kSuspended = 3 };
enum class Widget : uint8_t {
    kNone = 1,
    kReferralBanner = 2,
    kCommissionTracker = 3,
    kGrowthMetrics = 4,
    kSocialProof = 5,
    kEarningsCalculator = 6,
};
enum class ActivityKind : uint8_t { kView = 1, kImpression = 2, kClick = 3, kShare = 4 };
enum class Source : uint8_t { kPlatform = 1, kWebsite = 2, kReferral = 3 };
enum class Stream : uint8_t {
    kSubscriptionTiers = 1,
    kCommissionTracking = 2,
    kWebsiteHosting = 3,
    kTemplateMarketplace = 4,
    kDomainServices = 5,
    kEnterpriseLicensing = 6,
    kApiUsageFees = 7,
    kWhiteLabelSolutions = 8,
    kTrainingCertification = 9,
    kPremiumSupport = 10,
    kDataAnalytics = 11,
    kCustomIntegrations = 12,
    kMarketplaceFees = 13,
    kAdvertisingRevenue = 14,
    kPartnershipCommissions = 15,
    kContentMonetization = 16,
    kUsageBasedPricing = 17,
    kValueAddedServices = 18,
};
enum class RefundReason : uint8_t { kRefund = 1, kChargeback = 2 };

// The names of an enum's values in JSON, in order of their numbers.
template <class E>
std::span<const std::string_view> enum_names();
template <>
std::span<const std::string_view> enum_names<WebsiteStatus>();
template <>
std::span<const std::string_view> enum_names<Widget>();
template <>
std::span<const std::string_view> enum_names<ActivityKind>();
template <>
std::span<const std::string_view> enum_names<Source>();
template <>
std::span<const std::string_view> enum_names<Stream>();
template <>
std::span<const std::string_view> enum_names<RefundReason>();
// The place of a value among them, from 0, and the value at a place: for tables with a row for each value.
template <class E>
constexpr size_t index_of(E value) {
    return static_cast<size_t>(value) - 1;
}
template <class E>
constexpr E enum_at(size_t index) {
    return static_cast<E>(index + 1);
}
template <class E>
std::string_view enum_name(E value) {
    return enum_names<E>()[index_of(value)];
}
// True of a number that is a value of the enum.
template <class E>
bool is_enum_value(uint8_t number) {
    return number >= 1 && number <= enum_names<E>().size();
}

std::string_view event_type_name(EventType type);  // "UserSignedUp" ...; REQUIRES: a value of the enum
std::optional<EventType> parse_event_type(std::string_view name);

// References, by what they must name. Nil: absent (only where the field is optional).
struct UserRef {
    Uuid id;
};
struct WebsiteRef {
    Uuid id;
};
struct TransactionRef {
    Uuid id;
};
struct PayoutRef {
    Uuid id;
};

// Minor units of the currency of the same event (cents of USD, whole JPY, fils of KWD).
struct MinorUnits {
    int64_t value = 0;
};
// Major units of any currency, in ten-thousandths.
struct TenThousandths {
    int64_t value = 0;
};
// Signed, because their range is the ledger's to judge.
struct BasisPoints {
    int32_t value = 0;
    friend auto operator<=>(BasisPoints, BasisPoints) = default;
};
struct Days {
    int32_t value = 0;
    friend auto operator<=>(Days, Days) = default;
};
// True of a number that has a unit of its own.
template <class T>
concept WithUnit = std::same_as<T, MinorUnits> || std::same_as<T, TenThousandths> || std::same_as<T, BasisPoints> ||
    std::same_as<T, Days>;
// A visitor's token of one UTC day, not 0.
struct VisitorToken {
    uint64_t value = 0;
};
using Rates = std::span<const int32_t>;  // basis points each
using Text = std::string_view;
using OptionalText = std::optional<std::string_view>;
using OptionalVisitor = std::optional<VisitorToken>;

// How a field may be missing. kDefault: absent means the value the struct starts with.
enum class Presence : uint8_t { kRequired, kOptional, kDefault };

// The number of what happened, when an activity does not say.
inline constexpr uint32_t kDefaultCount = 1;

// True of a field that says no more than its absence would: both written forms leave it out.
template <class T>
constexpr bool is_left_out(const T& field, Presence presence) {
    if (presence == Presence::kRequired) return false;
    if constexpr (requires { field.id.is_nil(); }) return field.id.is_nil();
    if constexpr (requires { field.has_value(); }) return !field.has_value();
    if constexpr (std::same_as<T, MinorUnits>) return field.value == 0;
    if constexpr (std::same_as<T, uint32_t>) return field == kDefaultCount;
    return false;
}

// visit(self, visitor) calls visitor(slot, "name", member, presence) for each field in the order of the schema; slot
// is the field's id in its FlatBuffers table. The amounts of a struct stand before its currency or after it: a visitor
// that needs the currency reads it first.
// NOLINTBEGIN(readability-identifier-naming)
struct UserSignedUp {
    static constexpr EventType kType = EventType::kUserSignedUp;
    UserRef referrer;
    WebsiteRef website;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "referrer", s.referrer, Presence::kOptional);
        v(1, "website", s.website, Presence::kOptional);
    }
};

struct WebsiteCreated {
    static constexpr EventType kType = EventType::kWebsiteCreated;
    UserRef owner;
    OptionalText domain;
    OptionalText site_template;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "owner", s.owner, Presence::kRequired);
        v(1, "domain", s.domain, Presence::kOptional);
        v(2, "template", s.site_template, Presence::kOptional);
    }
};

struct WebsiteStatusChanged {
    static constexpr EventType kType = EventType::kWebsiteStatusChanged;
    WebsiteRef website;
    WebsiteStatus status{};
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "website", s.website, Presence::kRequired);
        v(1, "status", s.status, Presence::kRequired);
    }
};

struct WebsiteActivity {
    static constexpr EventType kType = EventType::kWebsiteActivity;
    WebsiteRef website;
    Widget widget{};
    ActivityKind kind{};
    uint32_t count = kDefaultCount;  // 0 is malformed
    OptionalVisitor visitor;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "website", s.website, Presence::kRequired);
        v(1, "widget", s.widget, Presence::kRequired);
        v(2, "kind", s.kind, Presence::kRequired);
        v(3, "count", s.count, Presence::kDefault);
        v(4, "visitor", s.visitor, Presence::kOptional);
    }
};

struct TransactionRecorded {
    static constexpr EventType kType = EventType::kTransactionRecorded;
    UserRef buyer;
    MinorUnits amount;
    MinorUnits tax;
    Currency currency;
    Source source{};
    WebsiteRef website;
    Stream stream{};
    UserRef creator;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "buyer", s.buyer, Presence::kRequired);
        v(1, "amount", s.amount, Presence::kRequired);
        v(2, "tax", s.tax, Presence::kDefault);
        v(3, "currency", s.currency, Presence::kRequired);
        v(4, "source", s.source, Presence::kRequired);
        v(5, "website", s.website, Presence::kOptional);
        v(6, "stream", s.stream, Presence::kRequired);
        v(7, "creator", s.creator, Presence::kOptional);
    }
};

struct TransactionRefunded {
    static constexpr EventType kType = EventType::kTransactionRefunded;
    TransactionRef transaction;
    MinorUnits amount;
    Currency currency;
    RefundReason reason{};
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "transaction", s.transaction, Presence::kRequired);
        v(1, "amount", s.amount, Presence::kRequired);
        v(2, "currency", s.currency, Presence::kRequired);
        v(3, "reason", s.reason, Presence::kRequired);
    }
};

struct PlanPublished {
    static constexpr EventType kType = EventType::kPlanPublished;
    Rates level_rates;
    BasisPoints website_bonus;
    BasisPoints creator_share;
    Days hold_days;
    TenThousandths minimum_payout;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "level_rates", s.level_rates, Presence::kRequired);
        v(1, "website_bonus", s.website_bonus, Presence::kRequired);
        v(2, "creator_share", s.creator_share, Presence::kRequired);
        v(3, "hold_days", s.hold_days, Presence::kRequired);
        v(4, "minimum_payout", s.minimum_payout, Presence::kRequired);
    }
};

struct PayoutRequested {
    static constexpr EventType kType = EventType::kPayoutRequested;
    UserRef user;
    MinorUnits amount;
    Currency currency;
    Text method;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "user", s.user, Presence::kRequired);
        v(1, "amount", s.amount, Presence::kRequired);
        v(2, "currency", s.currency, Presence::kRequired);
        v(3, "method", s.method, Presence::kRequired);
    }
};

struct PayoutSettled {
    static constexpr EventType kType = EventType::kPayoutSettled;
    PayoutRef payout;
    OptionalText provider_ref;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "payout", s.payout, Presence::kRequired);
        v(1, "provider_ref", s.provider_ref, Presence::kOptional);
    }
};

struct PayoutFailed {
    static constexpr EventType kType = EventType::kPayoutFailed;
    PayoutRef payout;
    Text reason;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "payout", s.payout, Presence::kRequired);
        v(1, "reason", s.reason, Presence::kRequired);
    }
};

struct UserSuspended {
    static constexpr EventType kType = EventType::kUserSuspended;
    UserRef user;
    OptionalText reason;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "user", s.user, Presence::kRequired);
        v(1, "reason", s.reason, Presence::kOptional);
    }
};

struct UserReinstated {
    static constexpr EventType kType = EventType::kUserReinstated;
    UserRef user;
    OptionalText reason;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "user", s.user, Presence::kRequired);
        v(1, "reason", s.reason, Presence::kOptional);
    }
};

struct AdjustmentPosted {
    static constexpr EventType kType = EventType::kAdjustmentPosted;
    UserRef user;
    MinorUnits amount;
    Currency currency;
    Text reason;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "user", s.user, Presence::kRequired);
        v(1, "amount", s.amount, Presence::kRequired);
        v(2, "currency", s.currency, Presence::kRequired);
        v(3, "reason", s.reason, Presence::kRequired);
    }
};

struct BooksClosed {
    static constexpr EventType kType = EventType::kBooksClosed;
    OptionalText period;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "period", s.period, Presence::kOptional);
    }
};

struct RulesActivated {
    static constexpr EventType kType = EventType::kRulesActivated;
    uint16_t version = 0;
    template <class S, class V>
    static void visit(S& s, V& v) {
        v(0, "version", s.version, Presence::kRequired);
    }
};
// NOLINTEND(readability-identifier-naming)

// In the order of EventType; monostate for a tag above the last type, whose payload is not read.
using Payload =
    std::variant<std::monostate, UserSignedUp, WebsiteCreated, WebsiteStatusChanged, WebsiteActivity,
                 TransactionRecorded, TransactionRefunded, PlanPublished, PayoutRequested, PayoutSettled, PayoutFailed,
                 UserSuspended, UserReinstated, AdjustmentPosted, BooksClosed, RulesActivated>;

inline constexpr std::string_view kDefaultProgram = "default";

struct Event {
    Uuid id;
    uint8_t type = 0;  // an EventType, or a number above kLastEventType with a monostate payload
    std::string_view program = kDefaultProgram;  // 1 to 64 of a-z 0-9 . _ -
    int64_t occurred_at_us = 0;                  // microseconds since 1970, 1 to the end of 9999
    Payload payload;
};

inline constexpr size_t kMaxRecordBytes = 32 * 1024;
inline constexpr size_t kMaxTextBytes = 255;
inline constexpr size_t kMaxProgramBytes = 64;

// The two text rules of every version so far.
bool is_program_name(std::string_view text);
// UTF-8 without U+0000, at most kMaxTextBytes of it.
bool is_event_text(std::string_view text);

}  // namespace upline
