// SPDX-License-Identifier: Apache-2.0
// What fuzz targets share. A target is one file with LLVMFuzzerTestOneInput, which takes any bytes and holds with
// UPLINE_CHECK what must be true of them: it aborts, which libFuzzer takes for a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "events/base/check.h"
#include "ledger/proof/note.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace upline::fuzz {

inline std::string_view text_of(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// Takes an input apart; behind its end all is zero.
class Input {
  public:
    Input(const uint8_t* data, size_t size) : rest_(data, size) {}
    template <class T>
    T take() {
        T value{};
        const size_t size = rest_.size() < sizeof(T) ? rest_.size() : sizeof(T);
        if (size > 0) std::memcpy(&value, rest_.data(), size);
        rest_ = rest_.subspan(size);
        return value;
    }
    bool at_end() const { return rest_.empty(); }

  private:
    std::span<const uint8_t> rest_;
};

// The keys that have signed the seeds: of the log example.com/0 and of a witness.
inline note::SigningKey log_key() {
    note::SigningKey key{"example.com/0", note::KeyType::kEd25519, {}};
    key.seed.fill(std::byte{1});
    return key;
}
inline note::SigningKey witness_key() {
    note::SigningKey key{"witness.example", note::KeyType::kCosignature, {}};
    key.seed.fill(std::byte{2});
    return key;
}

}  // namespace upline::fuzz
