// SPDX-License-Identifier: Apache-2.0
// A read model on its table: folds entries into rows, and stores rows and the position they stand for in one write.
//
// What is stored is a function of the position alone: not of batch sizes, flushes, restarts, or what was lost in a
// crash between two flushes. So a model can be dropped and rebuilt at any time, to the same bytes.
//
// The row with key 0 is the position, as varints: layout, size, clock, the numbers of the model's progress.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ledger/core/entry_source.h"
#include "ledger/store/table.h"
#include "projectors/model.h"

namespace upline {

// Not thread-safe. After an error, throw it away and open it again: its rows are as of position() still.
class Projection {
  public:
    // Memory for what entries have added and is not stored: one half is stored, by a thread of its own, while the other
    // fills. It is kept. Storing takes the pages that change besides. (One entry that moves the clock over a great many
    // maturities may need more: what follows from one entry is stored in one write.)
    static constexpr size_t kDeltaBytes = size_t{128} << 20;

    // Resumes where the table's rows stand; at zero if the table is new, of another layout, or stands for more than the
    // `entries` there are, of which the newest were lost (its rows are then deleted). kCorrupt if the position cannot
    // be read: clear the table and open again. Two sources of entries, one walked in order and one asked for any: they
    // must outlive the projection and be used by nobody else. An entry of none of the `versions` ends it with
    // unknown_rules where its money is worked out.
    static Result<std::unique_ptr<Projection>> open(std::unique_ptr<Table> table, std::unique_ptr<Model> model,
                                                    EntrySource& walk, EntrySource& point_reader,
                                                    size_t delta_bytes = kDeltaBytes, uint64_t entries = UINT64_MAX,
                                                    std::span<const Rules> versions = rules_versions());

    uint64_t position() const { return stored_.size; }  // as stored
    const Model& model() const { return *model_; }
    Table& table() { return *table_; }

    // Folds the entries up to `size`, storing rows whenever enough have gathered; the last ones are not stored before
    // flush(). REQUIRES: every entry below `size` committed. kCorrupt for an entry that is not what an entry can be,
    // or if the rows stand for more than `size` entries.
    Status fold_to(uint64_t size);
    // Stores the rows of what has been folded.
    Status flush();
    // Deletes the rows, folds all entries again as far as they were folded, and stores.
    Status rebuild();

  private:
    Projection(std::unique_ptr<Table> table, std::unique_ptr<Model> model, EntrySource& walk, EntrySource& point_reader,
               size_t delta_bytes, std::span<const Rules> versions)
        : table_(std::move(table)),
          model_(std::move(model)),
          entries_(walk),
          earlier_(point_reader, versions),
          delta_bytes_(delta_bytes) {}

    Status load_position(uint64_t entries);
    Status start_anew();
    // Begins to store what has been folded, beside the folding that goes on, after what was begun before.
    Status begin_store();
    Status end_store();

    class Merge;
    friend Status fold_together(std::span<Projection* const> projections, EntrySource& walk, uint64_t size,
                                size_t delta_bytes, const std::function<void(const Entry&)>& seen);
    friend Result<std::unique_ptr<Table>> rows_at(std::unique_ptr<Table> stored, std::unique_ptr<Model> model,
                                                  EntrySource& walk, EntrySource& point_reader, const ModelPosition& at,
                                                  std::span<const Rules> versions);
    std::string position_row();

    std::unique_ptr<Table> table_;
    std::unique_ptr<Model> model_;
    EntrySource& entries_;
    EntryCache earlier_;
    size_t delta_bytes_;
    ModelPosition stored_;
    ModelPosition folded_;
    Deltas deltas_;
    Deltas deltas_in_store_;  // and what rows stand for with them; of the thread of store_ as long as that runs
    ModelPosition in_store_;
    std::future<Status> store_;  // the last member: waits for its thread before the others go
};

// Folds entries up to `size` into several read models as fold_to() does into one, each entry read and decoded once.
// They may stand for different positions, and are stored together when they hold more than so much memory together.
// `walk` is read in ascending order, from the least of their positions on; `seen`, if given, is called with each entry.
Status fold_together(std::span<Projection* const> projections, EntrySource& walk, uint64_t size, size_t delta_bytes,
                     const std::function<void(const Entry&)>& seen = {});

// For readers: the rows of a model as of the first `size` entries, at the clock after the last of them or a later one:
// the stored ones where they stand for that, else brought forward in memory, which folds the entries since. `stored`
// may be null: no such table. The two sources are as for Projection::open and are needed within the call only.
Result<std::unique_ptr<Table>> rows_at(std::unique_ptr<Table> stored, std::unique_ptr<Model> model, EntrySource& walk,
                                       EntrySource& point_reader, const ModelPosition& at,
                                       std::span<const Rules> versions = rules_versions());

// For readers: what the table's rows stand for. Size 0 if nothing was stored yet. kConflict if it is of another
// layout: the next `run` builds it anew. kCorrupt if it cannot be read.
Result<ModelPosition> read_position(Table& table, const Model& model);

}  // namespace upline
