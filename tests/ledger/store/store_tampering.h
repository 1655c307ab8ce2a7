// SPDX-License-Identifier: Apache-2.0
// What somebody with access to a ledger's database could do to it: rows changed and removed, with all of RocksDB's
// checksums right. For tests, which show that it is found.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "events/base/result.h"
#include "ledger/store/store.h"

namespace upline {

// `family`: see ledger/store/families.h.
Status tamper(Store& store, std::string_view family, std::string_view key, std::string_view value);
Status remove_raw(Store& store, std::string_view family, std::string_view key);
Result<std::string> raw(const Store& store, std::string_view family, std::string_view key);

// The page that holds an entry: its key, and where in the value the entry's bytes begin.
struct EntryPlace {
    const char* family;
    std::string page_key;
    size_t begin = 0;
    size_t size = 0;
};
Result<EntryPlace> entry_place(const Store& store, Sequence sequence);

}  // namespace upline
