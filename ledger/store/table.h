// SPDX-License-Identifier: Apache-2.0
// Where a read model keeps its rows: in RocksDB (ledger/store/store.h) or in memory (projectors/memory_table.h).
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"

namespace upline {

// Rows that are to be changed, each made out of what is stored. Named and changed one after another, so that no more
// than one is held at a time.
class RowChanges {
  public:
    virtual ~RowChanges() = default;
    // The key of the next row to change, in ascending order; nullopt at the end. Valid until the next call.
    virtual std::optional<std::string_view> next() = 0;
    // Appends the new value of the row that next() named: nothing, and there is no such row. REQUIRES: called once for
    // a row, before the next() after. An error ends all.
    virtual Status change(std::optional<std::string_view> stored, std::string& value) = 0;
};

// Rows of a read model: keys and values are bytes, in the order of keys, and no value is empty.
class Table {
  public:
    struct Write {
        std::string key;
        std::optional<std::string> value;  // nullopt: delete
    };
    virtual ~Table() = default;
    // Values in the order of the keys; nullopt where there is no such row.
    virtual Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) = 0;
    // Changes all rows or none. They are on the disk when it returns.
    virtual Status change(RowChanges& changes) = 0;
    // The same of rows whose values are known; of several writes of one key the last counts.
    Status write(std::span<const Write> writes);
    // Calls row(key, value) in the order of keys, from the first key not below `first`, until it returns false.
    virtual Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) = 0;
    // Deletes every row.
    virtual Status clear() = 0;
};

}  // namespace upline
