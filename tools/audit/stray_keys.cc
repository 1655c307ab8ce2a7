// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/stray_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "events/base/bytes.h"
#include "ledger/core/closing.h"
#include "ledger/store/raw_iterator.h"
#include "projectors/models/all.h"
#include "projectors/row.h"

namespace upline {
namespace {

constexpr size_t kKeyBytes = 8;
constexpr size_t kMostPageEntries = 256;
constexpr size_t kMostLeaves = 1285;  // in a part of a closing

std::string big_endian(uint64_t value) {
    std::string key(kKeyBytes, '\0');
    for (size_t i = kKeyBytes; i-- > 0; value >>= 8) key[i] = static_cast<char>(value & 0xff);
    return key;
}

uint64_t from_big_endian(std::string_view key) {
    uint64_t value = 0;
    for (const char byte : key) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
}

std::string in_hex(std::string_view key) {
    std::string hex;
    for (const char byte : key) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    return hex;
}

std::string strange(std::string_view family, std::string_view key) {
    return fmt::format("{}: under the key {} (in hex) stands what is not the ledger's", family, in_hex(key));
}

// The next whole number of a page of places; nullopt if there is none in its shortest form.
std::optional<uint64_t> take_shortest(std::string_view& bytes) {
    const std::string_view before = bytes;
    const std::optional<uint64_t> zigzag = take_varint(bytes);
    if (!zigzag) return std::nullopt;
    std::string shortest;
    append_varint(*zigzag, shortest);
    if (before.substr(0, before.size() - bytes.size()) != shortest) return std::nullopt;
    // A sum of them may be any number, whatever somebody has made of them.
    return *zigzag >> 1 ^ (0 - (*zigzag & 1));
}

}  // namespace

Result<std::optional<std::string>> find_strange_key(Store& store, uint64_t size) {
    const auto of_shard = iterate(store, "default");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_shard->next());
        if (!row) break;
        if (row->key != "shard" && row->key != "position") return std::optional(strange("default", row->key));
    }
    const auto of_bulk = iterate(store, "bulk_head");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_bulk->next());
        if (!row) break;
        if (row->key != "position") return std::optional(strange("bulk_head", row->key));
    }
    const auto of_entries = iterate_both(store, "entries");
    UPLINE_TRY_ASSIGN(const auto first, of_entries->next());
    if (first && first->key != big_endian(0)) return std::optional(strange("entries", first->key));
    const auto behind_the_end = iterate_both(store, "entries", big_endian(size));
    UPLINE_TRY_ASSIGN(const auto behind, behind_the_end->next());
    if (behind) return std::optional(strange("entries", behind->key));
    return std::optional<std::string>();
}

std::vector<std::string> unknown_families(const Store& store) {
    std::vector<std::string> known{"default",  "bulk_entries", "bulk_offsets", "bulk_tiles", "bulk_head",
                                   "entries",  "offsets",      "tiles",        "programs",   "users",
                                   "websites", "accounts",     "books",        "plans",      "payouts",
                                   "refunds",  "ids",          "state",        "closings"};
    for (const auto make_model : kModels) known.push_back(fmt::format("model.{}", make_model()->name()));
    std::vector<std::string> unknown = store.families();
    std::erase_if(unknown, [&](const std::string& name) { return std::ranges::find(known, name) != known.end(); });
    return unknown;
}

Result<std::optional<std::string>> check_places(Store& store, uint64_t size) {
    const auto walk = iterate_both(store, "offsets");
    uint64_t next = 0;
    int64_t last_offset = -1;
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, walk->next());
        if (!row) break;
        if (row->key.size() != kKeyBytes) return std::optional(strange("offsets", row->key));
        const uint64_t first = from_big_endian(row->key);
        if (first != next)
            return std::optional(
                fmt::format("offsets: a page begins with entry {}, where entry {} is to follow", first, next));
        uint64_t offset = 0;
        std::string_view rest = row->value;
        while (!rest.empty()) {
            const auto offset_step = take_shortest(rest);
            const auto time_step = take_shortest(rest);
            if (!offset_step || !time_step || next - first == kMostPageEntries)
                return std::optional(fmt::format("offsets: the page of entry {} is misshapen", first));
            offset += *offset_step;
            if (static_cast<int64_t>(offset) <= last_offset)
                return std::optional(fmt::format("offsets: entry {} has offset {}, which does not follow {}", next,
                                                 static_cast<int64_t>(offset), last_offset));
            last_offset = static_cast<int64_t>(offset);
            ++next;
        }
        if (next == first) return std::optional(fmt::format("offsets: the page of entry {} is empty", first));
    }
    if (next != size) return std::optional(fmt::format("offsets: there are {} of {} entries", next, size));
    return std::optional<std::string>();
}

