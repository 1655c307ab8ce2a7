// SPDX-License-Identifier: Apache-2.0
// For tests: random events of every type with every kind of value the edge lets in, and a description of an event that
// is equal for two events exactly when all their fields are.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "events/event.h"

namespace upline::testing {

// Texts and rates of its events live as long as it does.
class RandomEvents {
  public:
    explicit RandomEvents(uint64_t seed) : random_(seed) {}

    Event next() { return next_of_type(static_cast<uint8_t>(below(kLastEventType) + 1)); }

    Event next_of_type(uint8_t type) {
        Event event;
        event.id = uuid();
        event.type = type;
        if (below(3) != 0) event.program = program();
        event.occurred_at_us = time();
        fill_payload(event, std::make_index_sequence<kLastEventType>());
        return event;
    }

    // The visitor of visit().
    template <class T>
    void operator()(int /*slot*/, const char* /*name*/, T& field, Presence presence) {
        if (presence == Presence::kRequired || below(2) == 0) fill(field);
    }

    uint64_t below(uint64_t bound) { return random_() % bound; }

  private:
    template <size_t... I>
    void fill_payload(Event& event, std::index_sequence<I...>) {
        const auto fill_if = [&]<class T>(T* /*type*/) {
            if (event.type == static_cast<uint8_t>(T::kType)) T::visit(event.payload.emplace<T>(), *this);
        };
        (fill_if(static_cast<std::variant_alternative_t<I + 1, Payload>*>(nullptr)), ...);
    }

    Uuid uuid() {
        Uuid id;
        for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random_());
        return id;
    }
    std::string_view program() {
        constexpr std::string_view kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789._-";
        std::string& name = texts_.emplace_back(1 + below(kMaxProgramBytes), 'a');
        for (char& c : name) c = kCharacters[below(kCharacters.size())];
        return name;
    }
    int64_t time() {
        const auto anywhere = static_cast<int64_t>(1'000'000 + below(static_cast<uint64_t>(kMaxTimeUs) - 999'999));
        switch (below(5)) {
            case 0: return 1;
            case 1: return kMaxTimeUs;
            case 2: return anywhere / 1'000'000 * 1'000'000;
            case 3: return anywhere / 1000 * 1000;
            default: return anywhere;
        }
    }
    // Whole, small, and at the ends of its type.
    template <class T>
    T number() {
        switch (below(5)) {
            case 0: return std::numeric_limits<T>::min();
            case 1: return std::numeric_limits<T>::max();
            case 2: return static_cast<T>(below(100));
            default: return static_cast<T>(random_());
        }
    }
    std::string_view text() {
        static constexpr std::string_view kPieces[] = {"a",    "Z",    "\"", "\\", "/", "\n",
                                                       "\x01", "\x7f", "é",  "€",  "🐟", "\u2028"};
        const size_t length = below(3) == 0 ? kMaxTextBytes : below(30);
        std::string& text = texts_.emplace_back();
        for (;;) {
            const std::string_view piece = kPieces[below(std::size(kPieces))];
            if (text.size() + piece.size() > length) return text;
            text += piece;
        }
    }

    template <class T>
    requires requires(T ref) { ref.id; }
    void fill(T& ref) { ref.id = uuid(); }
    void fill(MinorUnits& amount) { amount.value = number<int64_t>(); }
    void fill(TenThousandths& amount) { amount.value = number<int64_t>(); }
    void fill(BasisPoints& rate) { rate.value = number<int32_t>(); }
    void fill(Days& days) { days.value = number<int32_t>(); }
    void fill(uint16_t& version) { version = number<uint16_t>(); }
    void fill(uint32_t& count) { count = number<uint32_t>() | 1; }
    void fill(OptionalVisitor& visitor) { visitor = VisitorToken{std::max<uint64_t>(1, number<uint64_t>())}; }
    void fill(Currency& currency) {
        static constexpr std::string_view kCodes[] = {"USD", "EUR", "JPY", "KWD", "CLF", "ZWG", "AED"};
        currency = *parse_currency(kCodes[below(std::size(kCodes))]);
    }
    void fill(Text& field) { field = text(); }
    void fill(OptionalText& field) { field = text(); }
    void fill(Rates& rates) {
        std::vector<int32_t>& list = rates_.emplace_back(below(10));
        for (int32_t& rate : list) rate = number<int32_t>();
        rates = list;
    }
    template <class E>
    requires std::is_enum_v<E>
    void fill(E& value) { value = enum_at<E>(below(enum_names<E>().size())); }

    std::mt19937_64 random_;
    std::deque<std::string> texts_;
    std::deque<std::vector<int32_t>> rates_;
};

// "name=value" for each field there is, in the order of the schema. Absent ones are left out, those with a default are
// not, so that absent and default read the same.
class Description {
  public:
    template <class T>
    void operator()(int /*slot*/, const char* name, const T& field, Presence presence) {
        if (presence == Presence::kOptional && is_left_out(field, presence)) return;
        if constexpr (requires { field.id; }) {
            add(name, to_string(field.id));
        } else if constexpr (WithUnit<T>) {
            add(name, field.value);
        } else if constexpr (std::same_as<T, OptionalVisitor>) {
            add(name, field->value);
        } else if constexpr (std::same_as<T, Currency>) {
            add(name, field.text());
        } else if constexpr (std::same_as<T, OptionalText>) {
            add(name, *field);
        } else if constexpr (std::same_as<T, Rates>) {
            add(name, fmt::format("{}", fmt::join(field, ",")));
        } else if constexpr (std::is_enum_v<T>) {
            add(name, static_cast<int>(field));
        } else {
            add(name, field);
        }
    }
    template <class T>
    void add(std::string_view name, const T& value) {
        text_ += fmt::format("{}={}\n", name, value);
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
};

inline std::string describe(const Event& event) {
    Description description;
    description.add("id", to_string(event.id));
    description.add("type", event.type);
    description.add("program", event.program);
    description.add("occurred_at", event.occurred_at_us);
    const auto add_payload = [&]<class T>(const T& payload) {
        if constexpr (!std::same_as<T, std::monostate>) T::visit(payload, description);
    };
    std::visit(add_payload, event.payload);
    return description.text();
}

}  // namespace upline::testing
