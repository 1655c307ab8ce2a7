// SPDX-License-Identifier: Apache-2.0
// The keys of a line are collected first, because a type or a currency may come after the fields it decides about; then
// the header is read, then the payload through its visit().
#include "events/json_reader.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>
#include <vector>

#include "events/base/text.h"
#include "events/values/money.h"
#include "events/values/time.h"

namespace upline {

namespace {

namespace dom = simdjson::dom;

struct Member {
    std::string_view key;
    dom::element value;
    bool taken = false;
};

// More keys than any type has, so that the message for a line with too many can name the wrong one.
constexpr size_t kMaxMembers = 32;
// The most fields of a type and its header.
constexpr size_t kMaxNames = 12;

// Fields of the header that mean more than their type says, so that FieldReader reads them by their own rules.
struct EventId {
    Uuid id;
    std::string_view kind;
};
struct ProgramName {
    std::string_view text;
};
struct Microseconds {
    int64_t value;
};

std::string_view kind_of(dom::element value) {
    switch (value.type()) {
        case dom::element_type::OBJECT: return "an object";
        case dom::element_type::ARRAY: return "a list";
        case dom::element_type::STRING: return "a string";
        case dom::element_type::BOOL: return "a boolean";
        case dom::element_type::NULL_VALUE: return "null (leave the field out instead)";
        default: return "a number";
    }
}

// The number of letters to insert, drop, change or swap with a neighbour to turn one word into the other.
size_t edit_distance(std::string_view a, std::string_view b) {
    constexpr size_t kLongest = 32;
    if (a.size() > kLongest || b.size() > kLongest) return kLongest;
    std::array<std::array<size_t, kLongest + 1>, kLongest + 1> cost{};
    for (size_t i = 0; i <= a.size(); ++i) {
        for (size_t j = 0; j <= b.size(); ++j) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            const size_t change = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            cost[i][j] = std::min({change, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[a.size()][b.size()];
}

// Takes the fields of one line in any order, and keeps the first fault. It goes on after a fault so that every known
// key is taken: a key that is left over explains more than the missing field it was meant for.
class FieldReader {
  public:
    FieldReader(const JsonOptions& options, std::vector<int32_t>& rates) : options_(options), rates_(rates) {}

    // False if there are more keys than any event has.
    bool collect(dom::object object) {
        for (const auto [key, value] : object) {
            if (size_ == members_.size()) return false;
            members_[size_++] = {key, value, false};
        }
        return true;
    }

    // The visitor of visit(), and the reader of the header.
    template <class T>
    void operator()(int /*slot*/, std::string_view name, T& field, Presence presence) {
        name_ = names_[name_count_++] = name;
        Member* const member = find(name);
        if (member != nullptr) {
            member->taken = true;
            read(member->value, field);
        } else if (presence == Presence::kRequired) {
            fail("missing");
        }
    }

    bool good() const {
        const auto end = members_.begin() + static_cast<std::ptrdiff_t>(size_);
        return error_.empty() && std::all_of(members_.begin(), end, [](const Member& m) { return m.taken; });
    }
    // What is wrong, after all fields of an event of `type` were read.
    std::string explain(std::string_view type) const {
        for (size_t i = 0; i < size_; ++i) {
            if (!members_[i].taken) return explain_key(members_[i].key, type);
        }
        return error_;
    }
    const std::string& error() const { return error_; }

  private:
    // Lines mostly have their keys in the order we ask for them.
    Member* find(std::string_view name) {
        if (next_ < size_ && members_[next_].key == name) return &members_[next_++];
        const auto end = members_.begin() + static_cast<std::ptrdiff_t>(size_);
        const auto found = std::find_if(members_.begin(), end, [&](const Member& m) { return m.key == name; });
        if (found == end) return nullptr;
        next_ = static_cast<size_t>(found - members_.begin()) + 1;
        return &*found;
    }

    void fail(std::string_view reason) {
        if (error_.empty()) error_ = fmt::format("field \"{}\": {}", name_, reason);
    }
    void fail_kind(dom::element value, std::string_view expected) {
        fail(fmt::format("{}, where {} is expected", kind_of(value), expected));
    }
    std::string explain_key(std::string_view key, std::string_view type) const {
        const std::span<const std::string_view> names(names_.data(), name_count_);
        if (std::find(names.begin(), names.end(), key) != names.end()) {
            return fmt::format("field \"{}\": given more than once", key);
        }
        std::string text = fmt::format("field {}: unknown for {}", quote_for_message(key), type);
        const auto nearest = std::min_element(names.begin(), names.end(), [&](std::string_view a, std::string_view b) {
            return edit_distance(key, a) < edit_distance(key, b);
        });
        if (edit_distance(key, *nearest) <= std::min<size_t>(2, key.size() / 2))
            text += fmt::format(" (did you mean \"{}\"?)", *nearest);
        return text;
    }

    bool read_string(dom::element value, std::string_view& text, std::string_view expected) {
        if (value.get(text) == simdjson::SUCCESS) return true;
        fail_kind(value, expected);
        return false;
    }
    template <class T>
    bool read_integer(dom::element value, T& number) {
        constexpr int64_t kLeast = std::numeric_limits<T>::min();
        constexpr int64_t kMax = std::numeric_limits<T>::max();
        if (!value.is<int64_t>() && !value.is<uint64_t>()) {
            fail_kind(value, "a whole number");
            return false;
        }
        int64_t wide = 0;
        if (value.get(wide) != simdjson::SUCCESS || wide < kLeast || wide > kMax) {
            fail(fmt::format("not in {} to {}", kLeast, kMax));
            return false;
        }
        number = static_cast<T>(wide);
        return true;
    }

    void read_id(dom::element value, std::string_view kind, Uuid& id) {
        std::string_view text;
        if (!read_string(value, text, "a UUID")) return;
        const Result<Uuid> parsed = parse_id(text, kind, options_.ids);
        if (!parsed.ok()) return fail(parsed.error().message);
        id = *parsed;
    }
    void read(dom::element value, EventId& id) { read_id(value, id.kind, id.id); }
    template <class T>
    requires requires(T ref) { ref.id; }
    void read(dom::element value, T& ref) { read_id(value, id_kind(ref), ref.id); }

    void read(dom::element value, EventType& type) {
        std::string_view name;
        if (!read_string(value, name, "the name of an event type")) return;
        if (const std::optional<EventType> known = parse_event_type(name)) {
            type = *known;
            return;
        }
        std::string reason = fmt::format("{} is none of ", quote_for_message(name));
        for (int number = 1; number <= kLastEventType; ++number) {
            if (number > 1) reason += ", ";
            reason += event_type_name(static_cast<EventType>(number));
        }
        fail(reason);
    }

    void read(dom::element value, ProgramName& program) {
        if (!read_string(value, program.text, "a program's name")) return;
        if (!is_program_name(program.text)) {
            fail(fmt::format("{} is not 1 to {} of a-z 0-9 . _ -", quote_for_message(program.text), kMaxProgramBytes));
        }
    }

    void read(dom::element value, Microseconds& time) {
        std::string_view text;
        if (!read_string(value, text, "a time like \"2026-01-02T03:04:05Z\"")) return;
        const Result<int64_t> parsed = parse_time(text);
        if (!parsed.ok()) return fail(parsed.error().message);
        if (*parsed == 0) return fail("the first instant of 1970 is what a clock says that was not set");
        time.value = *parsed;
    }

    void read_decimal(dom::element value, int decimals, int64_t& amount) {
        std::string_view text;
        if (!read_string(value, text, "a decimal string like \"11.77\"")) return;
        const Result<int64_t> parsed = parse_decimal(text, decimals);
        if (!parsed.ok()) return fail(parsed.error().message);
        amount = *parsed;
    }
    // The currency decides how many decimals an amount may have. It may come later in the line, and has its own error
    // if it is missing or unknown.
    void read(dom::element value, MinorUnits& amount) {
        if (!currency_) {
            const Member* const member = find("currency");
            std::string_view code;
            if (member == nullptr || member->value.get(code) != simdjson::SUCCESS) return;
            currency_ = parse_currency(code);
            if (!currency_) return;
        }
        read_decimal(value, currency_exponent(*currency_), amount.value);
    }
    void read(dom::element value, TenThousandths& amount) { read_decimal(value, 4, amount.value); }

    void read(dom::element value, Currency& currency) {
        std::string_view code;
        if (!read_string(value, code, "a currency's code like \"USD\"")) return;
        if (const std::optional<Currency> known = parse_currency(code)) {
            currency = *known;
        } else {
            fail(fmt::format("{} is no currency of ISO 4217 with a minor unit", quote_for_message(code)));
        }
    }

    template <class E>
    requires std::is_enum_v<E>
    void read(dom::element value, E& member) {
        const std::span<const std::string_view> names = enum_names<E>();
        std::string_view name;
        if (!read_string(value, name, "a name")) return;
        const auto found = std::find(names.begin(), names.end(), name);
        if (found == names.end()) {
            return fail(fmt::format("{} is none of {}", quote_for_message(name), fmt::join(names, ", ")));
        }
        member = enum_at<E>(static_cast<size_t>(found - names.begin()));
    }

    void read(dom::element value, Text& text) {
        if (!read_string(value, text, "a text")) return;
        if (text.size() > kMaxTextBytes) return fail(fmt::format("longer than {} bytes", kMaxTextBytes));
        if (!is_event_text(text)) fail("holds U+0000");
    }
    void read(dom::element value, OptionalText& text) { read(value, text.emplace()); }

    void read(dom::element value, uint32_t& count) {
        if (read_integer(value, count) && count == 0) fail("0 of something did not happen");
    }
    template <class T>
    requires std::same_as<T, BasisPoints> || std::same_as<T, Days>
    void read(dom::element value, T& number) { read_integer(value, number.value); }
    void read(dom::element value, uint16_t& number) { read_integer(value, number); }

    void read(dom::element value, OptionalVisitor& visitor) {
        std::string_view digits;
        if (!read_string(value, digits, "16 hex digits")) return;
        uint64_t& token = visitor.emplace().value;
        const char* const end = digits.data() + digits.size();
        const char* const stop = std::from_chars(digits.data(), end, token, 16).ptr;
        if (digits.size() != 16 || stop != end) {
            fail(fmt::format("{} is not 16 hex digits", quote_for_message(digits)));
        } else if (token == 0) {
            fail("0 is no visitor (leave the field out instead)");
        }
    }

    void read(dom::element value, Rates& rates) {
        dom::array list;
        if (value.get(list) != simdjson::SUCCESS) return fail_kind(value, "a list of whole numbers");
        rates_.clear();
        for (const dom::element element : list) {
            if (rates_.size() == kMaxJsonRates) return fail(fmt::format("more than {} rates", kMaxJsonRates));
            if (!read_integer(element, rates_.emplace_back())) return;
        }
        rates = rates_;
    }

    const JsonOptions& options_;
    std::vector<int32_t>& rates_;
    std::array<Member, kMaxMembers> members_;
    size_t size_ = 0;
    size_t next_ = 0;
    std::array<std::string_view, kMaxNames> names_;  // asked for so far
    size_t name_count_ = 0;
    std::string_view name_;
    std::optional<Currency> currency_;
    std::string error_;
};

template <class T>
void read_payload(FieldReader& reader, Payload& payload) {
    T::visit(payload.emplace<T>(), reader);
}

// One per type, in the order of the variant, which is that of EventType.
constexpr auto kPayloadReaders = []<size_t... I>(std::index_sequence<I...>) {
    return std::array{&read_payload<std::variant_alternative_t<I + 1, Payload>>...};
}
(std::make_index_sequence<kLastEventType>());

Error not_json(simdjson::error_code code) {
    std::string_view reason = simdjson::error_message(code);
    if (code == simdjson::UTF8_ERROR) reason = "not UTF-8";
    if (code == simdjson::NUMBER_ERROR) reason = "a number that is malformed or beyond 64 bits";
    if (code == simdjson::EMPTY) reason = "nothing there";
    return Error{ErrorCode::kInvalid, fmt::format("not JSON: {}", reason)};
}

}  // namespace

struct EventParser::Impl {
    JsonOptions options;
    dom::parser parser;
    std::string padded;
    std::vector<int32_t> rates;
};

EventParser::EventParser(JsonOptions options) : impl_(std::make_unique<Impl>()) {
    impl_->options = options;
}
EventParser::~EventParser() = default;

Result<Event> EventParser::parse(std::string_view line) {
    const auto invalid = [](std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; };
    if (line.size() > kMaxJsonLineBytes) {
        return invalid(
            fmt::format("a line of {} bytes, where an event has at most {}", line.size(), kMaxJsonLineBytes));
    }
    // The parser reads whole blocks, beyond the end of the text.
    impl_->padded.assign(line).append(simdjson::SIMDJSON_PADDING, ' ');
    dom::element root;
    const simdjson::error_code code = impl_->parser.parse(impl_->padded.data(), line.size(), false).get(root);
    if (code != simdjson::SUCCESS) return not_json(code);
    dom::object object;
    if (root.get(object) != simdjson::SUCCESS) return invalid("not an event: a line holds one JSON object");

    FieldReader fields(impl_->options, impl_->rates);
    if (!fields.collect(object)) return invalid(fmt::format("not an event: more than {} fields", kMaxMembers));
    Event event;
    EventType type{};
    ProgramName program{event.program};
    Microseconds occurred_at{};
    fields(1, "type", type, Presence::kRequired);
    EventId id{event.id, type == EventType{} ? "" : id_kind(type)};
    fields(0, "id", id, Presence::kRequired);
    fields(2, "program", program, Presence::kDefault);
    fields(3, "occurred_at", occurred_at, Presence::kRequired);
    if (type == EventType{}) return invalid(fields.error());

    event.id = id.id;
    event.type = static_cast<uint8_t>(type);
    event.program = program.text;
    event.occurred_at_us = occurred_at.value;
    kPayloadReaders[event.type - 1U](fields, event.payload);
    if (!fields.good()) return invalid(fields.explain(event_type_name(type)));
    return event;
}

}  // namespace upline
