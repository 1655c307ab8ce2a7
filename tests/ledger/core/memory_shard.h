// SPDX-License-Identifier: Apache-2.0
// For tests: a shard that lives in memory. The core with its state, and the entries it has made, which are also what
// it reads back.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "events/base/check.h"
#include "ledger/core/core.h"

namespace upline::testing {

// The entries of a shard one after another.
class MemoryEntries final : public EntrySource {
  public:
    Result<std::span<const std::byte>> entry(uint64_t sequence) override {
        if (sequence >= ends_.size()) return Error{ErrorCode::kNotFound, "no such entry"};
        return (*this)[sequence];
    }
    std::span<const std::byte> operator[](size_t i) const {
        const size_t begin = i == 0 ? 0 : ends_[i - 1];
        return std::span(bytes_).subspan(begin, ends_[i] - begin);
    }
    void append(const EntryBatch& batch) {
        const size_t before = bytes_.size();
        bytes_.insert(bytes_.end(), batch.bytes.begin(), batch.bytes.end());
        for (const uint32_t end : batch.ends) ends_.push_back(before + end);
    }
    size_t size() const { return ends_.size(); }
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    std::vector<std::byte> bytes_;
    std::vector<size_t> ends_;
};

class MemoryShard {
  public:
    explicit MemoryShard(ShardIdentity identity = {}, std::span<const Rules> versions = rules_versions())
        : state_(versions), core_(state_, identity, entries_, entries_) {}
    MemoryShard(const MemoryShard&) = delete;
    MemoryShard& operator=(const MemoryShard&) = delete;

    void apply(std::span<const Input> inputs) {
        const Status applied = core_.apply(inputs, batch_);
        UPLINE_CHECK(applied.ok(), "entries in memory can be read");
        fill_closings(batch_);
        entries_.append(batch_);
    }
    // In batches of `batch_size`, moving what has matured after each, as a consumer does.
    void apply_in_batches(std::span<const Input> inputs, size_t batch_size) {
        for (size_t first = 0; first < inputs.size(); first += batch_size) {
            apply(inputs.subspan(first, std::min(batch_size, inputs.size() - first)));
            mature();
        }
    }
    // What the last apply() made.
    const EntryBatch& batch() const { return batch_; }
    void mature(uint64_t most = UINT64_MAX) {
        const Status matured = core_.mature(most);
        UPLINE_CHECK(matured.ok(), "entries in memory can be read");
    }

    State& state() { return state_; }
    const State& state() const { return state_; }
    MemoryEntries& entries() { return entries_; }
    const MemoryEntries& entries() const { return entries_; }
    // The last entry, decoded; views point into the shard's memory.
    void last(Entry& entry) const {
        const Status decoded = decode_entry(entries_[entries_.size() - 1], entry);
        UPLINE_CHECK(decoded.ok(), "what the core writes decodes");
    }

  private:
    State state_;
    MemoryEntries entries_;
    Core core_;
    EntryBatch batch_;
};

// All that a state stores, as bytes: two states with the same dump are the same.
inline std::string dump(const State& state) {
    std::string out;
    const auto put = [&out](const void* data, size_t size) { out.append(static_cast<const char*>(data), size); };
    const auto put_number = [&put](uint64_t number) { put(&number, sizeof number); };
    const auto put_array = [&](const auto& array) {
        put_number(array.size());
        for (size_t i = 0; i < array.size(); ++i) {
            const auto& record = array[i];
            put(&record, sizeof record);
        }
    };
    put_number(state.size());
    put_number(static_cast<uint64_t>(state.clock_us()));
    put_number(state.rules_version());
    for (const Hold& hold : state.holds().all()) put(&hold, sizeof hold);
    put_array(state.programs());
    put_array(state.users());
    put_array(state.websites());
    put_array(state.accounts());
    put_array(state.books());
    put_array(state.plans());
    put_array(state.payouts());
    put_array(state.refunded_sales());
    put_number(state.ids().size());
    return out;
}

}  // namespace upline::testing
