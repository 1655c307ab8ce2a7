// SPDX-License-Identifier: Apache-2.0
// For tests of records: the law that they are read as generated code reads them, and surgery on good ones.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "events/record_reader.h"
#include "events/record_writer.h"
#include "tests/events/generated_code.h"
#include "tests/events/random_events.h"

namespace upline::testing {

using Buffer = std::vector<std::byte>;

inline constexpr uint64_t kSeed = 20260104;

inline Buffer copy(std::span<const std::byte> bytes) {
    return {bytes.begin(), bytes.end()};
}

inline Buffer encode(const Event& event) {
    RecordWriter writer;
    return copy(writer.encode(event));
}

// ---- The law ----

// The law for any bytes at all: decode_record accepts exactly what the generated verifier (with the limits of the
// rules) and the oracle accept, and reads the same from it.
inline ::testing::AssertionResult reads_as_oracle(const Buffer& buffer) {
    // A copy of exactly this size, so that a sanitizer sees a read behind its end.
    const std::unique_ptr<std::byte[]> exact(new std::byte[buffer.size()]);
    std::copy(buffer.begin(), buffer.end(), exact.get());
    const DecodedRecord record = decode_record({exact.get(), buffer.size()});

    bool accepted = !buffer.empty() && buffer.size() <= 32768;
    std::string description;
    if (accepted) {
        const auto* const bytes = reinterpret_cast<const uint8_t*>(exact.get());
        flatbuffers::Verifier verifier(bytes, buffer.size(), 8, 8);
        accepted = fb::VerifyEventBuffer(verifier);
        if (accepted) {
            const Oracle oracle(*fb::GetEvent(bytes));
            accepted = oracle.accepts();
            description = oracle.description();
        }
    }
    if (accepted != (record.malformed == nullptr)) {
        return ::testing::AssertionFailure()
               << "generated code " << (accepted ? "accepts" : "refuses") << ", decode_record says "
               << (record.malformed != nullptr ? record.malformed : "good");
    }
    if (accepted && describe(record.event) != description) {
        return ::testing::AssertionFailure() << describe(record.event) << "is not\n" << description;
    }
    return ::testing::AssertionSuccess();
}

// ---- Surgery on good records ----

class Surgeon {
  public:
    explicit Surgeon(Buffer record) : bytes_(std::move(record)) {}

    template <class T>
    T get(size_t at) const {
        T value;
        std::memcpy(&value, bytes_.data() + at, sizeof(T));
        return value;
    }
    template <class T>
    Surgeon& put(size_t at, T value) {
        std::memcpy(bytes_.data() + at, &value, sizeof(T));
        return *this;
    }
    size_t header() const { return get<uint32_t>(0); }
    size_t payload() const { return follow(place(header(), 5)); }
    size_t follow(size_t at) const { return at + get<uint32_t>(at); }
    size_t vtable(size_t table) const { return table - static_cast<size_t>(int64_t{get<int32_t>(table)}); }
    // Where a field stands, 0 if it is absent.
    size_t place(size_t table, int slot) const {
        const size_t entry = 4 + 2 * static_cast<size_t>(slot);
        if (entry >= get<uint16_t>(vtable(table))) return 0;
        const auto offset = get<uint16_t>(vtable(table) + entry);
        return offset == 0 ? 0 : table + offset;
    }
    Surgeon& remove(size_t table, int slot) {
        return put<uint16_t>(vtable(table) + 4 + 2 * static_cast<size_t>(slot), 0);
    }
    Surgeon& resize(size_t size) {
        bytes_.resize(size);
        return *this;
    }
    size_t size() const { return bytes_.size(); }
    const Buffer& bytes() const { return bytes_; }

  private:
    Buffer bytes_;
};

inline const Uuid kSomeId = parse_uuid("6507d976-006e-58ed-b3f9-2e23cb4719e8").value();

inline Event sale() {
    TransactionRecorded payload;
    payload.buyer.id = kSomeId;
    payload.amount.value = 1177;
    payload.tax.value = 77;
    payload.currency = *parse_currency("USD");
    payload.source = Source::kPlatform;
    payload.stream = Stream::kSubscriptionTiers;
    Event event;
    event.id = kSomeId;
    event.type = static_cast<uint8_t>(EventType::kTransactionRecorded);
    event.program = "shop";
    event.occurred_at_us = 1;
    event.payload = payload;
    return event;
}

template <class T>
Event with_payload(const T& payload) {
    Event event;
    event.id = kSomeId;
    event.type = static_cast<uint8_t>(T::kType);
    event.occurred_at_us = 1;
    event.payload = payload;
    return event;
}

inline Event suspension(std::string_view reason) {
    return with_payload(UserSuspended{{kSomeId}, reason});
}

}  // namespace upline::testing
