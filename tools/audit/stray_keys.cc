// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/stray_keys.h"

#include <fmt/format.h>

#include <algorithm>

#include "projectors/models/all.h"
#include "projectors/row.h"

namespace upline {
namespace {

constexpr size_t kMaxPageEntries = 256;

std::string in_hex(std::string_view key) {
    std::string hex;
    for (const char byte : key) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
    return hex;
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

std::string big_endian_key(uint64_t value) {
    std::string key(sizeof value, '\0');
    for (size_t i = key.size(); i-- > 0; value >>= 8) key[i] = static_cast<char>(value & 0xff);
    return key;
}

std::optional<uint64_t> parse_big_endian_key(std::string_view key) {
    uint64_t value = 0;
    if (key.size() != sizeof value) return std::nullopt;
    for (const char byte : key) value = value << 8 | static_cast<uint8_t>(byte);
    return value;
}

std::string stray_key_text(std::string_view family, std::string_view key) {
    return fmt::format("{}: under the key {} (in hex) stands what is not the ledger's", family, in_hex(key));
}

Result<std::optional<std::string>> find_stray_key(Store& store, uint64_t size) {
    const auto of_shard = store.walk("default");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_shard->next());
        if (!row) break;
        if (row->key != "shard" && row->key != "position") return std::optional(stray_key_text("default", row->key));
    }
    const auto of_bulk = store.walk("bulk_head");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_bulk->next());
        if (!row) break;
        if (row->key != "position") return std::optional(stray_key_text("bulk_head", row->key));
    }
    const auto of_entries = store.walk_both("entries");
    UPLINE_TRY_ASSIGN(const auto first, of_entries->next());
    if (first && first->key != big_endian_key(0)) return std::optional(stray_key_text("entries", first->key));
    const auto behind_the_end = store.walk_both("entries", big_endian_key(size));
    UPLINE_TRY_ASSIGN(const auto behind, behind_the_end->next());
    if (behind) return std::optional(stray_key_text("entries", behind->key));
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
    const auto walk = store.walk_both("offsets");
    uint64_t next = 0;
    int64_t last_offset = -1;
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, walk->next());
        if (!row) break;
        const std::optional<uint64_t> key = parse_big_endian_key(row->key);
        if (!key) return std::optional(stray_key_text("offsets", row->key));
        const uint64_t first = *key;
        if (first != next)
            return std::optional(
                fmt::format("offsets: a page begins with entry {}, where entry {} is to follow", first, next));
        uint64_t offset = 0;
        std::string_view rest = row->value;
        while (!rest.empty()) {
            const auto offset_step = take_shortest(rest);
            const auto time_step = take_shortest(rest);
            if (!offset_step || !time_step || next - first == kMaxPageEntries)
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

}  // namespace upline
