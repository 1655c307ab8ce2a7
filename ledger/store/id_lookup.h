// SPDX-License-Identifier: Apache-2.0
// Which entry an id names, found without a state: about two reads for each time the state was stored, and a look at the
// entries behind it. Both are few where a run stores its state each half a million entries; a ledger that was stored
// hundreds of thousands of times takes seconds, for segments are never merged.
#pragma once

#include <optional>
#include <string_view>

#include "events/base/result.h"
#include "events/values/uuid.h"
#include "ledger/core/entry.h"
#include "ledger/store/store.h"

namespace upline {

// The accepted entry of a program's event id; nullopt if there is none. It asks the stored segments of ids, the newest
// first (ledger/store/id_segments.h), then looks at the entries that came after them. kCorrupt where it meets what
// cannot be; that a segment is gone it does not see, as loading the state and `upline verify` do. Any thread.
Result<std::optional<Sequence>> find_entry_of(const Store& store, std::string_view program, const Uuid& id);

}  // namespace upline
