// SPDX-License-Identifier: Apache-2.0
// Verify against somebody with the database open: on the ledger of the real sales sample, everything that can be
// changed in it is changed, with all of RocksDB's checksums right (but for the last tests, which harm the files), and
// verify must say so, name the first wrong entry, and never crash.
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "ledger/proof/merkle.h"
#include "ledger/store/state_store.h"
#include "projectors/models/all.h"
#include "projectors/row.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/audit/verify_sample.h"
#include "tools/audit/audit.h"
#include "tools/audit/commands.h"

namespace upline {
namespace {

// What the program's exit code would be; all its words go away.
int verify_quietly(const fs::path& data, const fs::path& log) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = verify({.data = data.string(), .log = {log.empty() ? "" : file_url(log), {}}, .json = false});
    testing::internal::GetCapturedStdout();
    testing::internal::GetCapturedStderr();
    return code;
}

bool is_sale_with_uplines(const Entry& entry) {
    return entry.accepted() && std::holds_alternative<TransactionRecorded>(entry.payload) && entry.posting_count >= 5;
}

TEST_F(Verify, SaysOkOfTheRealSample) {
    for (const bool with_log : {false, true}) {
        const AuditReport report = with_log ? audit_with_log() : audit_without_log();
        EXPECT_EQ(texts_of(report), std::vector<std::string>{});
        EXPECT_EQ(report.size, kEvents);
        EXPECT_EQ(report.root, take(open_ledger().position()).root);
        EXPECT_EQ(report.read_models, names_of_models());
        EXPECT_EQ(report.not_checked.size(), with_log ? 0U : 2U);
    }
}

TEST_F(Verify, SaysOkOfALedgerThatIsBehindItsLogAndThatItIs) {
    const std::vector<std::string> lines = lines_of(sales_sample());
    const Ledger behind({lines.begin(), lines.end() - 100});
    append_lines(behind.log, {lines.end() - 100, lines.end()});
    use_ledger(behind.data, behind.log);
    const AuditReport report = audit_with_log();
    EXPECT_EQ(texts_of(report), std::vector<std::string>{});
    EXPECT_EQ(report.not_checked,
              (std::vector<std::string>{"the records of the log that follow the 10860 entries: they are not in the "
                                        "ledger; `upline run` applies them"}));
}

// As after a crash: the entries are all there, the state was last stored long before, in the midst of a tile.
TEST_F(VerifySmall, FindsOneFlippedBitAtEveryByteOfAnEntryOfEachKind) {
    std::map<std::string, Sequence> kinds = kinds_of_entries();
    kinds.emplace("sale of seven levels", find_entry_where([](const Entry& entry) {
                      return is_sale_with_uplines(entry) && entry.posting_count >= 9;
                  }));
    ASSERT_EQ(kinds.size(), 13U) << "5 types accepted, 4 of them resent, 3 refusals, a long sale";
    expect_each_flipped_byte_found(kinds);
}

TEST_F(Verify, FindsASwappedPair) {
    const std::string a = entry_bytes(5000);
    const std::string b = entry_bytes(5001);
    replace_entry(5000, b);
    replace_entry(5001, a);
    expect_found("entry 5000: entry 5001 stands in its place");
    rebuild_tree();
    expect_found("entry 5000: entry 5001 stands in its place");
}

TEST_F(Verify, FindsADroppedLastEntry) {
    const auto place = take(entry_place(open_ledger(), kEvents - 1));
    std::string page = raw("entries", place.page_key);
    const auto count = number_at<uint32_t>(page, 0);
    page.resize(place.begin);
    page.erase(4 * size_t{count}, 4);
    put_number(page, 0, count - 1);
    tamper("entries", place.page_key, page);
    expect_found("entry 10959: entry 10959 is missing");

    std::string position = raw("default", "position");
    put_number(position, 0, kEvents - 1);
    tamper("default", "position", position);
    expect_found("entry 10959: tile 0/42 holds 208 hashes, a tree of 10959 entries has 207 there");

    rebuild_tree();  // and now the head is one of 10,959 entries through and through; the balances are not
    expect_found(
        "stored state is of 10960 entries, but there are only 10959: a part of the database is gone; make the ledger "
        "anew with `upline replay`");
}

TEST_F(Verify, FindsAnEntryBehindTheHead) {
    std::string position = raw("default", "position");
    put_number(position, 0, kEvents - 1);
    tamper("default", "position", position);
    rebuild_tree();
    const std::vector<std::string> texts = texts_of(audit_without_log());
    EXPECT_NE(std::ranges::find(texts, "entry 10959: it is stored, but the head does not count it"), texts.end());
}

TEST_F(Verify, FindsWrongAmountsThatAreHashedProperly) {
    const Sequence sale = find_entry_where(is_sale_with_uplines, 7000);
    std::string before;
    std::string after;
    change_and_rehash(sale, [&](Entry& entry) {
        Posting& level_1 = *std::ranges::find(entry.postings, Role::kLevel1, &Posting::role);
        Posting& house = entry.postings[entry.posting_count - 1u];
        ASSERT_EQ(house.account, AccountKind::kHouse);
        before = fmt::format("earned level_1 of entry {} {}", level_1.user, level_1.amount);
        level_1.amount += 100;
        house.amount -= 100;
        after = fmt::format("earned level_1 of entry {} {}", level_1.user, level_1.amount);
    });
    for (const bool with_log : {false, true}) {
        const AuditReport report = with_log ? audit_with_log() : audit_without_log();
        const std::string text = text_of(report.findings.at(0));
        const size_t split = text.find("; its facts and the plan give ");
        ASSERT_TRUE(text.starts_with(fmt::format("entry {}: its postings are sales -", sale))) << text;
        ASSERT_NE(split, std::string::npos) << text;
        EXPECT_LT(text.find(after), split) << text;
        EXPECT_GT(text.find(before, split), split) << text;
        EXPECT_NE(text.find(before, split), std::string::npos) << text;
    }
}

TEST_F(Verify, FindsAmountsThatDoNotSumToZero) {
    const Sequence sale = find_entry_where(is_sale_with_uplines, 7000);
    change_and_rehash(sale, [](Entry& entry) { entry.postings[2].amount += 1; });
    expect_found(fmt::format("entry {}: its postings sum to 1 and not to zero", sale));
}

TEST_F(Verify, FindsEachChangedFactThatIsHashedProperly) {
    const Sequence sale = find_entry_where(is_sale_with_uplines, 7000);
    change_and_rehash(sale, [](Entry& entry) { entry.maturity_us -= 1; });
    EXPECT_NE(text_of(audit_without_log().findings.at(0)).find(", its clock and hold gives "), std::string::npos);
    change_and_rehash(sale, [](Entry& entry) { entry.maturity_us += 1; });
    EXPECT_TRUE(audit_with_log().findings.empty()) << "put back";

    change_and_rehash(sale, [](Entry& entry) { entry.plan = 1; });
    expect_found(fmt::format("entry {}: it names plan 1, it falls under plan 0", sale));
    change_and_rehash(sale, [](Entry& entry) { entry.plan = 0; });

    change_and_rehash(sale, [](Entry& entry) { entry.clock_us += 1; });
    EXPECT_NE(text_of(audit_without_log().findings.at(0)).find("the entries before it give"), std::string::npos);
    change_and_rehash(sale, [](Entry& entry) { entry.clock_us -= 1; });

    change_and_rehash(sale, [](Entry& entry) { entry.rules_version = 2; });
    expect_found(fmt::format("entry {}: rules version 2, in force is 1", sale));
    change_and_rehash(sale, [](Entry& entry) { entry.rules_version = 1; });

    const Sequence signup = find_entry_where(
        [](const Entry& entry) { return entry.type == 1 && entry.accepted() && entry.refs[0] != kNoSequence; }, 700);
    change_and_rehash(signup, [signup](Entry& entry) { entry.refs[0] = signup; });
    EXPECT_EQ(text_of(audit_without_log().findings.at(0)),
              fmt::format("entry {}: it names a user, website, sale or payout that no earlier entry made", signup));
    EXPECT_EQ(audit_with_log().findings.at(0).entry, signup);
}

// Facts that no amount hangs on, and the reasons of refusals, only the log can tell.
TEST_F(Verify, FindsWithTheLogWhatOnlyTheLogCanTell) {
    const Sequence sale = find_entry_where(is_sale_with_uplines, 7000);
    const auto change_stream = [](Entry& entry) {
        auto& facts = std::get<TransactionRecorded>(entry.payload);
        facts.stream = enum_at<Stream>((index_of(facts.stream) + 1) % 18);
    };
    change_and_rehash(sale, change_stream);
    EXPECT_EQ(text_of(audit_with_log().findings.at(0)),
              fmt::format("entry {}: its bytes are not those that executing the log's record again gives", sale));
    const AuditReport alone = audit_without_log();
    ASSERT_FALSE(alone.findings.empty()) << "the read model by stream stays behind";
    EXPECT_EQ(alone.findings.front().entry, std::nullopt);
    EXPECT_TRUE(alone.findings.front().what.starts_with("read model payouts: user of entry "))
        << alone.findings.front().what;

    // Another wrong entry after it, in the same stretch, does not hide it.
    const Sequence later = sale + 50;
    std::string bytes = entry_bytes(later);
    flip(bytes, 60, 3);
    replace_entry(later, bytes);
    EXPECT_EQ(text_of(audit_with_log().findings.at(0)),
              fmt::format("entry {}: its bytes are not those that executing the log's record again gives", sale));
}

TEST_F(Verify, FindsWithTheLogAnotherReasonOfARefusal) {
    const Sequence refused =
        find_entry_where([](const Entry& entry) { return entry.outcome == Outcome::kUnknownUser; });
    change_and_rehash(refused, [](Entry& entry) { entry.outcome = Outcome::kInvalid; });
    rebuild_model(outcomes_model());
    EXPECT_EQ(texts_of(audit_without_log()), std::vector<std::string>{});
    EXPECT_EQ(
        text_of(audit_with_log().findings.at(0)),
        fmt::format("entry {}: outcome is invalid, executing the log's record again gives unknown_user", refused));
}

TEST_F(Verify, FindsARefusalOfAnIdThatIsTaken) {
    const Sequence repeated = find_entry_where([](const Entry& entry) { return entry.outcome == Outcome::kDuplicate; });
    change_and_rehash(repeated, [](Entry& entry) { entry.outcome = Outcome::kInvalid; });
    EXPECT_EQ(text_of(audit_without_log().findings.at(0)),
              fmt::format("entry {}: outcome is invalid, but an accepted event has its id", repeated));
}

// Everything rewritten together: what it cannot find without the log it must not claim.
TEST_F(Verify, FindsALedgerRewrittenAsAWholeWithTheLogAndSaysThatItNeedsIt) {
    std::vector<std::string> lines = lines_of(sales_sample());
    size_t line = 8000;
    while (lines[line].find("TransactionRecorded") == std::string::npos) ++line;
    const size_t amount = lines[line].find("\"amount\": \"") + 11;
    lines[line].insert(amount, "1");
    append_lines(folder() / "forged-log", lines);
    feed_folder(folder() / "forged-log", folder() / "forged-data");
    const std::string shard_row = raw("default", "shard");
    audit_without_log();  // closes it
    use_ledger(folder() / "forged-data", full_sample().log);
    tamper("default", "shard", shard_row);

    const AuditReport alone = audit_without_log();
    EXPECT_EQ(texts_of(alone), std::vector<std::string>{});
    EXPECT_EQ(alone.not_checked.at(1),
              "a ledger rewritten as a whole and signed anew is caught only with --log, or with --since against a "
              "checkpoint kept somewhere else");
    EXPECT_TRUE(text_of(audit_with_log().findings.at(0))
                    .starts_with(fmt::format("entry {}: it says its record has SHA-256 ", line)));
}

TEST_F(Verify, FindsTwoVersionsOfAnEntryInPagesThatOverlap) {
    // A look-up of entry 300 would find the second page, a walk the first.
    const std::string page = raw("entries", big_endian(kPageEntries));
    tamper("entries", big_endian(300), page);
    const AuditReport report = audit_without_log();
    ASSERT_FALSE(report.findings.empty());
    EXPECT_EQ(text_of(report.findings.front()), "entry 512: entry 512: pages overlap");
}

TEST_F(VerifySmall, FindsAPageThatIsNoPage) {
    const std::string page = raw("entries", big_endian(0));
    for (const size_t size : {size_t{0}, size_t{3}, size_t{4}, size_t{1027}, page.size() - 1}) {
        tamper("entries", big_endian(0), std::string_view(page).substr(0, size));
        EXPECT_EQ(audit_open().findings.at(0).entry, Sequence{0}) << "cut to " << size;
    }
    for (size_t at = 0; at < 4 + 4 * kPageEntries; at += 13) {
        std::string flipped = page;
        flip(flipped, at, at % 8);
        tamper("entries", big_endian(0), flipped);
        EXPECT_LT(audit_open().findings.at(0).entry.value_or(UINT64_MAX), kPageEntries) << "byte " << at;
    }
}

// Tiles: of entries and of what is above them.
TEST_F(Verify, FindsAChangedHashOfEachLevelOfTheTree) {
    struct Case {
        unsigned level;
        uint64_t index;
        size_t hash;
        std::string first;  // how the finding begins
    };
    for (const Case& c : {Case{0, 3, 7, "entry 775: its hash is "}, Case{0, 42, 207, "entry 10959: its hash is "},
                          Case{1, 0, 3, "tile 1/0: hash 3 is "}}) {
        const std::string good = raw("tiles", tile_key(c.level, c.index));
        std::string bad = good;
        flip(bad, c.hash * sizeof(Hash) + 5, 2);
        tamper("tiles", tile_key(c.level, c.index), bad);
        EXPECT_TRUE(texts_of(audit_without_log()).at(0).starts_with(c.first)) << texts_of(audit_without_log()).at(0);
        EXPECT_TRUE(texts_of(audit_with_log()).at(0).starts_with(c.first));
        tamper("tiles", tile_key(c.level, c.index), good);
    }
    tamper("tiles", tile_key(1, 0), "short");
    expect_found("tile 1/0 is misshapen");
}

TEST_F(VerifySmall, FindsEveryChangedByteOfTheHead) {
    const std::string good = raw("default", "position");
    ASSERT_EQ(good.size(), kPositionSize);
    for (size_t at = 0; at < kPositionSize; ++at) {
        std::string bad = good;
        flip(bad, at, at % 8);
        tamper("default", "position", bad);
        EXPECT_FALSE(audit_open().findings.empty()) << "byte " << at;
    }
}

TEST_F(Verify, SaysWhatIsWrongWithTheHead) {
    const std::string good = raw("default", "position");
    std::string bad = good;
    flip(bad, kPositionRoot, 0);
    tamper("default", "position", bad);
    const std::string text = texts_of(audit_without_log()).at(0);
    EXPECT_TRUE(text.starts_with("the head says root ")) << text;
    bad = good;
    flip(bad, kPositionClock, 0);
    tamper("default", "position", bad);
    EXPECT_TRUE(texts_of(audit_without_log()).at(0).starts_with("the head says clock "));
    bad = good;
    flip(bad, kPositionOffset, 0);
    tamper("default", "position", bad);
    expect_found("the head's place in the log is not that of entry 10959's record");
    bad = good;
    put_number(bad, 0, kEvents + 1);
    tamper("default", "position", bad);
    expect_found("entry 10960: entry 10960 is missing");
}

TEST_F(VerifySmall, FindsEveryChangedByteOfTheShardsIdentityWithTheLog) {
    const auto log = open_its_log();
    const std::string good = raw("default", "shard");
    for (size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        flip(bad, at, at % 8);
        tamper("default", "shard", bad);
        const AuditReport report = audit_open(log.get());
        ASSERT_FALSE(report.findings.empty()) << "byte " << at;
        for (const std::string& text : texts_of(report)) EXPECT_TRUE(is_printable(text));
    }
}

TEST_F(VerifySmall, FindsAChangedARemovedAndAnAddedRowOfEachReadModel) {
    expect_each_row_kind_found();
}

TEST_F(VerifySmall, FindsEveryChangedByteOfOffsetsWithTheLog) {
    const auto log = open_its_log();
    const std::string good = raw("offsets", big_endian(512));
    for (size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        flip(bad, at, at % 8);
        tamper("offsets", big_endian(512), bad);
        const AuditReport report = audit_open(log.get());
        ASSERT_FALSE(report.findings.empty()) << "byte " << at;
        ASSERT_TRUE(report.findings.front().entry) << text_of(report.findings.front());
        EXPECT_GE(*report.findings.front().entry, 512U);
        EXPECT_LT(*report.findings.front().entry, 768U);
    }
    std::string bad = good;
    bad[0] = static_cast<char>(bad[0] + 2);  // the first offset, as a zigzag varint: one more
    tamper("offsets", big_endian(512), bad);
    EXPECT_EQ(
        text_of(audit_with_log().findings.at(0)),
        fmt::format("entry 512: stored as the record at offset 513 of time {0} ms, the log has offset 512, {0} ms",
                    kAppendTimeMs));
    EXPECT_EQ(texts_of(audit_without_log()),
              std::vector<std::string>{"offsets: entry 768 has offset 768, which does not follow 768"});
    bad = good;
    flip(bad, 2, 1);  // the first append time: a millisecond
    tamper("offsets", big_endian(512), bad);
    EXPECT_EQ(audit_with_log().findings.at(0).entry, 512U);
    EXPECT_EQ(texts_of(audit_without_log()), std::vector<std::string>{}) << "and without it says it has not checked";
}

// The log itself changed, its checksums right: the file's format is in events/log/embedded_format.h.
class LogFile {
  public:
    explicit LogFile(fs::path path) : path_(std::move(path)), bytes_(read_file(path_)) {}
    // Where the record's header begins.
    size_t find(Offset offset) const {
        for (size_t at = 4096; at + 32 <= bytes_.size();) {
            const auto length = number_at<uint32_t>(bytes_, at + 8);
            if (number_at<uint32_t>(bytes_, at + 12) == 1 && number_at<Offset>(bytes_, at + 24) == offset) return at;
            at += 32 + (length + 7) / 8 * 8;
        }
        UPLINE_CHECK(false, "a record of that offset");
    }
    std::string& bytes() { return bytes_; }
    void seal(size_t at) {
        const auto length = number_at<uint32_t>(bytes_, at + 8);
        put_number(bytes_, at, XXH3_64bits(bytes_.data() + at + 8, 24 + (length + 7) / 8 * 8));
    }
    void save() { write_file(path_, bytes_); }

