// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/packed_table.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "events/base/check.h"

namespace upline {
namespace {

// Walks the rows of a page.
class PageRows {
  public:
    explicit PageRows(std::string_view page) : rest_(page) {}

    // The next row, in key() and value(); false at the end or when misshapen().
    bool next() {
        if (rest_.empty()) return false;
        const size_t key_size = static_cast<uint8_t>(rest_[0]);
        uint32_t value_size = 0;
        if (rest_.size() < 1 + key_size + sizeof value_size) return misshape();
        key_ = rest_.substr(1, key_size);
        std::memcpy(&value_size, rest_.data() + 1 + key_size, sizeof value_size);
        rest_.remove_prefix(1 + key_size + sizeof value_size);
        if (rest_.size() < value_size) return misshape();
        value_ = rest_.substr(0, value_size);
        rest_.remove_prefix(value_size);
        return true;
    }
    // The bytes of the row, its key and value.
    std::string_view bytes() const { return {key_.data() - 1, static_cast<size_t>(value_.end() - key_.begin()) + 1}; }
    std::string_view key() const { return key_; }
    std::string_view value() const { return value_; }
    bool misshapen() const { return misshapen_; }

  private:
    bool misshape() {
        misshapen_ = true;
        return false;
    }
    std::string_view rest_;
    std::string_view key_;
    std::string_view value_;
    bool misshapen_ = false;
};

void append_row(std::string_view key, std::string_view value, std::string& page) {
    UPLINE_CHECK(key.size() <= UINT8_MAX && value.size() <= UINT32_MAX, "a row of a page's form");
    page.push_back(static_cast<char>(key.size()));
    page += key;
    const auto size = static_cast<uint32_t>(value.size());
    page.append(reinterpret_cast<const char*>(&size), sizeof size);
    page += value;
}

// Says how large the value is that ends a page and begins at `value`.
void set_value_size(size_t size, char* value) {
    UPLINE_CHECK(size <= UINT32_MAX, "a value of a page's form");
    const auto stored = static_cast<uint32_t>(size);
    std::memcpy(value - sizeof stored, &stored, sizeof stored);
}

Error misshapen_page() {
    return {ErrorCode::kCorrupt, "a page of a read model is misshapen; rebuild the model"};
}

}  // namespace

std::string PackedTable::page_of(std::string_view key) const {
    std::string page(key.substr(0, (page_bits_ + 7) / 8));
    if (page.size() * 8 > page_bits_)
        page.back() = static_cast<char>(static_cast<uint8_t>(page.back()) & (0xffU << (page.size() * 8 - page_bits_)));
    return page;
}

Result<std::vector<std::optional<std::string>>> PackedTable::get_many(std::span<const std::string> keys) {
    std::vector<std::string> page_keys;
    page_keys.reserve(keys.size());
    for (const std::string& key : keys) page_keys.push_back(page_of(key));
    std::sort(page_keys.begin(), page_keys.end());
    page_keys.erase(std::unique(page_keys.begin(), page_keys.end()), page_keys.end());
    UPLINE_TRY_ASSIGN(const auto pages, pages_->get_many(page_keys));

    // One walk through each page, with the keys in order.
    std::vector<uint32_t> order(keys.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return keys[a] < keys[b]; });
    std::vector<std::optional<std::string>> values(keys.size());
    size_t next = 0;
    for (size_t p = 0; p < page_keys.size(); ++p) {
        PageRows rows(pages[p] ? std::string_view(*pages[p]) : std::string_view());
        bool row = rows.next();
        for (; next < order.size() && page_of(keys[order[next]]) == page_keys[p]; ++next) {
            const std::string& key = keys[order[next]];
            while (row && rows.key() < key) row = rows.next();
            if (row && rows.key() == key) values[order[next]] = std::string(rows.value());
        }
        while (row) row = rows.next();
        if (rows.misshapen()) return misshapen_page();
    }
    return values;
}

// Changes of rows as changes of the pages they lie in.
class PackedTable::PageChanges final : public RowChanges {
  public:
    PageChanges(const PackedTable& table, RowChanges& rows) : table_(table), rows_(rows), key_(rows.next()) {}

    std::optional<std::string_view> next() override {
        if (!key_) return std::nullopt;
        page_key_ = table_.page_of(*key_);
        return page_key_;
    }
    Status change(std::optional<std::string_view> stored, std::string& page) override {
        PageRows old(stored.value_or(std::string_view()));
        bool more = old.next();
        do {
            for (; more && old.key() < *key_; more = old.next()) page += old.bytes();
            const bool is_old = more && old.key() == *key_;
            const size_t begin = page.size();
            append_row(*key_, {}, page);
            const size_t value_begin = page.size();
            UPLINE_TRY(rows_.change(is_old ? std::optional(old.value()) : std::nullopt, page));
            const size_t size = page.size() - value_begin;
            if (size == 0)
                page.resize(begin);
            else
                set_value_size(size, page.data() + value_begin);
            if (is_old) more = old.next();
            key_ = rows_.next();
        } while (key_ && table_.page_of(*key_) == page_key_);
        for (; more; more = old.next()) page += old.bytes();
        if (old.misshapen()) return misshapen_page();
        return ok_status();
    }

  private:
    const PackedTable& table_;
    RowChanges& rows_;
    std::optional<std::string_view> key_;  // of the next row
    std::string page_key_;
};

Status PackedTable::change(RowChanges& changes) {
    PageChanges pages(*this, changes);
    return pages_->change(pages);
}

Status PackedTable::scan(std::string_view first, const std::function<bool(std::string_view, std::string_view)>& row) {
    bool misshapen = false;
    UPLINE_TRY(pages_->scan(page_of(first), [&](std::string_view page_key, std::string_view page) {
        PageRows rows(page);
        std::string before;
        misshapen = page.empty();
        while (!misshapen && rows.next()) {
            // A row in another place than its own would be met here, and by no look-up.
            misshapen = page_of(rows.key()) != page_key || (!before.empty() && rows.key() <= before);
            before = rows.key();
            if (!misshapen && rows.key() >= first && !row(rows.key(), rows.value())) return false;
        }
        misshapen = misshapen || rows.misshapen();
        return !misshapen;
    }));
    if (misshapen) return misshapen_page();
    return ok_status();
}

}  // namespace upline
