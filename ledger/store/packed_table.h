// SPDX-License-Identifier: Apache-2.0
// Rows of a read model, stored many to a page: a database's cost is per key, and a batch of sales touches rows of most
// users. Rows whose keys share their first `page_bits` bits lie in one page.
//
// Page: per row, in the order of keys: u8 length and bytes of the key, u32 little-endian length and bytes of the value.
#pragma once

#include <cstddef>
#include <memory>

#include "ledger/store/table.h"

namespace upline {

class PackedTable final : public Table {
  public:
    PackedTable(std::unique_ptr<Table> pages, size_t page_bits) : pages_(std::move(pages)), page_bits_(page_bits) {}

    Result<std::vector<std::optional<std::string>>> get_many(std::span<const std::string> keys) override;
    Status change(RowChanges& changes) override;
    Status scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) override;
    Status clear() override { return pages_->clear(); }

  private:
    class PageChanges;
    std::string page_of(std::string_view key) const;

    std::unique_ptr<Table> pages_;
    size_t page_bits_;
};

}  // namespace upline
