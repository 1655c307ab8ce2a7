// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/id_segments.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "events/base/bytes.h"
#include "events/base/check.h"
#include "ledger/store/state_segments.h"

namespace upline {
namespace {

constexpr size_t kIdChunkBytes = 8 << 10;
constexpr size_t kMaxIdBytes = sizeof(uint64_t) + 10;

// Fingerprints are spread evenly: one pass puts each into one of many small heaps, which lie in the cache when they are
// sorted.
std::vector<StoredId> sorted(std::span<const StoredId> ids) {
    constexpr size_t kInHeap = 64;
    const unsigned bits = std::clamp<unsigned>(static_cast<unsigned>(std::bit_width(ids.size() / kInHeap)), 1, 16);
    const auto heap_of = [shift = 64 - bits](const StoredId& id) { return id.fingerprint >> shift; };
    std::vector<uint32_t> ends(size_t{1} << bits);
    for (const StoredId& id : ids) ++ends[heap_of(id)];
    uint32_t end = 0;
    for (uint32_t& heap : ends) heap = std::exchange(end, end + heap);  // where it begins
    std::vector<StoredId> heaps(ids.size());
    for (const StoredId& id : ids) heaps[ends[heap_of(id)]++] = id;
    auto first = heaps.begin();
    for (const uint32_t heap : ends) {
        const auto last = heaps.begin() + heap;
        std::sort(first, last);
        first = last;
    }
    return heaps;
}

}  // namespace

uint64_t hash_of_ids(std::span<const StoredId> ids) {
    uint64_t sum = 0;
    for (const StoredId& id : ids) {
        std::array<char, sizeof(uint64_t)> bytes;
        store_le(id.fingerprint, bytes.data());
        sum += XXH3_64bits_withSeed(bytes.data(), bytes.size(), id.sequence);
    }
    return sum;
}

std::vector<StateChunk> id_chunks(uint64_t segment, std::span<const StoredId> ids) {
    UPLINE_CHECK(ids.size() <= UINT32_MAX, "a segment of fewer ids");
    std::vector<StateChunk> chunks;
    uint32_t last = 0;
    for (const StoredId& id : sorted(ids)) {
        UPLINE_CHECK(id.sequence < segment, "an id of an entry there is");
        const uint32_t number = id_chunk_number(id.fingerprint);
        if (chunks.empty() || (chunks.back().bytes.size() >= kIdChunkBytes && number != last))
            chunks.emplace_back(StateChunk{number, {}}).bytes.reserve(kIdChunkBytes + kMaxIdBytes);
        append_le(id.fingerprint, chunks.back().bytes);
        append_varint(segment - 1 - id.sequence, chunks.back().bytes);
        last = number;
    }
    return chunks;
}

bool parse_id_chunk(uint64_t segment, std::string_view chunk, std::vector<StoredId>& ids) {
    const char* at = chunk.data();
    const char* const end = at + chunk.size();
    while (at != end) {
        if (static_cast<size_t>(end - at) < sizeof(uint64_t)) return false;
        const auto fingerprint = load_le<uint64_t>(at);
        at += sizeof(uint64_t);
        uint64_t behind = 0;
        if (read_varint(at, end, behind) || behind >= segment) return false;
        ids.push_back({fingerprint, segment - 1 - behind});
    }
    return true;
}

bool IdSegmentReader::take(std::string_view key, std::string_view chunk, std::vector<StoredId>& ids) {
    if (key.size() != kSegmentKeyBytes || chunk.empty()) return false;
    const auto segment = load_be<uint64_t>(key.data());
    const auto number = load_be<uint32_t>(key.data() + sizeof segment);
    const bool is_new = segment != segment_;
    if (is_new) {
        if (segment < segment_ || segment > stored_.last || (segment_ == 0 && segment != stored_.base)) return false;
        before_ = std::exchange(segment_, segment);
    } else if (number <= id_chunk_number(last_.fingerprint)) {
        return false;
    }
    ids.clear();
    if (!parse_id_chunk(segment, chunk, ids) || id_chunk_number(ids.front().fingerprint) != number) return false;
    if (!is_new && ids.front() <= last_) return false;
    for (size_t i = 0; i < ids.size(); ++i)
        if (ids[i].sequence < before_ || (i > 0 && ids[i] <= ids[i - 1])) return false;
    last_ = ids.back();
    taken_ += ids.size();
    hash_ += hash_of_ids(ids);
    return true;
}

bool IdSegmentReader::done() const {
    return segment_ == stored_.last && taken_ == stored_.records && hash_ == stored_.hash &&
           (segment_ > 0 || stored_.base == 0);
}

}  // namespace upline
