// SPDX-License-Identifier: Apache-2.0
// Verify on what commits to balances and to the past: closings, checkpoints and their signatures, and checkpoints that
// an auditor has kept. All hashes above a change are computed again.
#include "events/base/bytes.h"
#include "events/base/int128.h"
#include "ledger/core/closing.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/audit/ledger_to_harm.h"
#include "tests/tools/small_ledger.h"

namespace upline {
namespace {

class VerifyClosing : public LedgerToHarm {
  protected:
    void SetUp() override { use_ledger(small_ledger().data, small_ledger().log); }

    // Does it to the entry, expects what must be found first, and puts the entry back.
    template <class F>
    void expect_found_after(Sequence sequence, F&& change, const std::string& what) {
        const std::string before = entry_bytes(sequence);
        change_and_rehash(sequence, change);
        EXPECT_EQ(texts_of(audit_without_log()).at(0).substr(0, what.size()), what);
        EXPECT_EQ(audit_with_log().findings.at(0).entry, sequence) << what << ", with the log";
        replace_entry(sequence, before);
        rebuild_tree();
    }
    AuditReport audit_with(const HeldCheckpoints& held) { return take(try_audit_open(nullptr, held)); }
};

TEST_F(VerifyClosing, FindsANumberOfBalancesThatIsAnother) {
    for (const int by : {-1, 1})
        expect_found_after(
            kClosing, [by](Entry& entry) { entry.closing.balances += static_cast<uint64_t>(by); },
            fmt::format("entry {}: it closes {} balances, program default has 2", kClosing, 2 + by));
    expect_found_after(
        kShopsClosing, [](Entry& entry) { entry.closing.balances = 1; },
        fmt::format("entry {}: it closes 1 balances, program shop has 0", kShopsClosing));
}

TEST_F(VerifyClosing, FindsEachSumThatIsAnother) {
    const std::string wrong = fmt::format("entry {}: its sums of USD are not those of all balances", kClosing);
    for (Int128 ClosedBook::*const sum :
         {&ClosedBook::pending, &ClosedBook::available, &ClosedBook::reserved, &ClosedBook::paid})
        for (const int by : {-1, 1})
            expect_found_after(
                kClosing, [&](Entry& entry) { entry.closing.books.at(0).*sum += by; }, wrong);
    for (int64_t ClosedBook::*const sum : {&ClosedBook::sales, &ClosedBook::tax, &ClosedBook::house})
        expect_found_after(
            kClosing, [&](Entry& entry) { entry.closing.books.at(0).*sum += 1; }, wrong);
    // Sums that still add up to zero.
    expect_found_after(
        kClosing,
        [](Entry& entry) {
            entry.closing.books.at(0).pending -= 1;
            entry.closing.books.at(0).available += 1;
        },
        wrong);
}

TEST_F(VerifyClosing, FindsACurrencyLeftOutAddedOrMadeAnother) {
    const std::string wrong = fmt::format("entry {}: its sums of ", kClosing);
    expect_found_after(
        kClosing, [](Entry& entry) { entry.closing.books.clear(); }, wrong + "USD");
    expect_found_after(
        kClosing,
        [](Entry& entry) { entry.closing.books.push_back({.currency = *parse_currency("EUR"), .pending = 5}); },
        wrong + "EUR");
    expect_found_after(
        kClosing, [](Entry& entry) { entry.closing.books.at(0).currency = *parse_currency("EUR"); }, wrong + "USD");
    expect_found_after(
        kShopsClosing, [](Entry& entry) { entry.closing.books.push_back({.currency = *parse_currency("USD")}); },
        fmt::format("entry {}: its sums of USD are not those of all balances of program shop", kShopsClosing));
}

TEST_F(VerifyClosing, FindsARootOfOtherBalancesThoughTheirLeavesAreKept) {
    const std::string key = big_endian(0);
    const std::string kept = raw("closings", key);
    std::string richer = kept;
    const size_t paid = richer.size() - sizeof(int64_t);
    put_number(richer, paid, number_at<int64_t>(richer, paid) + 1);
    tamper("closings", key, richer);
    const Hash root = closing_root(std::as_bytes(std::span(richer)).subspan(sizeof(Sequence)));
    expect_found_after(
        kClosing, [&](Entry& entry) { entry.closing.root = root; },
        fmt::format("entry {}: the root over its balances is {}, the postings give ", kClosing, to_hex(root)));
    // The entry as it was, and only the leaves others.
    EXPECT_EQ(texts_of(audit_without_log()),
              std::vector<std::string>{
                  fmt::format("the leaves kept of the closing of entry {} do not give its root", kClosing)});
    expect_found_after(
        kShopsClosing, [&](Entry& entry) { entry.closing.root = root; },
        fmt::format("entry {}: the root over its balances is {}, the postings give ", kShopsClosing, to_hex(root)));
}

TEST_F(VerifyClosing, FindsLeavesThatAreMissingAndThoseOfNoClosing) {
    const std::string kept = raw("closings", big_endian(0));
    take(remove_raw(open_ledger(), "closings", big_endian(0)));
    EXPECT_EQ(texts_of(audit_without_log()),
              std::vector<std::string>{fmt::format("the leaves of the closing of entry {} are missing", kClosing)});
    std::string of_another = kept;
    put_number(of_another, 0, kClosing - 1);
    tamper("closings", big_endian(0), of_another);
    EXPECT_EQ(texts_of(audit_without_log()),
              std::vector<std::string>{fmt::format(
                  "leaves are kept of entry {}, which is not the last closing of program default", kClosing - 1)});
    tamper("closings", big_endian(0), kept);
    tamper("closings", big_endian(uint64_t{2} << 32), kept);  // of a third program
    EXPECT_EQ(texts_of(audit_without_log()),
              std::vector<std::string>{fmt::format(
                  "leaves are kept of entry {}, which is not the last closing of program number 2", kClosing)});
}

class VerifyCheckpoints : public VerifyClosing {
  protected:
    fs::path file(uint64_t size) const { return data() / "checkpoints" / "00000" / std::to_string(size); }
    Checkpoint checkpoint_of(uint64_t size) { return take(parse_checkpoint(read_file(file(size)))).checkpoint; }
    void write_signed(const fs::path& path, const Checkpoint& checkpoint, const note::SigningKey& key) {
        note::Note note{checkpoint_text(checkpoint), {}};
        note.signatures.push_back(note::sign(note.text, key));
        write_file(path, note::to_string(note));
    }
    AuditReport report(const std::vector<HeldCheckpoint>& since = {}) {
        const note::VerifierKey keys[] = {note::verifier_of(log_key()), note::verifier_of(witness_key())};
        return audit_with(take(read_checkpoints(data().string(), 0, keys, since)));
    }
    void expect_found(const std::vector<std::string>& what, const std::vector<HeldCheckpoint>& since = {}) {
        EXPECT_EQ(texts_of(report(since)), what);
    }
    static HeldCheckpoint kept(const Checkpoint& checkpoint) { return {"--since kept", checkpoint, true}; }
};

TEST_F(VerifyCheckpoints, FindsOneOfAnotherRootThoughTheLedgersKeySignedIt) {
    Checkpoint other = checkpoint_of(kFirstSize);
    const Hash right = other.root;
    other.root[31] ^= std::byte{1};
    write_signed(file(kFirstSize), other, log_key());
    expect_found({fmt::format("checkpoint 11 says that 11 entries have root {}, they have {}: the past was changed",
                              to_hex(other.root), to_hex(right))});
}

TEST_F(VerifyCheckpoints, FindsOneOfMoreEntriesThanThereAre) {
    Checkpoint more = checkpoint_of(kSize);
    more.size = kSize + 1;
    write_signed(file(more.size), more, log_key());
    expect_found({"checkpoint 20 is of 20 entries, the ledger has 19: entries were taken away"});
}

TEST_F(VerifyCheckpoints, FindsAWrongSignatureOfTheLogAndOfAWitness) {
    for (const size_t which : {size_t{0}, size_t{1}}) {
        const std::string right = read_file(file(kSize));
        SignedCheckpoint wrong = take(parse_checkpoint(right));
        note::Signature& signature = wrong.note.signatures.at(which);
        signature.bytes.back() ^= std::byte{1};
        write_file(file(kSize), note::to_string(wrong.note));
        expect_found({fmt::format("checkpoint 19: the signature of {} is wrong{}", signature.name,
                                  which == 0 ? " (--vkey may be given for each key the log has had)" : "")});
        write_file(file(kSize), right);
    }
}

TEST_F(VerifyCheckpoints, FindsOneThatAKeyOfTheSameNameSigned) {
    write_signed(file(kSize), checkpoint_of(kSize), key_of(log_key().name, 9, note::KeyType::kEd25519));
    expect_found(
        {"checkpoint 19: it is not signed by any of the keys that were given (--vkey may be given for each key "
         "the log has had)"});
}

TEST_F(VerifyCheckpoints, FindsOneOfAnotherOrigin) {
    const note::SigningKey key = key_of("other.example/0", 1, note::KeyType::kEd25519);
    Checkpoint other = checkpoint_of(kSize);
    other.origin = key.name;
    write_signed(file(kSize), other, key);
    expect_found({"checkpoint 19 is of origin other.example/0, others are of log.example/0",
                  "checkpoint 19: no --vkey is of its origin, other.example/0"});
}

TEST_F(VerifyCheckpoints, SaysWhatItHasAndWhatItHasNotChecked) {
    AuditReport all = report({kept(checkpoint_of(kFirstSize))});
    EXPECT_EQ(texts_of(all), std::vector<std::string>{});
    EXPECT_EQ(all.checkpoints, 3U);
    EXPECT_TRUE(all.extends_old);
    EXPECT_EQ(all.signers.size(), 2U);
    const auto says = [](const AuditReport& of, const std::string& what) {
        return std::ranges::count_if(of.not_checked, [&](const std::string& text) { return text.starts_with(what); });
    };
    EXPECT_EQ(says(all, "without --vkey"), 0);
    EXPECT_EQ(says(all, "without its --vkey"), 0);
    const note::VerifierKey keys[] = {note::verifier_of(log_key())};
    EXPECT_EQ(says(audit_with(take(read_checkpoints(data().string(), 0, keys, {}))),
                   "without its --vkey: 1 signatures of witness.example (key "),
              1);
    EXPECT_EQ(says(audit_with(take(read_checkpoints(data().string(), 0, {}, {}))),
                   "without --vkey: the signatures of 2 checkpoints of log.example/0"),
              1);
}

// One adjustment is another, and everything after it is computed again: entries, tree, balances, read models,
// checkpoints.
TEST_F(VerifyCheckpoints, FindsALedgerRewrittenAsAWholeOnlyByACheckpointKeptElsewhere) {
    const Checkpoint before = checkpoint_of(kFirstSize);
    std::vector<std::string> lines = kFirstBatch;
    std::string& prize = *std::ranges::find_if(lines, [](auto& line) { return line.find("\"prize\"") < line.size(); });
    prize.replace(prize.find("20.00"), 5, "21.00");
    const SmallLedger rewritten(lines);
    use_ledger(rewritten.data, rewritten.log);
    EXPECT_EQ(texts_of(report()), std::vector<std::string>{});
    const Hash now = checkpoint_of(kFirstSize).root;
    expect_found({fmt::format("--since kept says that 11 entries have root {}, they have {}: the past was changed",
                              to_hex(before.root), to_hex(now))},
                 {kept(before)});
}

TEST_F(VerifyCheckpoints, FindsEntriesTakenAwaySinceACheckpointKeptElsewhere) {
    const Checkpoint before = checkpoint_of(kSize);
    TemporaryFolder shorter;
    append_records(shorter.path() / "log", kFirstBatch, kAppendTimeMs);
    feed_folder(shorter.path() / "log", shorter.path() / "data");
    use_ledger(shorter.path() / "data", shorter.path() / "log");
    expect_found({"--since kept is of 19 entries, the ledger has 11: entries were taken away"}, {kept(before)});
    Checkpoint elsewhere = before;
    elsewhere.origin = "log.example/1";
    expect_found({}, {kept(elsewhere)});  // of another partition
}

// Whole tiles are hashed at once; a checkpoint may be of any size within one.
TEST_F(VerifyCheckpoints, AreComparedAtEverySizeInAndBesideWholeTiles) {
    std::vector<std::string> lines = lines_of(read_file(test_data("cdnow-sample.lifecycle.jsonl.gz")));
    lines.resize(700);
    const Ledger ledger(lines);
    use_ledger(ledger.data, ledger.log);
    std::vector<HeldCheckpoint> since;
    merkle::Tree tree;
    const auto entries = open_ledger().scan_reader();
    for (uint64_t size = 0; size <= 700; ++size) {
        if (size > 0) tree.append(merkle::leaf_hash(take(entries->entry(size - 1))));
        for (const uint64_t wanted : {0, 1, 255, 256, 257, 300, 511, 512, 513, 699, 700})
            if (size == wanted) since.push_back(kept({"log.example/0", size, tree.root()}));
    }
    const AuditReport all = report(since);
    EXPECT_EQ(texts_of(all), std::vector<std::string>{});
    EXPECT_EQ(all.checkpoints, since.size());
    for (HeldCheckpoint& one : since) {
        const Hash right = one.checkpoint.root;
        one.checkpoint.root[0] ^= std::byte{1};
        expect_found({fmt::format("--since kept says that {} entries have root {}, they have {}: the past was changed",
                                  one.checkpoint.size, to_hex(one.checkpoint.root), to_hex(right))},
                     since);
        one.checkpoint.root = right;
    }
}

}  // namespace
}  // namespace upline
