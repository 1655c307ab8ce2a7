// SPDX-License-Identifier: Apache-2.0
#include "events/record_writer.h"

#include <flatbuffers/flatbuffers.h>

#include <array>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "events/record_schema.h"

namespace upline {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;

constexpr flatbuffers::voffset_t vtable_entry(int slot) {
    return static_cast<flatbuffers::voffset_t>(4 + 2 * slot);
}

constexpr size_t kMaxFields = 8;

// Writes the strings and vectors of a table, which must come before the table itself.
class ReferenceWriter {
  public:
    explicit ReferenceWriter(Builder& builder) : builder_(builder) {}

    template <class T>
    void operator()(int slot, const char* /*name*/, const T& member, Presence presence) {
        if (!is_left_out(member, presence)) offsets_.at(static_cast<size_t>(slot)) = write(member);
    }
    // By slot; 0 where nothing is referred to.
    const std::array<flatbuffers::uoffset_t, kMaxFields>& offsets() const { return offsets_; }

  private:
    flatbuffers::uoffset_t write(Text text) { return builder_.CreateString(text.data(), text.size()).o; }
    flatbuffers::uoffset_t write(const OptionalText& text) { return write(*text); }
    flatbuffers::uoffset_t write(const Currency& currency) { return write(currency.text()); }
    flatbuffers::uoffset_t write(const Rates& rates) { return builder_.CreateVector(rates.data(), rates.size()).o; }
    template <class T>
    flatbuffers::uoffset_t write(const T&) {
        return 0;
    }

    Builder& builder_;
    std::array<flatbuffers::uoffset_t, kMaxFields> offsets_{};
};

// A UUID as the schema's struct: its two halves, each stored little-endian.
struct WireUuid {
    uint64_t high;
    uint64_t low;
};

// The field's value in the table itself; 0 for a field that the table refers to.
WireUuid wire(const Uuid& id) {
    return {load_be<uint64_t>(id.bytes.data()), load_be<uint64_t>(id.bytes.data() + 8)};
}
template <class T>
auto wire(const T& member) {
    if constexpr (requires { member.id; }) {
        return wire(member.id);
    } else if constexpr (WithUnit<T>) {
        return member.value;
    } else if constexpr (std::same_as<T, OptionalVisitor>) {
        return member->value;
    } else if constexpr (std::is_enum_v<T>) {
        return static_cast<uint8_t>(member);
    } else if constexpr (std::is_integral_v<T>) {
        return member;
    } else {
        return flatbuffers::Offset<void>();
    }
}

// Adds those fields whose place in the table has `width` bytes, so that wide ones come first and need no padding.
class FieldWriter {
  public:
    FieldWriter(Builder& builder, const std::array<flatbuffers::uoffset_t, kMaxFields>& offsets, size_t width)
        : builder_(builder), offsets_(offsets), width_(width) {}

    template <class T>
    void operator()(int slot, const char* /*name*/, const T& member, Presence presence) {
        using Wire = decltype(wire(member));
        constexpr size_t kWidth = std::same_as<Wire, WireUuid> ? 8 : sizeof(Wire);
        if (kWidth != width_ || is_left_out(member, presence)) return;
        if constexpr (std::same_as<Wire, WireUuid>) {
            const WireUuid id = wire(member);
            builder_.AddStruct(vtable_entry(slot), &id);
        } else if constexpr (std::same_as<Wire, flatbuffers::Offset<void>>) {
            builder_.AddOffset(vtable_entry(slot), Wire(offsets_.at(static_cast<size_t>(slot))));
        } else {
            builder_.AddElement(vtable_entry(slot), wire(member));
        }
    }

  private:
    Builder& builder_;
    const std::array<flatbuffers::uoffset_t, kMaxFields>& offsets_;
    size_t width_;
};

template <class T>
flatbuffers::Offset<void> write_payload(Builder& builder, const T& payload) {
    ReferenceWriter references(builder);
    T::visit(payload, references);
    const auto table = builder.StartTable();
    for (const size_t width : {8, 4, 2, 1}) {
        FieldWriter fields(builder, references.offsets(), width);
        T::visit(payload, fields);
    }
    return builder.EndTable(table);
}

flatbuffers::Offset<void> write_payload(Builder&, const std::monostate&) {
    UPLINE_CHECK(false, "an event without a payload is never written");
    return {};
}

}  // namespace

struct RecordWriter::Impl {
    Builder builder;
};

RecordWriter::RecordWriter() : impl_(std::make_unique<Impl>()) {}
RecordWriter::~RecordWriter() = default;

std::span<const std::byte> RecordWriter::encode(const Event& event) {
    Builder& builder = impl_->builder;
    builder.Clear();
    const flatbuffers::Offset<void> payload =
        std::visit([&](const auto& p) { return write_payload(builder, p); }, event.payload);
    flatbuffers::Offset<flatbuffers::String> program;
    if (event.program != kDefaultProgram) program = builder.CreateString(event.program.data(), event.program.size());

    const WireUuid id = wire(event.id);
    const auto table = builder.StartTable();
    builder.AddStruct(vtable_entry(kIdSlot), &id);
    builder.AddElement(vtable_entry(kOccurredAtSlot), event.occurred_at_us);
    builder.AddOffset(vtable_entry(kPayloadSlot), payload);
    builder.AddOffset(vtable_entry(kProgramSlot), program);
    builder.AddElement(vtable_entry(kTypeSlot), event.type);
    builder.AddElement(vtable_entry(kPayloadTypeSlot), event.type);
    builder.Finish(flatbuffers::Offset<void>(builder.EndTable(table)), kFileIdentifier);
    return std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
}

}  // namespace upline
