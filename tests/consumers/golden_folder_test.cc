// SPDX-License-Identifier: Apache-2.0
// A ledger that rules version 1 made, kept for ever as text in tests/golden_folders/rules-v1: whatever a later release
// does, it must make the same entries of that log, and open a folder of those entries.
//
//     log.jsonl      the events as they were written, ids as short names (UUIDv5 of them); "raw": bytes that are none
//     records.hex    the same as the log held them, one a line: append time in milliseconds, value in hex
//     entries.hex    what became of each: the entry's bytes
//     root.txt       the Merkle root, the number of entries and the clock
//     balances.txt   every balance there is: of users, then of programs
//
// records.hex is kept: it is made from log.jsonl only when it is not there, for another release may write the same
// event in other bytes. The log is of partition 3 of 8. It has each event type that has a rule and each outcome, but
// for out_of_range, which takes thousands of sales, and an accepted RulesActivated, at which a release of version 1
// must stop.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <array>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "consumers/consume.h"
#include "events/base/bytes.h"
#include "events/json_writer.h"
#include "ledger/store/ledger_writer.h"
#include "tests/consumers/log_of_events.h"
#include "tests/events/log/log_harness.h"
#include "tests/ledger/core/memory_shard.h"
#include "tests/ledger/core/short_ids.h"

namespace upline::testing {
namespace {

constexpr char kGoldenFolder[] = UPLINE_SOURCE_DIR "/tests/golden_folders/rules-v1";
constexpr ShardIdentity kIdentity{3, 8};

bool regenerating() {
    return std::getenv("UPLINE_REGENERATE_GOLDEN") != nullptr;
}

std::string read_golden(std::string_view name) {
    std::ifstream in(fmt::format("{}/{}", kGoldenFolder, name));
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

void write_golden(std::string_view name, const std::string& text) {
    std::ofstream(fmt::format("{}/{}", kGoldenFolder, name)) << text;
}

Bytes bytes_of_hex(std::string_view hex) {
    Bytes bytes;
    UPLINE_CHECK(hex.size() % 2 == 0, "whole bytes");
    for (size_t i = 0; i < hex.size(); i += 2)
        bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return bytes;
}

// The bytes of a line that is no event.
std::optional<Bytes> raw_of(const std::string& line) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    UPLINE_CHECK(parser.parse(line).get(object) == simdjson::SUCCESS, "a line of JSON");
    std::string_view hex;
    if (object["raw"].get(hex) != simdjson::SUCCESS) return std::nullopt;
    return bytes_of_hex(hex);
}

struct LogRecord {
    int64_t append_time_ms = 0;
    Bytes value;
};

// As if the log had been brought here from elsewhere, all at once, when it ended.
std::vector<LogRecord> records_of_log() {
    EventParser parser;
    std::vector<LogRecord> records;
    int64_t append_time_ms = *parse_time("2026-03-01T00:00:00Z") / 1000;
    for (const std::string& line : lines_of(read_golden("log.jsonl"))) {
        std::optional<Bytes> value = raw_of(line);
        if (!value) {
            const Result<Event> event = parser.parse(testing::with_uuids(line));
            UPLINE_CHECK(event.ok(), "an event");
            value = record_of(*event);
        }
        records.push_back({append_time_ms++, std::move(*value)});
    }
    return records;
}

std::vector<LogRecord> golden_records() {
    std::vector<LogRecord> records;
    for (const std::string& line : lines_of(read_golden("records.hex"))) {
        const size_t space = line.find(' ');
        UPLINE_CHECK(space != std::string::npos, "append time and value");
        records.push_back({std::stoll(line.substr(0, space)), bytes_of_hex(std::string_view(line).substr(space + 1))});
    }
    return records;
}

std::vector<Bytes> golden_entries() {
    std::vector<Bytes> entries;
    for (const std::string& line : lines_of(read_golden("entries.hex"))) entries.push_back(bytes_of_hex(line));
    return entries;
}

std::string balances_of(const State& state) {
    std::vector<std::string> lines;
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        const User user = state.users()[account.user];
        lines.push_back(fmt::format("{} user {} {} pending {} available {} reserved {} paid {}\n",
                                    state.programs()[user.program].name(), to_string(user.id), account.currency.text(),
                                    account.pending, account.available, account.reserved, account.paid));
    }
    std::ranges::sort(lines);
    const auto users = static_cast<ptrdiff_t>(lines.size());
    for (size_t i = 0; i < state.books().size(); ++i) {
        const Book& book = state.books()[i];
        lines.push_back(fmt::format("{} {} sales {} tax {} house {}\n", state.programs()[book.program].name(),
                                    book.currency.text(), book.sales, book.tax, book.house));
    }
    std::sort(lines.begin() + users, lines.end());
    return fmt::format("{}", fmt::join(lines, ""));
}

std::string root_line(const LedgerHead& position) {
    return fmt::format("root {}\nsize {}\nclock {}\n", to_hex(position.root), position.size,
                       format_time(position.clock_us));
}

std::string entry_lines(Store& store, uint64_t size) {
    std::string text;
    const std::unique_ptr<EntrySource> entries = store.scan_reader();
    for (uint64_t sequence = 0; sequence < size; ++sequence) {
        const auto entry = entries->entry(sequence);
        UPLINE_CHECK(entry.ok(), "an entry that is there");
        text += to_hex(*entry) + "\n";
    }
    return text;
}

class GoldenFolder : public ::testing::Test {
  protected:
    std::string path(std::string_view name) const { return fmt::format("{}/{}", folder_.path(), name); }

