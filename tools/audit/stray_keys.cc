// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/stray_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "events/base/bytes.h"
#include "ledger/store/families.h"
#include "ledger/store/raw_iterator.h"
#include "projectors/models/all.h"

namespace upline {
namespace {

constexpr size_t kMaxPageEntries = 256;

}  // namespace

std::optional<uint64_t> parse_key(std::string_view key) {
    if (key.size() != sizeof(uint64_t)) return std::nullopt;
    return load_be<uint64_t>(key.data());
}

std::string stray_key_text(std::string_view family, std::string_view key) {
    return fmt::format("{}: under the key {} (in hex) stands what is not the ledger's", family,
                       to_hex(std::as_bytes(std::span(key))));
}

Result<std::optional<std::string>> find_stray_key(Store& store, uint64_t size) {
    const auto of_shard = iterate(store, "default");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_shard->next());
        if (!row) break;
        if (row->key != "shard" && row->key != "position") return std::optional(stray_key_text("default", row->key));
    }
    const auto of_bulk = iterate(store, "bulk_head");
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, of_bulk->next());
        if (!row) break;
        if (row->key != "position") return std::optional(stray_key_text("bulk_head", row->key));
    }
    const auto of_entries = iterate_both(store, "entries");
    UPLINE_TRY_ASSIGN(const auto first, of_entries->next());
    if (first && first->key != be_bytes(uint64_t{0})) return std::optional(stray_key_text("entries", first->key));
    const auto behind_the_end = iterate_both(store, "entries", be_bytes(size));
    UPLINE_TRY_ASSIGN(const auto behind, behind_the_end->next());
    if (behind) return std::optional(stray_key_text("entries", behind->key));
    return std::optional<std::string>();
}

std::vector<std::string> unknown_families(const Store& store) {
    const auto is_known = [](const std::string& name) {
        return find_family(name) || std::ranges::any_of(kModels, [&](const auto make_model) {
                   return name == fmt::format("{}{}", kModelPrefix, make_model()->name());
               });
    };
    std::vector<std::string> unknown = store.families();
    std::erase_if(unknown, is_known);
    return unknown;
}

Result<std::optional<std::string>> check_places(Store& store, uint64_t size) {
    const auto walk = iterate_both(store, "offsets");
    uint64_t next = 0;
    int64_t last_offset = -1;
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, walk->next());
        if (!row) break;
        const std::optional<uint64_t> key = parse_key(row->key);
        if (!key) return std::optional(stray_key_text("offsets", row->key));
        const uint64_t first = *key;
        if (first != next)
            return std::optional(
                fmt::format("offsets: a page begins with entry {}, where entry {} is to follow", first, next));
        uint64_t offset = 0;
        std::string_view rest = row->value;
        while (!rest.empty()) {
            const auto offset_step = take_zigzag_varint(rest);
            const auto time_step = take_zigzag_varint(rest);
            if (!offset_step || !time_step || next - first == kMaxPageEntries)
                return std::optional(fmt::format("offsets: the page of entry {} is misshapen", first));
            offset += static_cast<uint64_t>(*offset_step);  // it may be any number, if somebody changed it
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
