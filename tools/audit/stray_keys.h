// SPDX-License-Identifier: Apache-2.0
// What is stored under which key (ledger/store/store.h lists them): what belongs to nothing is never met where what
// belongs there is read, so it is looked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "ledger/store/store.h"

namespace upline {

// The number that a key of eight big-endian bytes is; nullopt if the key is another.
std::optional<uint64_t> parse_key(std::string_view key);

// What is told of a key that is none of the ledger's.
std::string stray_key_text(std::string_view family, std::string_view key);

// The first key of `default` or `bulk_head`, or of `entries` before the first entry or behind the last, that is none of
// the ledger's; or nothing.
Result<std::optional<std::string>> find_stray_key(Store& store, uint64_t size);
// Families that neither the ledger nor a read model of this program has.
std::vector<std::string> unknown_families(const Store& store);

// What is wrong with the form of the places that entries have in the log, or nothing: pages of them follow one another
// from entry 0 to the last, each number in its shortest form, and offsets ascend.
Result<std::optional<std::string>> check_places(Store& store, uint64_t size);

}  // namespace upline
