// SPDX-License-Identifier: Apache-2.0
#include "events/event_log.h"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "events/embedded_log.h"
#include "events/kafka_log.h"

namespace upline {
namespace {

// Large enough that a batch is a few allocations, small enough that a reader of one record wastes little.
constexpr size_t kBatchBlockBytes = size_t{1} << 20;

uint32_t load_little_endian(const unsigned char* p) {
    return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 |
           static_cast<uint32_t>(p[3]) << 24;
}

}  // namespace

uint32_t murmur2(std::string_view key) {
    constexpr uint32_t kSeed = 0x9747b28c;
    constexpr uint32_t kMultiplier = 0x5bd1e995;
    const auto* p = reinterpret_cast<const unsigned char*>(key.data());
    size_t left = key.size();
    uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
    for (; left >= 4; left -= 4, p += 4) {
        uint32_t k = load_little_endian(p) * kMultiplier;
        k ^= k >> 24;
        hash = (hash * kMultiplier) ^ (k * kMultiplier);
    }
    if (left > 0) {
        for (size_t i = 0; i < left; ++i) hash ^= static_cast<uint32_t>(p[i]) << (8 * i);
        hash *= kMultiplier;
    }
    hash = (hash ^ (hash >> 13)) * kMultiplier;
    return hash ^ (hash >> 15);
}

void RecordBatch::clear() {
    records_.clear();
    block_index_ = 0;
    block_used_ = 0;
    value_bytes_ = 0;
}

void RecordBatch::append(Offset offset, int64_t append_time_ms, std::span<const std::byte> value) {
    while (block_index_ < blocks_.size() && block_sizes_[block_index_] - block_used_ < value.size()) {
        ++block_index_;
        block_used_ = 0;
    }
    if (block_index_ == blocks_.size()) {
        block_sizes_.push_back(std::max(kBatchBlockBytes, value.size()));
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_sizes_.back()));
    }
    std::byte* place = blocks_[block_index_].get() + block_used_;
    if (!value.empty()) std::memcpy(place, value.data(), value.size());
    records_.push_back({offset, append_time_ms, {place, value.size()}});
    block_used_ = std::min((block_used_ + value.size() + 7) & ~size_t{7}, block_sizes_[block_index_]);
    value_bytes_ += value.size();
}

LogPosition position_of(const Record& record) {
    LogPosition position{record.offset, record.append_time_ms, {}};
    SHA256(reinterpret_cast<const unsigned char*>(record.value.data()), record.value.size(),
           reinterpret_cast<unsigned char*>(position.value_sha256.data()));
    return position;
}

Result<std::unique_ptr<EventLog>> open_log(std::string_view url, const LogOptions& options) {
    if (url.starts_with("kafka://")) return open_kafka_log(url, options);
    if (!url.starts_with("file:") || url == "file:") {
        return Error{ErrorCode::kInvalid,
                     fmt::format("\"{}\" is no event log: write file:DIR or kafka://host:port/topic", url)};
    }
    if (!options.properties.empty()) {
        return Error{ErrorCode::kInvalid, fmt::format("\"{}={}\" is a setting for Kafka; {} is an embedded log",
                                                      options.properties[0].first, options.properties[0].second, url)};
    }
    UPLINE_TRY_ASSIGN(auto log, EmbeddedLog::open(std::string(url.substr(5)), options.create_with_partitions));
    return std::unique_ptr<EventLog>(std::move(log));
}

}  // namespace upline
