// SPDX-License-Identifier: Apache-2.0
#include "projectors/overlay_table.h"

#include <utility>

namespace upline {

Result<std::vector<std::optional<std::string>>> OverlayTable::get_many(std::span<const std::string> keys) {
    std::vector<std::optional<std::string>> values(keys.size());
    if (stored_) {
        UPLINE_TRY_ASSIGN(values, stored_->get_many(keys));
    }
    for (size_t i = 0; i < keys.size(); ++i)
        if (const auto changed = changed_.find(keys[i]); changed != changed_.end()) values[i] = changed->second;
    return values;
}

Status OverlayTable::change(RowChanges& changes) {
    std::vector<std::pair<std::string, std::optional<std::string>>> changed;  // all or none
    while (const auto next = changes.next()) {
        const std::string key(*next);
        UPLINE_TRY_ASSIGN(const auto values, get_many({&key, 1}));
        std::string value;
        UPLINE_TRY(changes.change(values.front(), value));
        changed.emplace_back(key, value.empty() ? std::nullopt : std::optional(std::move(value)));
    }
    for (auto& [key, value] : changed) changed_.insert_or_assign(key, std::move(value));
    return ok_status();
}

Status OverlayTable::scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) {
    auto changed = changed_.lower_bound(first);
    bool more = true;
    // Those below `key`; a row of `key` itself is passed over, for it stands in place of the stored one.
    const auto give_changed = [&](std::optional<std::string_view> key) {
        for (; more && changed != changed_.end() && (!key || changed->first < *key); ++changed)
            if (changed->second) more = row(changed->first, *changed->second);
    };
    if (stored_)
        UPLINE_TRY(stored_->scan(first, [&](std::string_view key, std::string_view value) {
            give_changed(key);
            if (!more) return false;
            if (changed == changed_.end() || changed->first != key) return more = row(key, value);
            if (changed->second) more = row(key, *changed->second);
            ++changed;
            return more;
        }));
    give_changed(std::nullopt);
    return ok_status();
}

Status OverlayTable::clear() {
    stored_.reset();
    changed_.clear();
    return ok_status();
}

}  // namespace upline
