// SPDX-License-Identifier: Apache-2.0
// Rows of a read model, stored many to a page: a database's cost is per key, and a batch of sales touches rows of most
// users. Rows whose keys share the first six bytes, but for the last six bits, lie in one page. (Keys of read models
// begin with a kind and 40 bits of sequence: a page holds the rows of 64 neighbours.)
//
// Page: per row, in the order of keys: u8 length and bytes of the key, u32 little-endian length and bytes of the value.
#pragma once

#include <memory>

#include "ledger/table.h"

namespace upline {

class PackedTable final : public Table {
  public:
    explicit PackedTable(std::unique_ptr<Table> pages) : pages_(std::move(pages)) {}

    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override;
    Status write(std::span<const Write> writes) override;
    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override;
    Status clear() override { return pages_->clear(); }

  private:
    std::unique_ptr<Table> pages_;
};

}  // namespace upline
