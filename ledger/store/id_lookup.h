// SPDX-License-Identifier: Apache-2.0
// Which entry an id names, found in the time of a few reads and without a state.
#pragma once

#include <optional>
#include <string_view>

#include "events/base/result.h"
#include "events/values/uuid.h"
#include "ledger/core/entry.h"
#include "ledger/store/store.h"

namespace upline {

// The accepted entry of a program's event id; nullopt if there is none. It asks each stored segment of ids, two reads
// each, and looks at the entries that came after the last of them (ledger/store/id_segments.h). kCorrupt if they cannot
// be read. Any thread.
Result<std::optional<Sequence>> find_entry_of(const Store& store, std::string_view program, const Uuid& id);

}  // namespace upline
