// SPDX-License-Identifier: Apache-2.0
// The auditor's look at what is stored under which key (ledger/store/store.h lists them): what belongs to nothing
// would be met by no reading of what belongs there.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/proof/merkle.h"
#include "ledger/store/raw_iterator.h"
#include "ledger/store/store.h"

namespace upline {

// What stands under a key of `default` or `bulk_head`, before the first entry or behind the last, that is none of the
// ledger's; or nothing.
Result<std::optional<std::string>> find_strange_key(Store& store, uint64_t size);
// Families that neither the ledger nor a read model of this program has.
std::vector<std::string> unknown_families(const Store& store);

// What is wrong with the form of the places that entries have in the log, or nothing: pages of them follow one another
// from entry 0 to the last, each number in its shortest form, and offsets ascend.
Result<std::optional<std::string>> check_places(Store& store, uint64_t size);

// The stored tiles. Not thread-safe.
class StoredTiles {
  public:
    explicit StoredTiles(Store& store) : store_(store) {
        if (auto head = read_bulk_head(store); head.ok() && *head) right_edge_ = std::move((*head)->right_edge);
    }

    // nullopt if it is missing, kCorrupt if it is misshapen. REQUIRES: a higher index than before at that level.
    Result<std::optional<merkle::Tile>> tile(unsigned level, uint64_t index);
    // What was passed over or is left, and is therefore no tile of the tree; or nothing.
    Result<std::optional<std::string>> find_strange_key();

  private:
    // The keys of a level; those before the first and behind the last level's belong to these too.
    struct Level {
        std::unique_ptr<RawIterator> walk;
        std::optional<RawIterator::Row> row;
    };
    Result<Level*> level_of(unsigned level);
    Status next(unsigned level);

    Store& store_;
    std::array<Level, merkle::kTileLevels> levels_;
    std::vector<merkle::Tile> right_edge_;  // of the last ingest, those not asked for yet
    std::optional<std::string> strange_;
};

// The leaves kept of a program's closing.
struct KeptLeaves {
    uint64_t program = 0;   // its index
    Sequence sequence = 0;  // of the newest closing that a part of them is of
    bool whole = true;      // all parts are of that one
    std::vector<std::byte> leaves;
};
// Calls f(kept) for each program of which leaves are kept. kCorrupt at what is no part of any.
Status for_each_kept_closing(Store& store, const std::function<void(const KeptLeaves&)>& f);

}  // namespace upline
