// SPDX-License-Identifier: Apache-2.0
#include "events/json_writer.h"

#include <fmt/format.h>

#include <iterator>

#include "events/base/check.h"
#include "events/base/text.h"
#include "events/values/money.h"
#include "events/values/time.h"

namespace upline {
namespace {

void append_uuid(const Uuid& id, std::string& out) {
    char text[36];
    format_uuid(id, text);
    out.append(text, sizeof text);
}

void append_key(std::string_view name, std::string& out) {
    out.append(", \"").append(name).append("\": ");
}

void append_quoted(std::string_view plain, std::string& out) {
    out.append(1, '"').append(plain).append(1, '"');
}

struct CurrencyFinder {
    Currency currency;
    template <class T>
    void operator()(int /*slot*/, const char* /*name*/, const T& field, Presence /*presence*/) {
        if constexpr (std::same_as<T, Currency>) currency = field;
    }
};

// A visitor for visit().
class FieldPrinter {
  public:
    FieldPrinter(Currency currency, std::string& out) : currency_(currency), out_(out) {}

    template <class T>
    void operator()(int /*slot*/, const char* name, const T& field, Presence presence) {
        if (is_left_out(field, presence)) return;
        append_key(name, out_);
        print(field);
    }

  private:
    template <class T>
    requires requires(T ref) { ref.id; }
    void print(const T& ref) {
        out_ += '"';
        append_uuid(ref.id, out_);
        out_ += '"';
    }
    void print_decimal(int64_t value, int decimals) {
        out_ += '"';
        append_decimal(value, decimals, out_);
        out_ += '"';
    }
    void print(const MinorUnits& amount) { print_decimal(amount.value, currency_exponent(currency_)); }
    void print(const TenThousandths& amount) { print_decimal(amount.value, 4); }
    void print(const BasisPoints& number) { print(number.value); }
    void print(const Days& number) { print(number.value); }
    void print(const Currency& currency) { append_quoted(currency.text(), out_); }
    template <class T>
    requires std::is_enum_v<T>
    void print(const T& value) { append_quoted(enum_name(value), out_); }
    template <class T>
    requires std::is_integral_v<T>
    void print(const T& number) {
        const fmt::format_int digits(number);
        out_.append(digits.data(), digits.size());
    }
    void print(const Text& text) { append_json_string(text, out_); }
    void print(const OptionalText& text) { append_json_string(*text, out_); }
    void print(const OptionalVisitor& visitor) {
        fmt::format_to(std::back_inserter(out_), "\"{:016x}\"", visitor->value);
    }
    void print(const Rates& rates) {
        out_ += '[';
        for (size_t i = 0; i < rates.size(); ++i) {
            if (i > 0) out_ += ", ";
            print(rates[i]);
        }
        out_ += ']';
    }

    Currency currency_;
    std::string& out_;
};

template <class T>
void append_payload(const T& payload, std::string& out) {
    CurrencyFinder finder;
    T::visit(payload, finder);
    FieldPrinter printer(finder.currency, out);
    T::visit(payload, printer);
}

void append_payload(const std::monostate&, std::string&) {
    UPLINE_CHECK(false, "an event without a payload is never written");
}

}  // namespace

void append_json(const Event& event, std::string& out) {
    out += "{\"id\": \"";
    append_uuid(event.id, out);
    out += '"';
    append_key("type", out);
    append_quoted(event_type_name(static_cast<EventType>(event.type)), out);
    if (event.program != kDefaultProgram) {
        append_key("program", out);
        append_quoted(event.program, out);
    }
    append_key("occurred_at", out);
    out += '"';
    append_time(event.occurred_at_us, out);
    out += '"';
    std::visit([&](const auto& payload) { append_payload(payload, out); }, event.payload);
    out += "}\n";
}

}  // namespace upline
