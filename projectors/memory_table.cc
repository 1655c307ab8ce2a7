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

Status MemoryTable::write(std::span<const Write> writes) {
    for (const Write& write : writes) {
        if (write.value)
            rows_.insert_or_assign(write.key, *write.value);
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
