// SPDX-License-Identifier: Apache-2.0
// Whether two tables of a read model are the same, and where not: what verify says of a row that somebody changed.
#pragma once

#include <optional>
#include <string>

#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

struct Difference {
    std::string key;   // of the first row that differs, in the order of keys
    std::string what;  // one line: which row, and how: `user of entry 12, USD: level_1 is 120, should be 130`
};

// `is` against `should`: nullopt if they are the same to the byte, position included.
Result<std::optional<Difference>> compare_tables(Table& is, Table& should, const Model& model);

}  // namespace upline
