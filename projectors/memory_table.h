// SPDX-License-Identifier: Apache-2.0
// A table in memory: what verify rebuilds a read model into, to compare it with the stored one, and what tests fold to.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "ledger/store/table.h"

namespace upline {

// Not thread-safe. Never fails.
class MemoryTable final : public Table {
  public:
    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override;
    Status change(RowChanges& changes) override;
    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override;
    Status clear() override;

    const std::map<std::string, std::string, std::less<>>& rows() const { return rows_; }

  private:
    std::map<std::string, std::string, std::less<>> rows_;
};

}  // namespace upline
