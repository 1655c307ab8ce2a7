// SPDX-License-Identifier: Apache-2.0
// The form in which the ids of a stored state are stored: which entry each accepted id belongs to. Two kinds are in it:
// `ids`, of all that is no user, website or payout, which a restart loads; and `entity_ids`, of those that are, which
// it does not, for their records hold their ids. Both are there to be looked up (ledger/store/id_lookup.h).
//
//     segment     its number is the state's size when it was stored: the ids of entries below it, from the segment
//                 before on. Ascending by fingerprint, then by sequence. Chunks of about 8 KiB.
//     chunk       its number is the upper half of its first fingerprint, and no other chunk of the segment has
//                 fingerprints of that half: so one seek finds the chunk that a fingerprint must be in
//     id          8 bytes fingerprint (IdTable::fingerprint), little-endian; varint (segment - 1 - sequence)
//     hash        of a kind: the sum modulo 2^64 of XXH3 of each fingerprint, seeded with its sequence. It is the same
//                 in any order, so that sorting is left to the thread that writes
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/core/state.h"

namespace upline {

struct StoredId {
    uint64_t fingerprint = 0;
    Sequence sequence = 0;  // the entry whose id it is
    friend auto operator<=>(const StoredId&, const StoredId&) = default;
};

// A part of a segment, and its number in it.
struct StateChunk {
    uint32_t number = 0;
    std::string bytes;
};

// The number of the chunk that begins with it.
inline uint32_t id_chunk_number(uint64_t fingerprint) {
    return static_cast<uint32_t>(fingerprint >> 32);
}

uint64_t hash_of_ids(std::span<const StoredId> ids);

// The chunks of a segment, of ids in any order. REQUIRES: sequences below `segment`.
std::vector<StateChunk> id_chunks(uint64_t segment, std::span<const StoredId> ids);

// Appends the ids of one chunk. False if it is misshapen.
bool parse_id_chunk(uint64_t segment, std::string_view chunk, std::vector<StoredId>& ids);

// Reads all that is stored of one kind, in the order of its keys, and checks that it is what was stored.
class IdSegmentReader {
  public:
    explicit IdSegmentReader(const StoredKind& stored) : stored_(stored) {}

    // Puts the chunk's ids in place of those in `ids`. False if it cannot be the next chunk.
    bool take(std::string_view key, std::string_view chunk, std::vector<StoredId>& ids);
    // False if any was missing or another.
    bool done() const;

  private:
    StoredKind stored_;
    uint64_t before_ = 0;   // the segment before
    uint64_t segment_ = 0;  // of the last chunk; 0: there was none
    StoredId last_;         // of it
    uint64_t taken_ = 0;
    uint64_t hash_ = 0;
};

}  // namespace upline
