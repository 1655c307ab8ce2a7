// SPDX-License-Identifier: Apache-2.0
// What the tests of verify share: a copy of a ledger, open to do anything to it that somebody with the database could,
// with all of RocksDB's checksums right.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "events/base/bytes.h"
#include "ledger/core/outcome.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"
#include "projectors/row.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/ledgers.h"
#include "tools/audit/audit.h"

namespace upline {

namespace fs = std::filesystem;

// The stored position (`default`/`position`): size, root, clock, and of the last record offset, append time, SHA-256.
inline constexpr size_t kPositionRoot = 8;
inline constexpr size_t kPositionClock = 40;
inline constexpr size_t kPositionOffset = 48;
inline constexpr size_t kPositionSize = 104;

inline std::string big_endian(uint64_t value) {
    return be_bytes(value);
}

template <class T>
T number_at(std::string_view bytes, size_t at) {
    T number;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
}
template <class T>
void put_number(std::string& bytes, size_t at, T number) {
    std::memcpy(bytes.data() + at, &number, sizeof number);
}

inline void flip(std::string& bytes, size_t at, unsigned bit) {
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
}

inline std::string text_of(const Finding& finding) {
    return finding.entry ? fmt::format("entry {}: {}", *finding.entry, finding.what) : finding.what;
}

inline std::vector<std::string> names_of_models() {
    std::vector<std::string> names;
    names.reserve(kModels.size());
    for (const auto make_model : kModels) names.emplace_back(make_model()->name());
    return names;
}

inline std::vector<std::string> texts_of(const AuditReport& report) {
    std::vector<std::string> texts;
    for (const Finding& finding : report.findings) texts.push_back(text_of(finding));
    return texts;
}

inline bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// A log and the ledger fed from it.
struct Ledger {
    explicit Ledger(const std::vector<std::string>& lines) {
        append_lines(log, lines);
        feed_folder(log, data);
    }
    TemporaryFolder folder;
    fs::path log = folder.path() / "log";
    fs::path data = folder.path() / "data";
};

// A test with a copy of a ledger to harm.
class LedgerToHarm : public ::testing::Test {
  protected:
    void use_ledger(const fs::path& ledger, const fs::path& log) {
        store_.reset();
        fs::remove_all(data());
        copy_folder(ledger, data());
        log_ = log;
    }
    fs::path data() const { return folder_.path() / "data"; }
    fs::path partition() const { return data() / "partition-00000"; }
    const fs::path& folder() const { return folder_.path(); }

    // The ledger, open to do anything to it.
    Store& open_ledger() {
        if (!store_) store_ = take(Store::open(partition(), Store::Access::kWrite));
        return *store_;
    }
    // What verify says, through a reader of its own, as in another process.
    AuditReport audit_without_log() {
        store_.reset();
        std::vector<ReadShard> shards = take(open_for_reading(data()));
        return take(audit(shards.front(), nullptr, {}));
    }
    AuditReport audit_with_log() { return audit_with_log(log_); }
    AuditReport audit_with_log(const fs::path& log_folder) {
        store_.reset();
        std::vector<ReadShard> shards = take(open_for_reading(data()));
        const auto log = take(open_log(file_url(log_folder)));
        return take(audit(shards.front(), log.get(), {}));
    }
    // The same without closing the ledger: tests that try hundreds of changes need it.
    AuditReport audit_open(EventLog* log = nullptr) { return take(try_audit_open(log)); }
    Result<AuditReport> try_audit_open(EventLog* log, const HeldCheckpoints& checkpoints = {}) {
        open_ledger();
        ReadShard shard{0, std::move(store_)};
        auto report = audit(shard, log, {}, checkpoints);
        store_ = std::move(shard.store);
        return report;
    }
    std::unique_ptr<EventLog> open_its_log() { return take(open_log(file_url(log_))); }
    void expect_found(const std::string& first) {
        EXPECT_EQ(texts_of(audit_without_log()).at(0), first) << "without the log";
        EXPECT_EQ(texts_of(audit_with_log()).at(0), first) << "with the log";
    }

    std::string raw(std::string_view family, std::string_view key) {
        return take(upline::raw(open_ledger(), family, key));
    }
    void tamper(std::string_view family, std::string_view key, std::string_view value) {
        take(upline::tamper(open_ledger(), family, key, value));
    }

