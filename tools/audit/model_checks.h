// SPDX-License-Identifier: Apache-2.0
// The stored read models against the same models folded again in memory, on threads of their own, row by row.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/rules.h"
#include "ledger/store/store.h"
#include "projectors/compare.h"
#include "projectors/model.h"
#include "tools/audit/chunk_pipeline.h"
#include "tools/audit/findings.h"

namespace upline {

// Its calls by one thread.
class ModelChecks {
  public:
    // Starts folding, up to where each stored model stands. The store and `versions` must outlive it.
    ModelChecks(Store& store, uint64_t size, std::span<const Rules> versions);

    // Waits for the folding. Of models that stand for more than the `right` entries that were found right nothing can
    // be said. Adds the names of those that are right to `checked`.
    Status finish(uint64_t right, Findings& findings, std::vector<std::string>& checked);

  private:
    struct ModelCheck {
        std::unique_ptr<Model> (*make)();
        std::string name;
        Result<std::unique_ptr<Table>> stored;
        std::optional<Result<ModelPosition>> position;  // if there is a table
        std::unique_ptr<EntrySource> walk;
        std::unique_ptr<EntrySource> named;
        // None if it was not folded, because it stands for more than `right_` entries.
        std::optional<Result<std::optional<Difference>>> difference;
    };
    // Folds models that stand at one position together: each entry is read and decoded once.
    void fold(std::span<ModelCheck* const> models, EntrySource& walk) const;
    Status report(const ModelCheck& model, uint64_t right, Findings& findings, std::vector<std::string>& checked) const;

    uint64_t size_;
    std::span<const Rules> versions_;
    std::vector<ModelCheck> models_;
    std::vector<std::unique_ptr<EntrySource>> walks_;
    std::atomic<uint64_t> right_ = UINT64_MAX;  // as far as is known
    JoiningThreads threads_;                    // last, so that they end before what they use
};

}  // namespace upline
