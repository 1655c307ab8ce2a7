// SPDX-License-Identifier: Apache-2.0
// What a store holds with its entries: the places of their records, the tiles of their tree, the leaves of closings.
// Any thread may call these, also while another writes; entries themselves are read by Store::entries and look_up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/state.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/store.h"

namespace upline {

Result<LogLocation> read_location(const Store& store, Sequence sequence);
// Those of `count` entries from `first` on, in one scan; fewer if one cannot be read: read_place() says why.
std::vector<LogLocation> read_locations(const Store& store, Sequence first, size_t count);

Result<std::optional<merkle::Tile>> read_tile(const Store& store, unsigned level, uint64_t index);
// The tree of the first `size` entries. kCorrupt if its right edge is not stored.
Result<merkle::Tree> load_tree(const Store& store, uint64_t size);

// The leaves kept of a program's last closing, and the sequence of its entry, which may still be to come. kNotFound if
// there are none, or they were being replaced when the machine stopped.
struct KeptClosing {
    Sequence sequence = 0;
    std::vector<std::byte> leaves;
};
Result<KeptClosing> read_kept_closing(const Store& store, ProgramIndex program);

// The form of `closings`: a key for each part of the leaves.
inline constexpr size_t kChunkLeaves = 1285;  // 64 KiB
std::string closing_key(ProgramIndex program, uint32_t chunk);

}  // namespace upline
