// SPDX-License-Identifier: Apache-2.0
// Reads a form field after field, with every bound checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "events/base/bytes.h"
#include "events/base/result.h"

namespace upline {

// After the first fault everything reads as zero, and status() tells where it was and what was expected. The bytes must
// outlive the reader and the texts it returns.
class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

    // An object as it lies in memory. REQUIRES: any bytes are a value of T.
    template <class T>
    T fixed() {
        T value{};
        const std::byte* from = take(sizeof value);
        if (from) std::memcpy(&value, from, sizeof value);
        return value;
    }
    std::string_view text(uint64_t size) {
        const std::byte* from = take(size);
        return from ? std::string_view(reinterpret_cast<const char*>(from), size) : std::string_view();
    }
    uint64_t varint() {
        if (fault_) return 0;
        const char* const begin = reinterpret_cast<const char*>(bytes_.data());
        const char* at = begin + position_;
        uint64_t value = 0;
        const char* const expected = read_varint(at, begin + bytes_.size(), value);
        position_ = static_cast<size_t>(at - begin);
        if (!expected) return value;
        fail(expected);
        return 0;
    }
    int64_t zigzag_varint() { return from_zigzag(varint()); }

    void fail(const char* expected) {
        if (!fault_) {
            fault_ = expected;
            fault_at_ = position_;
        }
    }
    void expect(bool condition, const char* expected) {
        if (!condition) fail(expected);
    }
    bool failed() const { return fault_ != nullptr; }
    // kCorrupt after a fault, or if bytes are left where `end` (in words) is expected.
    Status status(const char* end);

    size_t position() const { return position_; }
    std::span<const std::byte> rest() const { return bytes_.subspan(position_); }
    // REQUIRES: no fault so far, and so much left.
    void pass(size_t size) { position_ += size; }

  private:
    const std::byte* take(uint64_t size) {
        if (fault_) return nullptr;
        if (size > bytes_.size() - position_) {
            fail("more bytes");
            return nullptr;
        }
        const std::byte* from = bytes_.data() + position_;
        position_ += size;
        return from;
    }

    std::span<const std::byte> bytes_;
    size_t position_ = 0;
    const char* fault_ = nullptr;
    size_t fault_at_ = 0;
};

}  // namespace upline