  private:
    fs::path path_;
    std::string bytes_;
};

TEST_F(Verify, FindsAChangedEventInTheLog) {
    const Sequence sale = find_entry_where(is_sale_with_uplines, 5000);
    copy_folder(full_sample().log, folder() / "log");
    LogFile file(folder() / "log" / "partition-00000.log");
    const size_t record = file.find(static_cast<Offset>(sale));
    flip(file.bytes(), record + 32 + number_at<uint32_t>(file.bytes(), record + 8) / 2, 1);
    file.seal(record);
    file.save();
    const std::string text = text_of(audit_with_log(folder() / "log").findings.at(0));
    EXPECT_TRUE(text.starts_with(fmt::format("entry {}: it says its record has SHA-256 ", sale))) << text;
    EXPECT_NE(text.find(", the log's has "), std::string::npos) << text;

    // The same with the append time.
    copy_folder(full_sample().log, folder() / "log2");
    LogFile later(folder() / "log2" / "partition-00000.log");
    put_number(later.bytes(), record + 16, kAppendTimeMs + 1);
    later.seal(record);
    later.save();
    EXPECT_EQ(
        text_of(audit_with_log(folder() / "log2").findings.at(0)),
        fmt::format("entry {0}: stored as the record at offset {0} of time {1} ms, the log has offset {0}, {2} ms",
                    sale, kAppendTimeMs, kAppendTimeMs + 1));
}

TEST_F(Verify, FindsALogThatEndsBeforeTheLedger) {
    std::vector<std::string> lines = lines_of(sales_sample());
    lines.resize(kEvents - 100);
    append_lines(folder() / "short-log", lines);
    const AuditReport report = audit_with_log(folder() / "short-log");
    EXPECT_EQ(text_of(report.findings.at(0)), "entry 10860: the log has no record for it: it ends before");
}

TEST_F(Verify, FindsThatTheLogIsAnother) {
    append_lines(folder() / "other-log", lines_of(sales_sample()));
    const std::vector<std::string> texts = texts_of(audit_with_log(folder() / "other-log"));
    ASSERT_EQ(texts.size(), 1U) << "the same records";
    EXPECT_TRUE(texts.front().starts_with("the ledger was made from log ")) << texts.front();
}

// Bits flipped in the files themselves. RocksDB's own checksums should tell (exit 2, or 1 when it came as a finding);
// where it uses no part of what was harmed, the ledger is read as it was, and ok is the truth. Whatever is said to be
// ok must therefore have the right size and root.
void harm_files(const fs::path& partition, const fs::path& data, unsigned flips) {
    const int seed = testing::UnitTest::GetInstance()->random_seed();
    fmt::print("seed {}\n", seed);
    std::mt19937_64 random(static_cast<uint64_t>(seed));
    std::vector<fs::path> files;
    for (const auto& file : fs::directory_iterator(partition)) {
        const std::string name = file.path().filename().string();
        const bool holds_data = name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST");
        if (holds_data && file.file_size() > 0) files.push_back(file.path());
    }
    std::ranges::sort(files);
    ASSERT_FALSE(files.empty());
    std::map<int, unsigned> codes;
    for (unsigned i = 0; i < flips; ++i) {
        const fs::path& path = files[i % files.size()];
        const std::string good = read_file(path);
        std::string bad = good;
        const size_t at = random() % bad.size();
        flip(bad, at, random() % 8);
        write_file(path, bad);
        const int code = verify_quietly(data, small_sample().log);
        ++codes[code];
        EXPECT_GE(code, 0);
        EXPECT_LE(code, 2);
        if (code == 0) {
            std::vector<ReadShard> shards = take(open_for_reading(data));
            EXPECT_EQ(take(shards.front().store->position()).size, kSmallEvents)
                << path.filename() << ", byte " << at << " of " << bad.size();
        }
        write_file(path, good);
    }
    for (const auto& [code, count] : codes) fmt::print("exit code {}: {} of {} flips\n", code, count, flips);
    EXPECT_GT(codes[1] + codes[2], 0U);
    EXPECT_EQ(verify_quietly(data, small_sample().log), 0) << "all is as it was";
}

TEST_F(VerifySmall, IsNeverFooledByBitsFlippedInTheWriteAheadLog) {
    harm_files(partition(), data(), 60);
}

TEST_F(VerifySmall, IsNeverFooledByBitsFlippedInTheFiles) {
    open_ledger();  // opening for writing moves what the write-ahead log holds into files
    audit_without_log();
    harm_files(partition(), data(), 120);
}

// RocksDB's own reader goes on for ever at a record whose type is made that of a recycled file.
TEST_F(VerifySmall, ComesToAnEndWhateverTypeARecordOfTheDatabasesOwnLogsHas) {
    unsigned harmed = 0;
    for (const auto& file : fs::directory_iterator(partition())) {
        const std::string name = file.path().filename().string();
        if (!name.ends_with(".log") && !name.starts_with("MANIFEST")) continue;
        const std::string good = read_file(file.path());
        constexpr size_t kBlock = 32 << 10;
        constexpr size_t kHeader = 7;
        for (size_t at = 0; at + kHeader <= good.size() && harmed < 40;) {
            std::string bad = good;
            flip(bad, at + kHeader - 1, 2);
            write_file(file.path(), bad);
            EXPECT_NE(verify_quietly(data(), small_sample().log), 0) << name << ", record at " << at;
            bad = good;
            flip(bad, at + kHeader - 2, 7);  // its length
            write_file(file.path(), bad);
            EXPECT_NE(verify_quietly(data(), small_sample().log), 0) << name << ", length of the record at " << at;
            ++harmed;
            at += kHeader + static_cast<uint8_t>(good[at + 4]) + size_t{256} * static_cast<uint8_t>(good[at + 5]);
            if (kBlock - at % kBlock < kHeader) at += kBlock - at % kBlock;
        }
        write_file(file.path(), good);
    }
    EXPECT_GT(harmed, 10U);
    EXPECT_EQ(verify_quietly(data(), small_sample().log), 0) << "all is as it was";
}

TEST_F(Verify, SaysSoWhenThereIsNothingToVerify) {
    EXPECT_EQ(verify_quietly(folder() / "nothing", ""), 2);
    EXPECT_EQ(verify_quietly(data(), folder() / "no-log"), 2);
    fs::remove_all(partition());
    EXPECT_EQ(verify_quietly(data(), ""), 2);
}

}  // namespace
}  // namespace upline