// One that was partial when it was written one way may be stored the other way too: the widest counts, and what else
// there is of it must be its beginning.
Result<std::optional<merkle::Tile>> StoredTiles::tile(unsigned level, uint64_t index) {
    const std::string key = static_cast<char>(level) + big_endian(index);
    UPLINE_TRY_ASSIGN(Level* const of_level, level_of(level));
    while (of_level->row && of_level->row->key < key) {
        if (!strange_) strange_ = strange("tiles", of_level->row->key);
        UPLINE_TRY(next(level));
    }
    std::optional<merkle::Tile> widest;
    bool fits = true;
    const auto take = [&](std::string_view value) {
        std::vector<Hash> hashes(value.size() / sizeof(Hash));
        fits = fits && !value.empty() && value.size() % sizeof(Hash) == 0 && hashes.size() <= merkle::kTileWidth;
        if (!fits) return;
        std::memcpy(hashes.data(), value.data(), value.size());
        if (!widest) widest = merkle::Tile{level, index, {}};
        const size_t both = std::min(hashes.size(), widest->hashes.size());
        fits = std::equal(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(both), widest->hashes.begin());
        if (hashes.size() > both) widest->hashes = std::move(hashes);
    };
    for (; of_level->row && of_level->row->key == key;) {
        take(of_level->row->value);
        UPLINE_TRY(next(level));
    }
    std::erase_if(right_edge_, [&](const merkle::Tile& tile) {
        if (tile.level != level || tile.index != index) return false;
        take({reinterpret_cast<const char*>(tile.hashes.data()), tile.hashes.size() * sizeof(Hash)});
        return true;
    });
    if (!fits) return Error{ErrorCode::kCorrupt, fmt::format("tile {}/{} is misshapen", level, index)};
    return widest;
}

Result<std::optional<std::string>> StoredTiles::find_strange_key() {
    for (unsigned level = 0; level < levels_.size() && !strange_; ++level) {
        UPLINE_TRY_ASSIGN(const Level* const left, level_of(level));
        if (left->row) strange_ = strange("tiles", left->row->key);
    }
    if (!strange_ && !right_edge_.empty())
        strange_ = fmt::format("bulk_head: tile {}/{} is none of the tree's", right_edge_.front().level,
                               right_edge_.front().index);
    return strange_;
}

Result<StoredTiles::Level*> StoredTiles::level_of(unsigned level) {
    Level& one = levels_[level];
    if (!one.walk) {
        one.walk = iterate_both(store_, "tiles", level == 0 ? std::string() : std::string(1, static_cast<char>(level)));
        UPLINE_TRY(next(level));
    }
    return &one;
}

Status StoredTiles::next(unsigned level) {
    Level& one = levels_[level];
    UPLINE_TRY_ASSIGN(one.row, one.walk->next());
    const bool of_next_level = one.row && !one.row->key.empty() && level + 1 < levels_.size() &&
                               static_cast<uint8_t>(one.row->key.front()) > level;
    if (of_next_level) one.row.reset();
    return ok_status();
}

Status for_each_kept_closing(Store& store, const std::function<void(const KeptLeaves&)>& f) {
    const auto walk = iterate(store, "closings");
    std::optional<KeptLeaves> kept;
    uint32_t parts = 0;
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, walk->next());
        if (!row) break;
        const uint64_t key = row->key.size() == kKeyBytes ? from_big_endian(row->key) : 0;
        if (kept && kept->program != key >> 32) {
            f(*kept);
            kept.reset();
        }
        if (!kept) parts = 0;
        // Every part before is full.
        if (row->key.size() != kKeyBytes || static_cast<uint32_t>(key) != parts ||
            (kept && kept->leaves.size() != parts * kMostLeaves * kBalanceLeafBytes))
            return Error{ErrorCode::kCorrupt, strange("closings", row->key)};
        if (row->value.size() < sizeof(Sequence) || (row->value.size() - sizeof(Sequence)) % kBalanceLeafBytes != 0)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("closings: the leaves kept of program {} are misshapen", key >> 32)};
        Sequence sequence = 0;
        std::memcpy(&sequence, row->value.data(), sizeof sequence);
        if (!kept) kept = KeptLeaves{.program = key >> 32, .sequence = sequence, .whole = true, .leaves = {}};
        kept->whole = kept->whole && sequence == kept->sequence;
        kept->sequence = std::max(kept->sequence, sequence);
        const auto leaves = std::as_bytes(std::span(row->value.substr(sizeof sequence)));
        kept->leaves.insert(kept->leaves.end(), leaves.begin(), leaves.end());
        ++parts;
    }
    if (kept) f(*kept);
    return ok_status();
}

}  // namespace upline
