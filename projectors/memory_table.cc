// SPDX-License-Identifier: Apache-2.0
#include "projectors/memory_table.h"

namespace upline {

Result<std::vector<std::optional<std::string>>> MemoryTable::get_many(std::span<const std::string> keys) {
    std::vector<std::optional<std::string>> values;
    values.reserve(keys.size());
    for (const std::string& key : keys) {
        const auto found = rows_.find(key);
        values.push_back(found == rows_.end() ? std::nullopt : std::optional(found->second));
    }
    return values;
}

Status MemoryTable::change(RowChanges& changes) {
    std::vector<Write> writes;
    std::string value;
    while (const auto key = changes.next()) {
        const auto found = rows_.find(*key);
        value.clear();
        UPLINE_TRY(changes.change(found == rows_.end() ? std::nullopt : std::optional<std::string_view>(found->second),
                                  value));
        writes.push_back({std::string(*key), value.empty() ? std::nullopt : std::optional(value)});
    }
    for (Write& write : writes) {
        if (write.value)
            rows_.insert_or_assign(std::move(write.key), std::move(*write.value));
        else
            rows_.erase(write.key);
    }
    return ok_status();
}

Status MemoryTable::scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) {
    for (auto it = rows_.lower_bound(first); it != rows_.end(); ++it)
        if (!row(it->first, it->second)) break;
    return ok_status();
}

Status MemoryTable::clear() {
    rows_.clear();
    return ok_status();
}

}  // namespace upline
