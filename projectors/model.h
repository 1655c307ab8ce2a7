// SPDX-License-Identifier: Apache-2.0
// What a read model is: how an entry changes its rows. All else (position, batches, merging, storing, rebuilding) is
// the projection's (projectors/projection.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"
#include "ledger/store/rows.h"
#include "ledger/store/table.h"
#include "projectors/deltas.h"
#include "projectors/entry_cache.h"
#include "projectors/row.h"

namespace upline {

// What rows stand for: the entries below `size`, at the clock after the last of them.
struct ModelPosition {
    uint64_t size = 0;
    int64_t clock_us = 0;
    friend bool operator==(const ModelPosition&, const ModelPosition&) = default;
};

// Not thread-safe. What rows hold may depend on the entries and nothing else.
class Model {
  public:
    virtual ~Model() = default;

    virtual std::string_view name() const = 0;  // of its table
    // Raised with every change of keys, counters or what they mean; a table of another layout is built anew.
    virtual uint32_t layout() const = 0;
    // Rows whose keys share so many first bits lie in one page, which is read and written as a whole: as many as an
    // entry's neighbours touch too, and no more. Part of the layout.
    virtual size_t page_bits() const = 0;

    // Begins with what is stored: the rows of `table`, and progress() as it was then. An empty table and no progress:
    // begins with nothing. kCorrupt if they cannot be what was stored.
    virtual Status resume(Table& /*table*/, EntryCache& /*earlier*/, std::span<const uint64_t> progress) {
        return progress.empty() ? ok_status() : Status(Error{ErrorCode::kCorrupt, "its position is too long"});
    }
    // Adds what an entry says. Called for every entry in order, not accepted ones too. An error is one of reading an
    // earlier entry, or kCorrupt for an entry that names what is not there.
    // REQUIRES: an entry whose references and users are earlier entries.
    virtual Status fold(const Entry& entry, EntryCache& earlier, Deltas& deltas) = 0;
    // Adds what follows from the position as a whole and not from its last entry. Called before rows are stored.
    virtual Status finish_at(EntrySource& /*entries*/, EntryCache& /*earlier*/, const ModelPosition& /*at*/,
                             Deltas& /*deltas*/) {
        return ok_status();
    }
    // Numbers of its own that are stored with the position: how far finish_at() has come.
    virtual std::vector<uint64_t> progress() const { return {}; }

    // For people, of any key: which row it is ("user of entry 12, USD"), whether it is a set of visitors, and what a
    // counter of it says ("level_1").
    virtual std::string describe(const RowKey& key) const = 0;
    virtual bool holds_visitors(const RowKey& /*key*/) const { return false; }
    virtual std::string counter_name(const RowKey& key, uint32_t number) const = 0;
};

// As open_table of ledger/store/rows.h.
inline Result<std::unique_ptr<Table>> open_table(Store& store, const Model& model) {
    return open_table(store, model.name(), model.page_bits());
}

}  // namespace upline