    std::string entry_bytes(Sequence sequence) {
        const auto place = take(upline::entry_place(open_ledger(), sequence));
        return raw("entries", place.page_key).substr(place.begin, place.size);
    }
    // Puts other bytes in an entry's place and makes its page fit.
    void replace_entry(Sequence sequence, std::string_view bytes) {
        const auto place = take(upline::entry_place(open_ledger(), sequence));
        std::string page = raw("entries", place.page_key);
        page.replace(place.begin, place.size, bytes);
        const auto count = number_at<uint32_t>(page, 0);
        for (uint32_t i = static_cast<uint32_t>(sequence - load_be<uint64_t>(place.page_key.data())); i < count; ++i) {
            const size_t at = 4 + size_t{4} * i;
            put_number(page, at, static_cast<uint32_t>(number_at<uint32_t>(page, at) + bytes.size() - place.size));
        }
        tamper("entries", place.page_key, page);
    }
    // As the attacker who knows how the tree is made: every hash of it, and the root, from the entries as they are now.
    void rebuild_tree() {
        std::string position = raw("default", "position");
        merkle::Tree tree;
        const auto entries = open_ledger().scan_reader();
        for (Sequence i = 0; i < number_at<uint64_t>(position, 0); ++i)
            tree.append(merkle::leaf_hash(take(entries->entry(i))));
        for (const merkle::Tile& tile : tree.take_changed_tiles())
            tamper("tiles", tile_key(tile.level, tile.index),
                   {reinterpret_cast<const char*>(tile.hashes.data()), tile.hashes.size() * sizeof(Hash)});
        put_number(position, kPositionRoot, tree.root());
        tamper("default", "position", position);
    }
    // As one who also folds the entries again: every row of a read model from the entries as they are now.
    void rebuild_model(std::unique_ptr<Model> model) {
        Store& store = open_ledger();
        const auto walk = store.scan_reader();
        const auto point_reader = store.point_reader();
        auto table = take(open_table(store, *model));
        take(take(Projection::open(std::move(table), std::move(model), *walk, *point_reader))->rebuild());
    }
    // The first entry, not before `from`, that `wanted` is true of.
    template <class F>
    Sequence find_entry_where(F&& wanted, Sequence from = 0) {
        const auto entries = open_ledger().scan_reader();
        const uint64_t size = take(open_ledger().position()).size;
        Entry entry;
        for (Sequence i = from;; ++i) {
            UPLINE_CHECK(i < size, "such an entry in the sample");
            take(decode_entry(take(entries->entry(i)), entry));
            if (wanted(entry)) return i;
        }
    }
    // Decodes an entry, lets `change` have its way, puts it back and computes every hash above it again.
    template <class F>
    void change_and_rehash(Sequence sequence, F&& change) {
        const std::string bytes = entry_bytes(sequence);
        Entry entry;
        take(decode_entry(std::as_bytes(std::span(bytes)), entry));
        change(entry);
        std::vector<std::byte> changed;
        append_entry(entry, changed);
        replace_entry(sequence, {reinterpret_cast<const char*>(changed.data()), changed.size()});
        rebuild_tree();
    }

