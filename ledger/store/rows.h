// SPDX-License-Identifier: Apache-2.0
// Tables of read models in the database.
#pragma once

#include <memory>
#include <string_view>

#include "events/base/result.h"
#include "ledger/store/store.h"
#include "ledger/store/table.h"

namespace upline {

// The table of a read model, which must not outlive the store and is used by one thread. Rows whose keys share their
// first `page_bits` bits lie in one page. Made if there is none; kNotFound if the store is open for reading.
Result<std::unique_ptr<Table>> open_table(Store& store, std::string_view name, size_t page_bits);

}  // namespace upline
