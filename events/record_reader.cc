// SPDX-License-Identifier: Apache-2.0
// Records are read field by field, with every bound checked first, without the FlatBuffers library. Whether a record is
// malformed is part of the ledger's outcome for ever, so the checks of the FlatBuffers verifier are written out here
// (class Bytes and class Table), and no later version of the library can change them. Its limits of depth 8 and 8
// tables need no counting: a record has two tables, one inside the other, and nothing else is followed.
#include "events/record_reader.h"

#include <array>
#include <cstring>
#include <utility>

#include "events/base/bytes.h"
#include "events/record_schema.h"

namespace upline {
namespace {

static_assert(sizeof(size_t) == 8, "sums and products of 32-bit numbers from a record never wrap");

// ---- Bytes ----

// A record's bytes. Positions count from its start, and alignment is a matter of positions, so that an outcome does
// not depend on where a record happens to lie.
class Bytes {
  public:
    explicit Bytes(std::span<const std::byte> bytes) : data_(bytes.data()), size_(bytes.size()) {}

    // As the verifier has it, a part is smaller than the whole.
    bool holds(size_t at, size_t length) const { return length < size_ && at <= size_ - length; }
    bool holds(size_t at, size_t length, size_t alignment) const { return at % alignment == 0 && holds(at, length); }
    template <class T>
    bool holds(size_t at) const {
        return holds(at, sizeof(T), sizeof(T));
    }
    // REQUIRES: holds(at, sizeof(T)).
    template <class T>
    T load(size_t at) const {
        return load_le<T>(data_ + at);
    }
    const std::byte* data(size_t at) const { return data_ + at; }

    // Where the offset stored at `at` leads: forward, to a byte of the record. 0 if it is wrong.
    size_t follow(size_t at) const {
        if (!holds<uint32_t>(at)) return 0;
        const auto offset = load<uint32_t>(at);
        if (offset == 0 || !holds(at + offset, 1)) return 0;
        return at + offset;
    }

    // The elements of the vector at `at`, as a count; they start 4 bytes after it. nullopt if they are not all there.
    std::optional<size_t> vector_size(size_t at, size_t element_size) const {
        if (!holds<uint32_t>(at)) return std::nullopt;
        const size_t count = load<uint32_t>(at);
        if (!holds(at, sizeof(uint32_t) + count * element_size)) return std::nullopt;
        return count;
    }

    // The string at `at`, which a zero must follow.
    std::optional<std::string_view> string(size_t at) const {
        const std::optional<size_t> size = vector_size(at, 1);
        if (!size) return std::nullopt;
        const size_t start = at + sizeof(uint32_t);
        if (!holds(start + *size, 1) || data_[start + *size] != std::byte{0}) return std::nullopt;
        return std::string_view(reinterpret_cast<const char*>(data_ + start), *size);
    }

  private:
    const std::byte* data_;
    size_t size_;
};

// A table: an offset back (or forward) to its vtable, which holds its own size, the table's, and where each field
// stands in the table, 0 for an absent one.
class Table {
  public:
    static std::optional<Table> at(const Bytes& bytes, size_t position) {
        if (!bytes.holds<int32_t>(position)) return std::nullopt;
        // Modulo 2^64: a vtable that would lie before the record lies far behind its end.
        const size_t vtable = position - static_cast<size_t>(int64_t{bytes.load<int32_t>(position)});
        if (!bytes.holds<uint16_t>(vtable)) return std::nullopt;
        const auto vtable_size = bytes.load<uint16_t>(vtable);
        if (vtable_size % 2 != 0 || !bytes.holds(vtable, vtable_size)) return std::nullopt;
        return Table(bytes, position, vtable, vtable_size);
    }

    const Bytes& bytes() const { return bytes_; }

    // Where a field would stand; nothing is known of its bytes yet. 0: absent.
    size_t field(int slot) const {
        const size_t entry = 4 + 2 * static_cast<size_t>(slot);
        if (entry >= vtable_size_) return 0;
        const auto offset = bytes_.load<uint16_t>(vtable_ + entry);
        return offset == 0 ? 0 : position_ + offset;
    }

  private:
    Table(const Bytes& bytes, size_t position, size_t vtable, size_t vtable_size)
        : bytes_(bytes), position_(position), vtable_(vtable), vtable_size_(vtable_size) {}

