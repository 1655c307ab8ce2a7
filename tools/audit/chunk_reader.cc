// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/chunk_reader.h"

#include <algorithm>

#include "ledger/store/ledger_reader.h"

namespace upline {
namespace {

constexpr size_t kChunk = 4096;          // entries
constexpr size_t kChunkBytes = 8 << 20;  // about, of records, or of entries where there is no log

// An event as an accepted entry tells it, without the ids of what it names.
Input facts_again(const Entry& entry) {
    Input input;
    if (!entry.accepted()) return input;
    input.rules_version = entry.rules_version;
    input.record_sha256 = entry.record_sha256;
    input.append_time_ms = entry.occurred_at_us / 1000 + 1;
    input.record.event.id = entry.id;
    input.record.event.type = entry.type;
    input.record.event.program = entry.program;
    input.record.event.occurred_at_us = entry.occurred_at_us;
    input.record.event.payload = entry.payload;
    return input;
}

}  // namespace

void ChunkReader::read(Chunk& chunk) {
    chunk.first = next_;
    chunk.bytes.clear();
    chunk.ends.clear();
    chunk.unreadable.reset();
    const uint64_t size = ledger_.head.size;
    const uint64_t until = next_ < ledger_.state_size() ? std::min(size, ledger_.state_size()) : size;
    uint64_t count = std::min(kChunk - next_ % kChunk, until - next_);
    if (log_) count = read_records(count, chunk);
    while (chunk.ends.size() < count && (log_ || chunk.bytes.size() < kChunkBytes)) {
        const Result<std::span<const std::byte>> bytes = entries_.entry(next_);
        if (!bytes.ok()) {
            chunk.unreadable = bytes.error();
            break;
        }
        chunk.bytes.insert(chunk.bytes.end(), bytes->begin(), bytes->end());
        chunk.ends.push_back(chunk.bytes.size());
        ++next_;
    }
    chunk.last = next_ == size || chunk.unreadable;
}

// As many records as the chunk shall have entries, or fewer where the log ends. Returns how many entries it shall have:
// fewer if the records are large.
uint64_t ChunkReader::read_records(uint64_t count, Chunk& chunk) {
    chunk.batch_count = 0;
    chunk.log_places.clear();
    chunk.record_unreadable.reset();
    size_t bytes = 0;
    while (chunk.log_places.size() < count && !pipeline_.stopped()) {
        if (bytes >= kChunkBytes) return chunk.log_places.size();
        if (chunk.batch_count == chunk.batches.size()) chunk.batches.emplace_back();
        RecordBatch& batch = chunk.batches[chunk.batch_count];
        const Status read = log_->read(count - chunk.log_places.size(), kChunkBytes - bytes, 100, batch);
        if (!read.ok()) {
            chunk.record_unreadable = read.error();
            return count;
        }
        if (batch.empty()) {
            const Result<bool> at_end = log_->at_end();
            if (!at_end.ok()) chunk.record_unreadable = at_end.error();
            if (!at_end.ok() || *at_end) return count;
            continue;
        }
        for (const Record& record : batch.records()) chunk.log_places.push_back({record.offset, record.append_time_ms});
        bytes += batch.value_bytes();
        ++chunk.batch_count;
    }
    return count;
}

void prepare_chunk(Chunk& chunk, const Rules* rules, Store& store) {
    const size_t count = chunk.ends.size();
    chunk.tile_roots.clear();
    chunk.inputs.clear();
    chunk.undecodable.reset();
    std::vector<std::span<const std::byte>> entries;
    entries.reserve(count);
    for (size_t i = 0; i < count; ++i) entries.push_back(chunk.entry(i));
    chunk.leaves.resize(count);
    hash_leaves(entries, chunk.leaves);
    for (size_t i = 0; i < count; ++i)
        if (chunk.is_whole_tile(i))
            chunk.tile_roots.push_back(tree_hash(std::span(chunk.leaves).subspan(i, kAuditTileWidth)));
    if (chunk.entries_room < count) {
        chunk.entries = std::make_unique<Entry[]>(count);
        chunk.entries_room = count;
    }
    for (chunk.decoded = 0; chunk.decoded < count; ++chunk.decoded) {
        const Status decoded = decode_entry(chunk.entry(chunk.decoded), chunk.entries[chunk.decoded]);
        if (decoded.ok()) continue;
        chunk.undecodable = decoded.error();
        break;
    }
    if (!rules) {
        for (size_t i = 0; i < chunk.decoded; ++i) chunk.inputs.push_back(facts_again(chunk.entries[i]));
        return;
    }
    for (size_t batch = 0; batch < chunk.batch_count; ++batch)
        read_inputs(chunk.batches[batch].records(), *rules, chunk.inputs);
    chunk.places = read_locations(store, chunk.first, count);
}

}  // namespace upline
