// SPDX-License-Identifier: Apache-2.0
#include "projectors/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "projectors/visitors.h"

namespace upline {
namespace {

// Walks a table row by row, reading some at a time: two tables are to be walked side by side.
class Rows {
  public:
    explicit Rows(Table& table) : table_(table) {}

    // The next row; nullptr at the end. Valid until the call after.
    Result<const std::pair<std::string, std::string>*> peek() {
        if (next_ < page_.size()) return &page_[next_];
        if (at_end_) return nullptr;
        page_.clear();
        next_ = 0;
        UPLINE_TRY(table_.scan(first_, [this](std::string_view key, std::string_view value) {
            page_.emplace_back(key, value);
            return page_.size() < kPage;
        }));
        at_end_ = page_.size() < kPage;
        if (page_.empty()) return nullptr;
        first_ = page_.back().first + '\0';
        return &page_.front();
    }
    void pass() { ++next_; }

  private:
    static constexpr size_t kPage = 4096;
    Table& table_;
    std::string first_;
    std::vector<std::pair<std::string, std::string>> page_;
    size_t next_ = 0;
    bool at_end_ = false;
};

std::string visitors_text(std::string_view value) {
    const auto set = VisitorSet::decode(value);
    if (!set) return "unreadable";
    return fmt::format("a set of {}{}", set->exact() ? "" : "about ", set->count());
}

// The first counter that differs, or the whole if there is no telling.
std::string value_difference(const Model& model, const RowKey& key, std::string_view is, std::string_view should) {
    if (model.holds_visitors(key)) return fmt::format("is {}, should be {}", visitors_text(is), visitors_text(should));
    std::vector<Counter> is_counters;
    std::vector<Counter> should_counters;
    if (!decode_counters(is, is_counters) || !decode_counters(should, should_counters)) return "is unreadable";
    const auto [a, b] = std::ranges::mismatch(is_counters, should_counters);
    if (a == is_counters.end() && b == should_counters.end()) return "is the same in other bytes";
    const uint32_t number =
        std::min(a == is_counters.end() ? UINT32_MAX : a->number, b == should_counters.end() ? UINT32_MAX : b->number);
    return fmt::format("{} is {}, should be {}", model.counter_name(key, number),
                       a != is_counters.end() && a->number == number ? a->amount : 0,
                       b != should_counters.end() && b->number == number ? b->amount : 0);
}

Difference describe(const Model& model, const std::string& key, const std::string* is, const std::string* should) {
    const std::optional<RowKey> parsed = RowKey::parse(key);
    if (!parsed) return {key, "a row whose key no row can have"};
    if (*parsed == RowKey()) {
        if (!is || !should) return {key, is ? "a position that should not be there" : "the position is missing"};
        return {key, "the position is another"};
    }
    const std::string row = model.describe(*parsed);
    if (!is) return {key, row + ": the row is missing"};
    if (!should) return {key, row + ": the row should not be there"};
    return {key, row + ": " + value_difference(model, *parsed, *is, *should)};
}

}  // namespace

Result<std::optional<Difference>> compare_tables(Table& is, Table& should, const Model& model) {
    Rows is_rows(is);
    Rows should_rows(should);
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto* is_row, is_rows.peek());
        UPLINE_TRY_ASSIGN(const auto* should_row, should_rows.peek());
        if (!is_row && !should_row) return std::optional<Difference>();
        if (!should_row || (is_row && is_row->first < should_row->first))
            return std::optional(describe(model, is_row->first, &is_row->second, nullptr));
        if (!is_row || should_row->first < is_row->first)
            return std::optional(describe(model, should_row->first, nullptr, &should_row->second));
        if (is_row->second != should_row->second)
            return std::optional(describe(model, is_row->first, &is_row->second, &should_row->second));
        is_rows.pass();
        should_rows.pass();
    }
}

}  // namespace upline