    // One entry of each type and outcome that the ledger has.
    std::map<std::string, Sequence> kinds_of_entries() {
        std::map<std::string, Sequence> kinds;
        const uint64_t size = take(open_ledger().position()).size;
        find_entry_where([&](const Entry& entry) {
            kinds.emplace(fmt::format("{} {}", entry.type, outcome_name(entry.outcome)), entry.sequence);
            return entry.sequence + 1 == size;
        });
        return kinds;
    }
    // At every byte of each entry one bit is flipped; the entry must be named, with the log and without.
    void expect_each_flipped_byte_found(const std::map<std::string, Sequence>& kinds) {
        const auto log = open_its_log();
        for (const auto& [kind, sequence] : kinds) {
            const auto place = take(upline::entry_place(open_ledger(), sequence));
            const std::string page = raw("entries", place.page_key);
            for (size_t at = 0; at < place.size; ++at) {
                std::string flipped = page;
                flip(flipped, place.begin + at, at % 8);
                tamper("entries", place.page_key, flipped);
                for (EventLog* with : {static_cast<EventLog*>(nullptr), log.get()}) {
                    const AuditReport report = audit_open(with);
                    ASSERT_FALSE(report.findings.empty()) << kind << ", byte " << at;
                    ASSERT_EQ(report.findings.front().entry, sequence)
                        << kind << ", byte " << at << ": " << text_of(report.findings.front());
                    ASSERT_TRUE(is_printable(report.findings.front().what)) << kind << ", byte " << at;
                }
            }
            tamper("entries", place.page_key, page);
        }
        EXPECT_EQ(texts_of(audit_open(log.get())), std::vector<std::string>{}) << "all is as it was";
    }
    // Of each kind of row of each read model one is changed, removed and added; and every bit of where it says it
    // stands. `kinds_found` gets their names.
    void expect_each_row_kind_found(std::set<std::string>* kinds_found = nullptr) {
        std::set<std::string> kinds;
        for (const auto make_model : kModels) {
            const std::unique_ptr<Model> model = make_model();
            std::map<std::string, std::string> rows;
            take(take(open_table(open_ledger(), *model))->scan("", [&](std::string_view key, std::string_view value) {
                rows.emplace(key, value);
                return true;
            }));
            ASSERT_GT(rows.size(), 20U) << model->name();
            const auto write = [&](const std::string& key, std::optional<std::string> value) {
                const Table::Write row{key, std::move(value)};
                take(take(open_table(open_ledger(), *model))->write({&row, 1}));
            };
            const auto expect_difference = [&](const std::string& what) {
                expect_found(fmt::format("read model {}: {}", model->name(), what));
            };
            std::set<std::string> kinds_tried;  // by the last words of what people are told
            for (const auto& [key, value] : rows) {
                const RowKey parsed = *RowKey::parse(key);
                if (parsed == RowKey()) continue;
                const std::string name = model->describe(parsed);
                const size_t comma = name.rfind(", ");
                const std::string kind = fmt::format(
                    "{}: {}", model->name(),
                    comma == std::string::npos ? name.substr(0, name.find(" of ")) : name.substr(comma + 2));
                if (!kinds_tried.insert(kind).second) continue;
                write(key, std::nullopt);
                expect_difference(name + ": the row is missing");
                std::vector<Counter> counters;
                if (!model->holds_visitors(parsed) && decode_counters(value, counters)) {
                    const Counter right = counters.front();
                    counters.front().amount += counters.front().amount == -1 ? 2 : 1;
                    CounterSums sums;
                    ASSERT_TRUE(sums.add(value));
                    if (right.number < CounterSums::kLow)
                        sums.low[right.number] = counters.front().amount;
                    else
                        sums.add_high(right.number, counters.front().amount - right.amount);
                    std::string changed;
                    sums.append_to(changed);
                    write(key, changed);
                    expect_difference(fmt::format("{}: {} is {}, should be {}", name,
                                                  model->counter_name(parsed, right.number), counters.front().amount,
                                                  right.amount));
                } else {
                    std::string other = value;
                    flip(other, other.size() - 1, 0);
                    write(key, other);
                    const std::string text = texts_of(audit_without_log()).at(0);
                    EXPECT_TRUE(text.starts_with(fmt::format("read model {}: {}: is ", model->name(), name))) << text;
                }
                write(key, value + "x");
                EXPECT_TRUE(texts_of(audit_without_log())
                                .at(0)
                                .starts_with(fmt::format("read model {}: {}", model->name(), name)));
                write(key, value);
            }
            EXPECT_FALSE(kinds_tried.empty()) << model->name();
            kinds.merge(kinds_tried);

            RowKey foreign = *RowKey::parse(rows.rbegin()->first);
            foreign.high += uint64_t{1} << 24;  // another user or website, after all others
            write(foreign.bytes(), rows.rbegin()->second);
            expect_difference(model->describe(foreign) + ": the row should not be there");
            write(foreign.bytes(), std::nullopt);

            // Where it says it stands: every bit.
            const std::string position = rows.begin()->second;
            ASSERT_EQ(*RowKey::parse(rows.begin()->first), RowKey());
            for (size_t bit = 0; bit < position.size() * 8; ++bit) {
                std::string bad = position;
                flip(bad, bit / 8, bit % 8);
                write(rows.begin()->first, bad);
                const AuditReport report = audit_open();
                // A size at which the same rows stood is the truth of an earlier moment, and said to be.
                std::vector<std::string> said = texts_of(report);
                said.insert(said.end(), report.not_checked.begin(), report.not_checked.end());
                EXPECT_TRUE(std::ranges::any_of(said,
                                                [&](const std::string& text) {
                                                    return text.starts_with(
                                                        fmt::format("read model {}", model->name()));
                                                }))
                    << "bit " << bit;
                EXPECT_EQ(std::ranges::count(report.read_models, model->name()), 0) << "bit " << bit;
            }
            write(rows.begin()->first, position);
        }
        EXPECT_EQ(texts_of(audit_without_log()), std::vector<std::string>{}) << "all is as it was";
        if (kinds_found) *kinds_found = kinds;
    }

  private:
    TemporaryFolder folder_;
    fs::path log_;
    std::unique_ptr<Store> store_;
};

}  // namespace upline
