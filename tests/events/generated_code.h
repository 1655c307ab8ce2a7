// SPDX-License-Identifier: Apache-2.0
// For tests: records read and written by the code that flatc generates from event.fbs, as a producer in another
// language would, and judged by the list of what is malformed, written down a second time.
#pragma once

#include <simdjson.h>

#include <array>
#include <string>
#include <vector>

#include "event_generated.h"
#include "tests/events/random_events.h"

namespace upline::testing {

// Reads a record that the generated verifier has let pass.
class Oracle {
  public:
    explicit Oracle(const fb::Event& event) {
        uuid("id", event.id());
        scalar("type", event.type());
        const std::string_view program = event.program() ? event.program()->string_view() : kDefaultProgram;
        demand(program.size() >= 1 && program.size() <= 64 &&
               program.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") == std::string_view::npos);
        description_.add("program", program);
        scalar("occurred_at", event.occurred_at());
        demand(event.occurred_at() >= 1 && event.occurred_at() <= 253'402'300'799'999'999);
        demand(event.type() != 0 && event.type() == event.payload_type());
        if (accepts_) read_payload(event);
    }
    bool accepts() const { return accepts_; }
    const std::string& description() const { return description_.text(); }

  private:
    void read_payload(const fb::Event& event) {
        switch (event.payload_type()) {
            case fb::Payload_NONE: return demand(false);
            case fb::Payload_UserSignedUp: return read(*event.payload_as_UserSignedUp());
            case fb::Payload_WebsiteCreated: return read(*event.payload_as_WebsiteCreated());
            case fb::Payload_WebsiteStatusChanged: return read(*event.payload_as_WebsiteStatusChanged());
            case fb::Payload_WebsiteActivity: return read(*event.payload_as_WebsiteActivity());
            case fb::Payload_TransactionRecorded: return read(*event.payload_as_TransactionRecorded());
            case fb::Payload_TransactionRefunded: return read(*event.payload_as_TransactionRefunded());
            case fb::Payload_PlanPublished: return read(*event.payload_as_PlanPublished());
            case fb::Payload_PayoutRequested: return read(*event.payload_as_PayoutRequested());
            case fb::Payload_PayoutSettled: return read(*event.payload_as_PayoutSettled());
            case fb::Payload_PayoutFailed: return read(*event.payload_as_PayoutFailed());
            case fb::Payload_UserSuspended: return read(*event.payload_as_UserSuspended());
            case fb::Payload_UserReinstated: return read(*event.payload_as_UserReinstated());
            case fb::Payload_AdjustmentPosted: return read(*event.payload_as_AdjustmentPosted());
            case fb::Payload_BooksClosed: return read(*event.payload_as_BooksClosed());
            case fb::Payload_RulesActivated: return read(*event.payload_as_RulesActivated());
        }
    }

    void read(const fb::UserSignedUp& p) {
        optional_uuid("referrer", p.referrer());
        optional_uuid("website", p.website());
    }
    void read(const fb::WebsiteCreated& p) {
        uuid("owner", p.owner());
        optional_text("domain", p.domain());
        optional_text("template", p.template_());
    }
    void read(const fb::WebsiteStatusChanged& p) {
        uuid("website", p.website());
        value("status", p.status(), fb::WebsiteStatus_MAX);
    }
    void read(const fb::WebsiteActivity& p) {
        uuid("website", p.website());
        value("widget", p.widget(), fb::Widget_MAX);
        value("kind", p.kind(), fb::ActivityKind_MAX);
        scalar("count", p.count());
        demand(p.count() != 0);
        if (p.visitor() != 0) scalar("visitor", p.visitor());
    }
    void read(const fb::TransactionRecorded& p) {
        uuid("buyer", p.buyer());
        scalar("amount", p.amount());
        scalar("tax", p.tax());
        currency("currency", p.currency());
        value("source", p.source(), fb::Source_MAX);
        optional_uuid("website", p.website());
        value("stream", p.stream(), fb::Stream_MAX);
        optional_uuid("creator", p.creator());
    }
    void read(const fb::TransactionRefunded& p) {
        uuid("transaction", p.transaction());
        scalar("amount", p.amount());
        currency("currency", p.currency());
        value("reason", p.reason(), fb::RefundReason_MAX);
    }
    void read(const fb::PlanPublished& p) {
        description_.add("level_rates", fmt::format("{}", fmt::join(*p.level_rates(), ",")));
        scalar("website_bonus", p.website_bonus());
        scalar("creator_share", p.creator_share());
        scalar("hold_days", p.hold_days());
        scalar("minimum_payout", p.minimum_payout());
    }
    void read(const fb::PayoutRequested& p) {
        uuid("user", p.user());
        scalar("amount", p.amount());
        currency("currency", p.currency());
        text("method", p.method());
    }
    void read(const fb::PayoutSettled& p) {
        uuid("payout", p.payout());
        optional_text("provider_ref", p.provider_ref());
    }
    void read(const fb::PayoutFailed& p) {
        uuid("payout", p.payout());
        text("reason", p.reason());
    }
    void read(const fb::UserSuspended& p) {
        uuid("user", p.user());
        optional_text("reason", p.reason());
    }
    void read(const fb::UserReinstated& p) {
        uuid("user", p.user());
        optional_text("reason", p.reason());
    }
    void read(const fb::AdjustmentPosted& p) {
        uuid("user", p.user());
        scalar("amount", p.amount());
        currency("currency", p.currency());
        text("reason", p.reason());
    }
    void read(const fb::BooksClosed& p) { optional_text("period", p.period()); }
    void read(const fb::RulesActivated& p) { scalar("version", p.version()); }

    void demand(bool condition) { accepts_ = accepts_ && condition; }

    void optional_uuid(const char* name, const fb::Uuid* id) {
        if (id == nullptr) return;
        demand(id->high() != 0 || id->low() != 0);
        const std::string hex = fmt::format("{:016x}{:016x}", id->high(), id->low());
        description_.add(name, fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                                           hex.substr(16, 4), hex.substr(20)));
    }
    void uuid(const char* name, const fb::Uuid* id) {
        demand(id != nullptr);
        optional_uuid(name, id);
    }
    void optional_text(const char* name, const flatbuffers::String* text) {
        if (text == nullptr) return;
        const std::string_view view = text->string_view();
        demand(view.size() <= 255 && simdjson::validate_utf8(view) && view.find('\0') == std::string_view::npos);
        description_.add(name, view);
    }
    void text(const char* name, const flatbuffers::String* text) {
        demand(text != nullptr);
        optional_text(name, text);
    }
    void currency(const char* name, const flatbuffers::String* code) {
        text(name, code);
        demand(code != nullptr && parse_currency(code->string_view()));
    }
    template <class T>
    void scalar(const char* name, T number) {
        description_.add(name, number);
    }
    template <class E>
    void value(const char* name, E member, E last) {
        demand(static_cast<int>(member) != 0 && member <= last);
        description_.add(name, static_cast<int>(member));
    }

    Description description_;
    bool accepts_ = true;
};

class GeneratedWriter {
  public:
    std::vector<std::byte> encode(const Event& event) {
        builder_.Clear();
        const auto payload = std::visit([&](const auto& p) { return build(p); }, event.payload);
        const fb::Uuid id = uuid(event.id);
        const auto program = event.program == kDefaultProgram ? 0 : text(event.program);
        fb::FinishEventBuffer(builder_, fb::CreateEvent(builder_, &id, event.type, program, event.occurred_at_us,
                                                        static_cast<fb::Payload>(event.type), payload));
        const auto bytes = std::as_bytes(std::span(builder_.GetBufferPointer(), builder_.GetSize()));
        return {bytes.begin(), bytes.end()};
    }