    Bytes bytes_;
    size_t position_;
    size_t vtable_;
    size_t vtable_size_;
};

// ---- Fields ----

// Why a value cannot be read; nullptr when it was.
using Reason = const char*;

constexpr Reason kOutside = "does not lie in the record as a FlatBuffers field must";
constexpr Reason kMissing = "is required and missing";
constexpr Reason kUnspecified = "is unspecified";

template <class T>
Reason read_scalar(const Bytes& bytes, size_t at, T& value) {
    if (!bytes.holds<T>(at)) return kOutside;
    value = bytes.load<T>(at);
    return nullptr;
}

Reason read(const Bytes& bytes, size_t at, Uuid& id) {
    if (!bytes.holds(at, 16, 8)) return kOutside;
    store_be(bytes.load<uint64_t>(at), id.bytes.data());
    store_be(bytes.load<uint64_t>(at + 8), id.bytes.data() + 8);
    return id.is_nil() ? "is the nil UUID" : nullptr;
}

Reason read_text(const Bytes& bytes, size_t at, std::string_view& text) {
    const size_t target = bytes.follow(at);
    if (target == 0) return kOutside;
    const std::optional<std::string_view> string = bytes.string(target);
    if (!string) return kOutside;
    text = *string;
    return is_event_text(text) ? nullptr : "is not UTF-8 without U+0000 of at most 255 bytes";
}

template <class T>
requires requires(T ref) {
    ref.id;
}
Reason read(const Bytes& bytes, size_t at, T& ref) {
    return read(bytes, at, ref.id);
}

template <WithUnit T>
Reason read(const Bytes& bytes, size_t at, T& number) {
    return read_scalar(bytes, at, number.value);
}

template <class T>
requires std::same_as<T, uint16_t> || std::same_as<T, uint8_t> || std::same_as<T, int64_t> Reason
read(const Bytes& bytes, size_t at, T& number) {
    return read_scalar(bytes, at, number);
}

Reason read(const Bytes& bytes, size_t at, uint32_t& count) {
    if (const Reason reason = read_scalar(bytes, at, count)) return reason;
    return count == 0 ? "is 0" : nullptr;
}

Reason read(const Bytes& bytes, size_t at, OptionalVisitor& visitor) {
    uint64_t token = 0;
    if (const Reason reason = read_scalar(bytes, at, token)) return reason;
    if (token != 0) visitor = {token};
    return nullptr;
}

template <class E>
requires std::is_enum_v<E> Reason read(const Bytes& bytes, size_t at, E& value) {
    uint8_t number = 0;
    if (const Reason reason = read_scalar(bytes, at, number)) return reason;
    if (number == 0) return kUnspecified;
    value = static_cast<E>(number);
    return is_enum_value<E>(number) ? nullptr : "is out of its enum's range";
}

Reason read(const Bytes& bytes, size_t at, Text& text) {
    return read_text(bytes, at, text);
}
Reason read(const Bytes& bytes, size_t at, OptionalText& text) {
    return read_text(bytes, at, text.emplace());
}

Reason read(const Bytes& bytes, size_t at, Currency& currency) {
    std::string_view code;
    if (const Reason reason = read_text(bytes, at, code)) return reason;
    const std::optional<Currency> known = parse_currency(code);
    if (!known) return "is no currency of ISO 4217 with a minor unit";
    currency = *known;
    return nullptr;
}

Reason read(const Bytes& bytes, size_t at, Rates& rates) {
    const size_t target = bytes.follow(at);
    if (target == 0) return kOutside;
    const std::optional<size_t> count = bytes.vector_size(target, sizeof(int32_t));
    if (!count) return kOutside;
    // Aligned: the record starts at a multiple of 8, and the vector at one of 4 within it.
    rates = {reinterpret_cast<const int32_t*>(bytes.data(target + sizeof(uint32_t))), *count};
    return nullptr;
}

// What is wrong with a required field that is absent. A number that equals its default, 0, is left out by generated
// code, so an absent one is 0: no value of an enum, and of all others a number like any other.
template <class T>
constexpr Reason why_absent() {
    if (std::is_enum_v<T>) return kUnspecified;
    return WithUnit<T> || std::is_integral_v<T> ? nullptr : kMissing;
}

struct Fault {
    Reason reason = nullptr;
    const char* field = nullptr;
};

// A visitor for visit(); stops looking at the first fault.
class FieldReader {
  public:
    explicit FieldReader(const Table& table) : table_(table) {}