    // The ledger that the golden log gives, or gives now, compared with the golden files.
    static void expect_golden(Shard& shard) {
        ASSERT_OK(shard.store_state());
        EXPECT_EQ(read_golden("entries.hex"), entry_lines(shard.store(), shard.position().size));
        EXPECT_EQ(read_golden("root.txt"), root_line(shard.position()));
        EXPECT_EQ(read_golden("balances.txt"), balances_of(shard.state()));
    }

    // Gives the shard the records it does not have yet.
    static Status feed(Shard& shard, const std::vector<LogRecord>& records) {
        RecordBatch batch;
        std::vector<Input> inputs;
        for (size_t i = shard.position().size; i < records.size(); ++i)
            batch.append(static_cast<Offset>(i), records[i].append_time_ms, records[i].value);
        for (const Record& record : batch.records())
            inputs.push_back(read_input(record.value, record.append_time_ms, shard.rules()));
        UPLINE_TRY(shard.apply(inputs, batch.records()));
        return shard.commit_all();
    }

    // A folder as the release that made the entries left it: the first `size` of them, in writes of some each.
    static Status commit_golden(Store& store, const std::vector<LogRecord>& records, size_t size) {
        constexpr size_t kWrite = 10;
        const std::vector<Bytes> entries = golden_entries();
        UPLINE_TRY(store.bind({kIdentity, ""}));
        UPLINE_TRY_ASSIGN(LedgerWriter writer, LedgerWriter::open(store));
        merkle::Tree tree;
        LedgerHead position;
        for (size_t first = 0; first < size; first += kWrite) {
            EntryBatch batch;
            batch.first = first;
            std::vector<LogLocation> places;
            for (size_t i = first; i < std::min(first + kWrite, size); ++i) {
                batch.bytes.insert(batch.bytes.end(), entries[i].begin(), entries[i].end());
                batch.ends.push_back(static_cast<uint32_t>(batch.bytes.size()));
                places.push_back({static_cast<Offset>(i), records[i].append_time_ms});
                tree.append(merkle::leaf_hash(entries[i]));
                Entry entry;
                UPLINE_TRY(decode_entry(entries[i], entry));
                position = {i + 1, tree.root(), entry.clock_us,
                            LogPosition{static_cast<Offset>(i), records[i].append_time_ms, entry.record_sha256}};
            }
            UPLINE_TRY(writer.commit(std::array{CommitPart{&batch, places}}, tree.take_changed_tiles(), position));
        }
        return ok_status();
    }

