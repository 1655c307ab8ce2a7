// SPDX-License-Identifier: Apache-2.0
#include "projectors/overlay_table.h"

#include <utility>

namespace upline {

Result<std::vector<std::optional<std::string>>> OverlayTable::get_many(std::span<const std::string> keys) {
    std::vector<std::optional<std::string>> values(keys.size());
    if (stored_) {
        UPLINE_TRY_ASSIGN(values, stored_->get_many(keys));
    }
    for (size_t i = 0; i < keys.size(); ++i)
        if (const auto changed = changed_.find(keys[i]); changed != changed_.end()) values[i] = changed->second;
    return values;
}

namespace {

// Stored rows that are asked for in ascending order, read some at a time.
class RowsInOrder {
  public:
    explicit RowsInOrder(Table* table) : table_(table), at_end_(table == nullptr) {}

    // Valid until the next call. REQUIRES: a key above the one before.
    Result<std::optional<std::string_view>> find(std::string_view key) {
        while (next_ < rows_.size() && rows_[next_].first < key) ++next_;
        if (next_ == rows_.size() && !at_end_) UPLINE_TRY(read(key));
        if (next_ == rows_.size() || rows_[next_].first != key) return std::optional<std::string_view>();
        return std::optional<std::string_view>(rows_[next_].second);
    }

  private:
    static constexpr size_t kRows = 256;
    Status read(std::string_view first) {
        rows_.clear();
        next_ = 0;
        UPLINE_TRY(table_->scan(first, [this](std::string_view key, std::string_view value) {
            rows_.emplace_back(key, value);
            return rows_.size() < kRows;
        }));
        at_end_ = rows_.size() < kRows;
        return ok_status();
    }
    Table* table_;
    bool at_end_;
    std::vector<std::pair<std::string, std::string>> rows_;
    size_t next_ = 0;
};

}  // namespace

Status OverlayTable::change(RowChanges& changes) {
    std::vector<std::pair<std::string, std::optional<std::string>>> changed;  // all or none
    RowsInOrder stored(stored_.get());
    while (const auto next = changes.next()) {
        const std::string key(*next);
        std::optional<std::string_view> before;
        if (const auto found = changed_.find(key); found != changed_.end()) {
            before = found->second;
        } else {
            UPLINE_TRY_ASSIGN(before, stored.find(key));
        }
        std::string value;
        UPLINE_TRY(changes.change(before, value));
        changed.emplace_back(key, value.empty() ? std::nullopt : std::optional(std::move(value)));
    }
    for (auto& [key, value] : changed) changed_.insert_or_assign(key, std::move(value));
    return ok_status();
}

Status OverlayTable::scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) {
    auto changed = changed_.lower_bound(first);
    bool more = true;
    // Those below `key`; a row of `key` itself is passed over, for it stands in place of the stored one.
    const auto give_changed = [&](std::optional<std::string_view> key) {
        for (; more && changed != changed_.end() && (!key || changed->first < *key); ++changed)
            if (changed->second) more = row(changed->first, *changed->second);
    };
    if (stored_)
        UPLINE_TRY(stored_->scan(first, [&](std::string_view key, std::string_view value) {
            give_changed(key);
            if (!more) return false;
            if (changed == changed_.end() || changed->first != key) return more = row(key, value);
            if (changed->second) more = row(key, *changed->second);
            ++changed;
            return more;
        }));
    give_changed(std::nullopt);
    return ok_status();
}

Status OverlayTable::clear() {
    stored_.reset();
    changed_.clear();
    return ok_status();
}

}  // namespace upline
