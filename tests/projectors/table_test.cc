// SPDX-License-Identifier: Apache-2.0
// Rows in the database beside a map: whatever the changes, clearings, compactions and restarts were, the writer, a
// reader that comes anew and one that catches up all find what the map holds.
#include "ledger/store/table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "ledger/store/rows.h"
#include "ledger/store/store.h"
#include "tests/projectors/community.h"

namespace upline {
namespace {

namespace fs = std::filesystem;
using Rows = std::map<std::string, std::string>;

// New values by key; "": no row any more.
class Changes final : public RowChanges {
  public:
    Changes(const Rows& values, const Rows& rows) : next_(values.begin()), end_(values.end()), rows_(rows) {}
    std::optional<std::string_view> next() override {
        if (next_ == end_) return std::nullopt;
        now_ = next_++;
        return now_->first;
    }
    Status change(std::optional<std::string_view> stored, std::string& value) override {
        const auto found = rows_.find(now_->first);
        EXPECT_EQ(stored.has_value(), found != rows_.end()) << now_->first;
        if (stored && found != rows_.end()) {
            EXPECT_EQ(*stored, found->second) << now_->first;
        }
        value += now_->second;
        return ok_status();
    }

  private:
    Rows::const_iterator next_, end_, now_;
    const Rows& rows_;
};

Rows rows_of(Table& table) {
    Rows rows;
    EXPECT_TRUE(table
                    .scan("",
                          [&](std::string_view key, std::string_view value) {
                              rows.emplace(key, value);
                              return true;
                          })
                    .ok());
    return rows;
}

TEST(StoredTable, HoldsWhatAMapHoldsForTheWriterAndForReaders) {
    const uint64_t seed = testing::test_seed();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const fs::path folder = fs::path(::testing::TempDir()) / ("upline_table_" + std::to_string(seed));
    fs::remove_all(folder);
    fs::create_directories(folder);
    constexpr uint64_t kKeys = 4000;
    Rows rows;
    std::unique_ptr<Store> store;
    std::unique_ptr<Table> table;
    std::unique_ptr<Store> lasting;  // a reader that catches up
    const auto open = [&] {
        lasting.reset();
        table.reset();
        store.reset();
        auto opened = Store::open(folder / "partition", Store::Access::kWrite);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        store = std::move(*opened);
        auto its_table = open_table(*store, "payouts", 42);
        ASSERT_TRUE(its_table.ok()) << its_table.error().message;
        table = std::move(*its_table);
    };
    open();
    for (int step = 0; step < 400; ++step) {
        const bool large = random() % 3 == 0;
        const size_t count = 1 + random() % (large ? 1500 : 20);
        Rows values;
        for (size_t i = 0; i < count; ++i) {
            // A page is of the rows that begin with the same five bytes: of few, so that it often goes with the last.
            const uint64_t number = random() % kKeys;
            std::string key(6, static_cast<char>('a' + number % 2));
            for (uint64_t at = 5, n = number / 2; at-- > 0; n >>= 3) key[at] = static_cast<char>('a' + n % 8);
            std::string value(random() % 3 == 0 ? 0 : 1 + random() % 40, 'v');
            for (char& c : value) c = static_cast<char>(random());
            values[key] = value;
        }
        Changes changes(values, rows);
        const Status changed = table->change(changes);
        ASSERT_TRUE(changed.ok()) << changed.error().message;
        for (const auto& [key, value] : values) {
            rows.erase(key);
            if (!value.empty()) rows.emplace(key, value);
        }
        if (random() % 50 == 0) {
            ASSERT_TRUE(table->clear().ok());
            rows.clear();
        }
        if (random() % 40 == 0) open();
        if (random() % 10 != 0) continue;
        ASSERT_EQ(rows_of(*table), rows) << "step " << step;
        const auto expect_read = [&](Store& reader) {
            auto read = open_table(reader, "payouts", 42);
            ASSERT_TRUE(read.ok()) << read.error().message;
            ASSERT_EQ(rows_of(**read), rows) << "a reader, step " << step;
            // Single looks ask memory before files, where a scan merges them.
            std::vector<std::string> keys;
            for (const auto& [key, value] : rows) keys.push_back(key);
            const auto found = (*read)->get_many(keys);
            ASSERT_TRUE(found.ok());
            for (size_t i = 0; i < keys.size(); ++i) ASSERT_EQ((*found)[i], rows.at(keys[i]));
        };
        auto reader = Store::open(folder / "partition", Store::Access::kRead);
        ASSERT_TRUE(reader.ok()) << reader.error().message;
        expect_read(**reader);
        if (!lasting) {
            lasting = std::move(*reader);
        } else {
            ASSERT_TRUE(lasting->catch_up().ok());
            expect_read(*lasting);
        }
    }
    lasting.reset();
    table.reset();
    store.reset();
    fs::remove_all(folder);
}

}  // namespace
}  // namespace upline
