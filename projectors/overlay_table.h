// SPDX-License-Identifier: Apache-2.0
// A table whose changes stay in memory, over a stored one that is never written: how a reader brings rows forward to
// the entries that the writer has not folded into them yet.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ledger/store/table.h"

namespace upline {

// Not thread-safe. Fails as the stored table does.
class OverlayTable final : public Table {
  public:
    // `stored` may be null: no such table.
    explicit OverlayTable(std::unique_ptr<Table> stored) : stored_(std::move(stored)) {}

    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override;
    Status change(RowChanges& changes) override;
    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override;
    Status clear() override;

  private:
    std::unique_ptr<Table> stored_;
    std::map<std::string, std::optional<std::string>, std::less<>> changed_;  // nullopt: deleted
};

}  // namespace upline