    TemporaryFolder folder_;
};

TEST_F(GoldenFolder, OfVersion1IsWhatItsLogGives) {
    if (regenerating() && read_golden("records.hex").empty()) {
        std::string text;
        for (const LogRecord& record : records_of_log())
            text += fmt::format("{} {}\n", record.append_time_ms, to_hex(record.value));
        write_golden("records.hex", text);
    }
    const std::unique_ptr<EmbeddedLog> log = open_embedded(path("log"), kIdentity.partition_count);
    for (const LogRecord& record : golden_records())
        append(*log, {record.value}, kIdentity.partition, record.append_time_ms);
    ASSERT_OK(feed_shard(*log, path("data"), kIdentity.partition));
    const auto folder = DataFolder::open(path("data"), DataFolder::Access::kWrite);
    ASSERT_OK(folder);
    const auto shard = Shard::open(*folder, {kIdentity, log->identity()});
    ASSERT_OK(shard);
    if (regenerating()) {
        write_golden("entries.hex", entry_lines((*shard)->store(), (*shard)->position().size));
        write_golden("root.txt", root_line((*shard)->position()));
        write_golden("balances.txt", balances_of((*shard)->state()));
    }
    EXPECT_GE((*shard)->position().size, 60U);
    expect_golden(**shard);
}

TEST_F(GoldenFolder, HoldsEveryTypeAndOutcome) {
    std::set<uint8_t> types;
    std::set<std::string_view> outcomes;
    for (const Bytes& bytes : golden_entries()) {
        Entry entry;
        ASSERT_OK(decode_entry(bytes, entry));
        EXPECT_EQ(entry.rules_version, 1);
        outcomes.insert(outcome_name(entry.outcome));
        if (entry.accepted()) types.insert(entry.type);
    }
    EXPECT_EQ(types, (std::set<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
    std::set<std::string_view> all;
    for (uint8_t outcome = 0; outcome <= kLastOutcome; ++outcome)
        all.insert(outcome_name(static_cast<Outcome>(outcome)));
    all.erase("out_of_range");
    EXPECT_EQ(outcomes, all);
}

// A release may write an event in other bytes, but reads the old ones as the same event.
TEST_F(GoldenFolder, RecordsSayWhatWasWritten) {
    const Lines lines = lines_of(read_golden("log.jsonl"));
    const std::vector<LogRecord> records = golden_records();
    ASSERT_EQ(records.size(), lines.size());
    EventParser parser;
    for (size_t i = 0; i < lines.size(); ++i) {
        if (const std::optional<Bytes> raw = raw_of(lines[i])) {
            EXPECT_EQ(to_hex(*raw), to_hex(records[i].value)) << i;
            continue;
        }
        const Result<Event> written = parser.parse(testing::with_uuids(lines[i]));
        ASSERT_OK(written);
        const DecodedRecord decoded = decode_record(records[i].value);
        ASSERT_EQ(decoded.malformed, nullptr) << i;
        std::string expected;
        std::string actual;
        append_json(*written, expected);
        append_json(decoded.event, actual);
        EXPECT_EQ(actual, expected);
    }
}

// However far the old release came, and whatever of the state it had stored, none here: the new one opens its folder
// and takes the rest of the log from there.
TEST_F(GoldenFolder, OfAnOldReleaseIsOpenedAndCarriedOn) {
    if (regenerating()) GTEST_SKIP() << "the files are being written";
    const std::vector<LogRecord> records = golden_records();
    const size_t count = golden_entries().size();
    ASSERT_EQ(records.size(), count);
    MemoryShard live(kIdentity);
    for (const LogRecord& record : records) {
        const Input input = read_input(record.value, record.append_time_ms);
        live.apply(std::span(&input, 1));
    }
    live.mature();
    for (const size_t size : {size_t{1}, size_t{17}, count / 2, count - 5, count}) {
        SCOPED_TRACE(size);
        const auto folder = DataFolder::open(path(fmt::format("data-{}", size)), DataFolder::Access::kWrite);
        ASSERT_OK(folder);
        {
            const auto store = Store::open(folder->partition_path(kIdentity.partition), Store::Access::kWrite);
            ASSERT_OK(store);
            ASSERT_OK(commit_golden(**store, records, size));
        }
        const auto shard = Shard::open(*folder, {kIdentity, ""});
        ASSERT_OK(shard);
        EXPECT_EQ((*shard)->position().size, size);
        EXPECT_EQ((*shard)->state().size(), size);
        ASSERT_OK(feed(**shard, records));
        expect_golden(**shard);
        EXPECT_TRUE(dump((*shard)->state()) == dump(live.state())) << "what balances do not show";
    }
}

}  // namespace
}  // namespace upline::testing
