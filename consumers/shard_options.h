// SPDX-License-Identifier: Apache-2.0
// The sizes a shard works with. Tests make them small, so that few entries take the ways of many; no entry, root or
// balance depends on them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace upline {

struct ShardOptions {
    // Entries between two storings of the state, or more if it is large: what opening after a crash must fold.
    uint64_t state_interval = 500'000;
    // From so many bytes of entries on, a write ingests sorted files; below it goes through the write-ahead log.
    size_t ingest_bytes = 8 << 20;

    // A write stops waiting for more from so many bytes on.
    size_t max_write_bytes() const { return 8 * ingest_bytes; }
    // submit() waits while so many bytes are decided and not on disk, entries and leaves of closings. A second's work.
    size_t max_unwritten_bytes() const { return 32 * ingest_bytes; }
};

}  // namespace upline