    template <class T>
    void operator()(int slot, const char* name, T& member, Presence presence) {
        if (fault_.reason != nullptr) return;
        const size_t at = table_.field(slot);
        Reason reason = nullptr;
        if (at != 0) {
            reason = read(table_.bytes(), at, member);
        } else if (presence == Presence::kRequired) {
            reason = why_absent<T>();
        }
        if (reason != nullptr) fault_ = {reason, name};
    }
    Fault fault() const { return fault_; }

  private:
    const Table& table_;
    Fault fault_;
};

template <class T>
Fault read_payload(const Table& table, Payload& payload) {
    FieldReader reader(table);
    T::visit(payload.emplace<T>(), reader);
    return reader.fault();
}

// One reader per type, in the order of the variant, which is that of EventType.
constexpr auto kPayloadReaders = []<size_t... I>(std::index_sequence<I...>) {
    return std::array{&read_payload<std::variant_alternative_t<I + 1, Payload>>...};
}
(std::make_index_sequence<kLastEventType>());

Fault read_payload_of_type(const Table& header, uint8_t last_type, Event& event) {
    uint8_t tag = 0;
    if (const size_t at = header.field(kPayloadTypeSlot); at != 0) {
        if (const Reason reason = read_scalar(header.bytes(), at, tag)) return {reason, "payload_type"};
    }
    if (event.type != tag) return {"is not the type the header names", "payload_type"};
    const size_t at = header.field(kPayloadSlot);
    if (at == 0) return {kMissing, "payload"};
    const size_t target = header.bytes().follow(at);
    if (target == 0) return {kOutside, "payload"};
    if (tag > last_type || tag > kLastEventType) return {};
    const std::optional<Table> table = Table::at(header.bytes(), target);
    if (!table) return {kOutside, "payload"};
    return kPayloadReaders[tag - 1U](*table, event.payload);
}

Fault read_event(const Bytes& bytes, uint8_t last_type, Event& event) {
    constexpr Fault kNoEvent = {"does not lead to an event table", nullptr};
    const size_t root = bytes.follow(0);
    if (root == 0) return kNoEvent;
    const std::optional<Table> header = Table::at(bytes, root);
    if (!header) return kNoEvent;

    FieldReader fields(*header);
    fields(kIdSlot, "id", event.id, Presence::kRequired);
    fields(kTypeSlot, "type", event.type, Presence::kRequired);
    fields(kProgramSlot, "program", event.program, Presence::kDefault);
    fields(kOccurredAtSlot, "occurred_at", event.occurred_at_us, Presence::kRequired);
    if (fields.fault().reason != nullptr) return fields.fault();
    if (event.type == 0) return {kUnspecified, "type"};
    if (!is_program_name(event.program)) return {"is not 1 to 64 of a-z 0-9 . _ -", "program"};
    if (event.occurred_at_us == 0) return {kUnspecified, "occurred_at"};
    if (event.occurred_at_us < 0 || event.occurred_at_us > kMaxTimeUs) return {"is not in 1970 to 9999", "occurred_at"};
    return read_payload_of_type(*header, last_type, event);
}

Fault read_record(std::span<const std::byte> value, uint8_t last_type, Event& event) {
    if (value.empty()) return {"is empty", nullptr};
    if (value.size() > kMaxRecordBytes) return {"is above 32 KiB", nullptr};
    // The file identifier stands between the root's offset and everything else.
    constexpr size_t kIdentifierAt = 4;
    constexpr size_t kIdentifierSize = 4;
    const Bytes bytes(value);
    if (!bytes.holds(kIdentifierAt, kIdentifierSize) ||
        std::memcmp(bytes.data(kIdentifierAt), kFileIdentifier, kIdentifierSize) != 0) {
        // A library's idea of what is JSON is no promise for ever, so the reason may say so, and the rules do not.
        if (value.front() == std::byte{'{'})
            return {"is JSON, which `upline produce` takes and makes records of", nullptr};
        return {"has no file identifier UPLN", nullptr};
    }
    return read_event(bytes, last_type, event);
}

}  // namespace

DecodedRecord decode_record(std::span<const std::byte> value, uint8_t last_type) {
    DecodedRecord record;
    const Fault fault = read_record(value, last_type, record.event);
    record.malformed = fault.reason;
    record.field = fault.field;
    return record;
}

}  // namespace upline
