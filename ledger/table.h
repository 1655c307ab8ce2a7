// SPDX-License-Identifier: Apache-2.0
// Where a read model keeps its rows: in RocksDB (ledger/store.h) or in memory (projectors/memory_table.h).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/result.h"

namespace upline {

// Rows of a read model: keys and values are bytes, in the order of keys.
class Table {
  public:
    struct Write {
        std::string key;
        std::optional<std::string> value;  // nullopt: delete
    };
    virtual ~Table() = default;
    // Values in the order of the keys; nullopt where there is no such row.
    virtual Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) = 0;
    // All or none of them, in order, on disk when the system next writes back; a crash may lose the newest writes, but
    // only newest first.
    virtual Status write(std::span<const Write> writes) = 0;
    // Calls row(key, value) in the order of keys, from the first key not below `first`, until it returns false.
    virtual Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) = 0;
    // Deletes every row.
    virtual Status clear() = 0;
};

}  // namespace upline