  private:
    using Payload = flatbuffers::Offset<void>;
    using String = flatbuffers::Offset<flatbuffers::String>;

    Payload build(const std::monostate&) { return {}; }
    Payload build(const UserSignedUp& p) {
        return fb::CreateUserSignedUp(builder_, ref(p.referrer), ref(p.website)).Union();
    }
    Payload build(const WebsiteCreated& p) {
        const String domain = text(p.domain);
        return fb::CreateWebsiteCreated(builder_, ref(p.owner), domain, text(p.site_template)).Union();
    }
    Payload build(const WebsiteStatusChanged& p) {
        return fb::CreateWebsiteStatusChanged(builder_, ref(p.website), value<fb::WebsiteStatus>(p.status)).Union();
    }
    Payload build(const WebsiteActivity& p) {
        const uint64_t visitor = p.visitor ? p.visitor->value : 0;
        return fb::CreateWebsiteActivity(builder_, ref(p.website), value<fb::Widget>(p.widget),
                                         value<fb::ActivityKind>(p.kind), p.count, visitor)
            .Union();
    }
    Payload build(const TransactionRecorded& p) {
        return fb::CreateTransactionRecorded(builder_, ref(p.buyer), p.amount.value, p.tax.value,
                                             text(p.currency.text()), value<fb::Source>(p.source), ref(p.website),
                                             value<fb::Stream>(p.stream), ref(p.creator))
            .Union();
    }
    Payload build(const TransactionRefunded& p) {
        return fb::CreateTransactionRefunded(builder_, ref(p.transaction), p.amount.value, text(p.currency.text()),
                                             value<fb::RefundReason>(p.reason))
            .Union();
    }
    Payload build(const PlanPublished& p) {
        const auto rates = builder_.CreateVector(p.level_rates.data(), p.level_rates.size());
        return fb::CreatePlanPublished(builder_, rates, p.website_bonus.value, p.creator_share.value, p.hold_days.value,
                                       p.minimum_payout.value)
            .Union();
    }
    Payload build(const PayoutRequested& p) {
        const String currency = text(p.currency.text());
        return fb::CreatePayoutRequested(builder_, ref(p.user), p.amount.value, currency, text(p.method)).Union();
    }
    Payload build(const PayoutSettled& p) {
        return fb::CreatePayoutSettled(builder_, ref(p.payout), text(p.provider_ref)).Union();
    }
    Payload build(const PayoutFailed& p) {
        return fb::CreatePayoutFailed(builder_, ref(p.payout), text(p.reason)).Union();
    }
    Payload build(const UserSuspended& p) {
        return fb::CreateUserSuspended(builder_, ref(p.user), text(p.reason)).Union();
    }
    Payload build(const UserReinstated& p) {
        return fb::CreateUserReinstated(builder_, ref(p.user), text(p.reason)).Union();
    }
    Payload build(const AdjustmentPosted& p) {
        const String currency = text(p.currency.text());
        return fb::CreateAdjustmentPosted(builder_, ref(p.user), p.amount.value, currency, text(p.reason)).Union();
    }
    Payload build(const BooksClosed& p) { return fb::CreateBooksClosed(builder_, text(p.period)).Union(); }
    Payload build(const RulesActivated& p) { return fb::CreateRulesActivated(builder_, p.version).Union(); }

    static fb::Uuid uuid(const Uuid& id) {
        const std::string text = to_string(id);
        const std::string high = text.substr(0, 8) + text.substr(9, 4) + text.substr(14, 4);
        const std::string low = text.substr(19, 4) + text.substr(24);
        return {std::stoull(high, nullptr, 16), std::stoull(low, nullptr, 16)};
    }
    template <class T>
    const fb::Uuid* ref(const T& reference) {
        if (reference.id.is_nil()) return nullptr;
        next_id_ = (next_id_ + 1) % ids_.size();
        return &(ids_[next_id_] = uuid(reference.id));
    }
    String text(const std::optional<std::string_view>& text) {
        return text ? builder_.CreateString(text->data(), text->size()) : 0;
    }
    template <class E, class T>
    static E value(T member) {
        return static_cast<E>(member);
    }

    flatbuffers::FlatBufferBuilder builder_;
    std::array<fb::Uuid, 4> ids_;
    size_t next_id_ = 0;
};

}  // namespace upline::testing
