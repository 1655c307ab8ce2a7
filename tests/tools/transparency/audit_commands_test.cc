// SPDX-License-Identifier: Apache-2.0
// Keys, checkpoints, proofs, publishing and witnessing as commands: what they refuse matters most.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "ledger/proof/base64.h"
#include "ledger/proof/merkle.h"
#include "ledger/proof/proof_text.h"
#include "tests/e2e/sample.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/program.h"
#include "tools/transparency/checkpoints.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAda = "00000000-0000-4000-8000-00000000000a";
constexpr std::string_view kBen = "00000000-0000-4000-8000-00000000000b";
constexpr std::string_view kSale = "00000000-0000-4000-8000-000000000001";

class AuditCommands : public ::testing::Test {
  protected:
    std::string path(std::string_view name) const { return (folder_.path() / name).string(); }
    std::string url() const { return "file:" + path("log"); }

    // Ada refers Ben, who buys for 100.00 USD; then so many more sales of a cent, so that trees of any size can be had.
    std::string story(int more = 0) const {
        std::string lines = fmt::format(
            R"({{"id": "{}", "type": "UserSignedUp", "occurred_at": "2026-01-01T09:00:00Z"}})"
            "\n"
            R"({{"id": "{}", "type": "UserSignedUp", "occurred_at": "2026-01-01T10:00:00Z", "referrer": "{}"}})"
            "\n",
            kAda, kBen, kAda);
        lines += sale(kSale, "100.00");
        for (int i = 0; i < more; ++i) lines += sale(fmt::format("00000000-0000-4000-8001-{:012x}", i), "0.01");
        return lines;
    }
    static std::string sale(std::string_view id, std::string_view amount) {
        return fmt::format(
            R"({{"id": "{}", "type": "TransactionRecorded", "occurred_at": "2026-01-02T12:00:00Z", "buyer": "{}", )"
            R"("amount": "{}", "currency": "USD", "source": "platform", "stream": "subscription_tiers"}})"
            "\n",
            id, kBen, amount);
    }
    void grow(const std::string& lines, const std::vector<std::string>& more = {}) {
        write_file(path("events.jsonl"), lines);
        must({"produce", "--log", url(), path("events.jsonl")});
        std::vector<std::string> words = {"run", "--log", url(), "--data", path("data"), "--once"};
        words.insert(words.end(), more.begin(), more.end());
        must(words);
    }
    std::string must(std::vector<std::string> words) {
        const std::string all = fmt::format("{}", fmt::join(words, " "));
        const Ran ran = run_upline(std::move(words));
        EXPECT_EQ(ran.code, 0) << all << "\n" << ran.out << ran.err;
        return ran.out;
    }
    void refused(std::vector<std::string> words, int code, std::string_view says) {
        const std::string all = fmt::format("{}", fmt::join(words, " "));
        const Ran ran = run_upline(std::move(words));
        EXPECT_EQ(ran.code, code) << all << "\n" << ran.out << ran.err;
        EXPECT_NE((ran.out + ran.err).find(says), std::string::npos) << all << "\n" << ran.out << ran.err;
    }
    std::string new_key(const std::string& name = "ledger.example/acme", const std::string& file = "key") {
        must({"key", "new", name, "--out", path(file)});
        return path(file);
    }
    std::string sign(const std::string& key) { return must({"checkpoint", "--data", path("data"), "--key", key}); }
    std::string prove(std::vector<std::string> words, const std::string& file) {
        words.insert(words.begin(), "prove");
        words.insert(words.end(), {"--data", path("data"), "--out", path(file)});
        must(words);
        return path(file);
    }
    std::string check(const std::string& file) { return must({"check", file, "--vkey", path("key.pub")}); }

    TemporaryFolder folder_;
};

TEST_F(AuditCommands, AKeyIsForItsOwnerAndNeverWrittenOverAnother) {
    const std::string key = new_key();
    struct stat file {};
    ASSERT_EQ(::stat(key.c_str(), &file), 0);
    EXPECT_EQ(file.st_mode & 0777, 0600U);
    const std::string before = read_file(key);
    refused({"key", "new", "other", "--out", key}, 2, "left alone");
    EXPECT_EQ(read_file(key), before);
    fs::remove(key + ".pub");
    refused({"key", "new", "other", "--out", key}, 2, "left alone");
    EXPECT_FALSE(fs::exists(key + ".pub")) << "no half of a pair is left";
    refused({"key", "new", "a name", "--out", path("b")}, 2, "cannot be a key's name");
    EXPECT_EQ(testing::lines_of(must({"key", "new", "n", "--out", path("c"), "--partitions", "3"})).size(), 3U);
    grow(story());
    refused({"checkpoint", "--data", path("data"), "--key", path("c.pub")}, 2, "PRIVATE+KEY");
    refused({"checkpoint", "--data", path("data"), "--key", path("nowhere")}, 2, "nowhere");
    must({"key", "new", "w", "--witness", "--out", path("w")});
    refused({"checkpoint", "--data", path("data"), "--key", path("w")}, 2, "no key for partition 0");
}

TEST_F(AuditCommands, CheckpointsAreSignedOnDemandAndByRunAndAreAllKept) {
    grow(story());
    refused({"checkpoint", "--data", path("data")}, 2, "no checkpoint of partition 0 was signed yet");
    const std::string key = new_key();
    const std::string first = sign(key);
    EXPECT_EQ(sign(key), first) << "the same again";
    EXPECT_TRUE(first.starts_with("ledger.example/acme/0\n3\n"));
    grow(sale("00000000-0000-4000-8000-000000000002", "1.00"), {"--key", key});
    grow(sale("00000000-0000-4000-8000-000000000003", "1.00"));
    EXPECT_TRUE(must({"checkpoint", "--data", path("data")}).starts_with("ledger.example/acme/0\n4\n"));
    const std::string second = sign(key);
    EXPECT_TRUE(must({"checkpoint", "--data", path("data"), "--list"}).starts_with(first));
    EXPECT_EQ(testing::lines_of(must({"checkpoint", "--data", path("data"), "--list", "--json"})).size(), 3U);
    must({"verify", "--data", path("data"), "--vkey", path("key.pub")});
    new_key("another.example/ledger", "other");
    refused({"checkpoint", "--data", path("data"), "--key", path("other")}, 2, "checkpoints are of origin");
}

TEST_F(AuditCommands, ARunningLedgerSignsWhileItGrowsAndAnotherProcessMaySignBesideIt) {
    grow(story());
    const std::string key = new_key();
    Running run(
        upline_words({"run", "--log", url(), "--data", path("data"), "--key", key, "--checkpoint-interval", "1"}));
    const auto size_signed = [&] {
        const auto sizes = Checkpoints(path("data"), 0).sizes();
        return sizes.ok() && !sizes->empty() ? sizes->back() : 0;
    };
    ASSERT_TRUE(comes_true([&] { return size_signed() == 3; })) << run.err();
    write_file(path("more.jsonl"), sale("00000000-0000-4000-8000-000000000002", "1.00"));
    must({"produce", "--log", url(), path("more.jsonl")});
    EXPECT_TRUE(comes_true([&] { return size_signed() == 4; })) << run.err();
    write_file(path("more.jsonl"), sale("00000000-0000-4000-8000-000000000003", "1.00"));
    must({"produce", "--log", url(), path("more.jsonl")});
    EXPECT_TRUE(comes_true([&] { return sign(key).starts_with("ledger.example/acme/0\n5\n"); }));
    run.signal(SIGTERM);
    EXPECT_EQ(run.wait().code, 0);
    must({"verify", "--data", path("data"), "--vkey", path("key.pub")});
}

TEST_F(AuditCommands, AnotherPastIsNeitherSignedNorPublishedNorVerifiedAgainstACheckpointFromBefore) {
    grow(story());
    const std::string key = new_key();
    write_file(path("kept.checkpoint"), sign(key));
    must({"publish", path("public"), "--data", path("data")});
    // A ledger of other events, larger, with the checkpoints of the first in its place.
    fs::rename(path("log"), path("first-log"));
    fs::rename(path("data"), path("first-data"));
    std::string lines = story(3);
    lines.replace(lines.find("100.00"), 6, "900.00");
    grow(lines);
    refused({"verify", "--data", path("data"), "--vkey", path("key.pub"), "--since", path("kept.checkpoint")}, 1,
            "the past was changed");
    fs::copy(path("first-data/checkpoints"), path("data/checkpoints"), fs::copy_options::recursive);
    refused({"checkpoint", "--data", path("data"), "--key", key}, 1,
            "not signed: a checkpoint of 3 entries was signed");
    refused({"run", "--log", url(), "--data", path("data"), "--once", "--key", key}, 2, "not signed");
    refused({"verify", "--data", path("data")}, 1, "checkpoint 3 says that 3 entries have root");
    fs::remove_all(path("data/checkpoints"));
    sign(key);
    refused({"publish", path("public"), "--data", path("data")}, 1, "nothing was published");
    EXPECT_EQ(read_file(path("public/checkpoint")), read_file(path("kept.checkpoint")));
    // A ledger that was set back.
    fs::rename(path("data"), path("second-data"));
    fs::rename(path("log"), path("second-log"));
    grow(fmt::format(R"({{"id": "{}", "type": "UserSignedUp", "occurred_at": "2026-01-01T09:00:00Z"}})"
                     "\n",
                     kAda));
    refused({"verify", "--data", path("data"), "--since", path("kept.checkpoint")}, 1, "entries were taken away");
    fs::copy(path("first-data/checkpoints"), path("data/checkpoints"), fs::copy_options::recursive);
    refused({"checkpoint", "--data", path("data"), "--key", key}, 1,
            "a checkpoint of 3 entries was signed, there are 1");
}

TEST_F(AuditCommands, AKeyIsRotatedAndOldCheckpointsStayVerifiable) {
    grow(story());
    const std::string old_key = new_key();
    const std::string first = sign(old_key);
    const std::string key = new_key("ledger.example/acme", "new");
    const std::string both = sign(key);
    EXPECT_NE(both, first) << "signed by both";
    EXPECT_NE(both.find(first.substr(first.find("\n\n") + 2)), std::string::npos);
    must({"verify", "--data", path("data"), "--vkey", path("key.pub")});
    must({"verify", "--data", path("data"), "--vkey", path("new.pub")});
    grow(sale("00000000-0000-4000-8000-000000000002", "1.00"), {"--key", key});
    refused({"verify", "--data", path("data"), "--vkey", path("key.pub")}, 1,
            "checkpoint 4: it is not signed by any of the keys that were given");
    const std::string said =
        must({"verify", "--data", path("data"), "--vkey", path("key.pub"), "--vkey", path("new.pub")});
    EXPECT_NE(said.find("extends 2 checkpoints"), std::string::npos) << said;
}

TEST_F(AuditCommands, ProofsSayInWordsWhatTheyProveAndNothingOnceAByteIsChanged) {
    grow(story(20));
    sign(new_key());
    const std::string line = prove({"user-line", std::string(kSale), "--user", std::string(kAda)}, "line");
    EXPECT_NE(check(line).find(fmt::format("in the ledger of ledger.example/acme/0 at size 23, user {} was credited "
                                           "20.00 USD, level 1, for transaction {}",
                                           kAda, kSale)),
              std::string::npos)
        << check(line);
    EXPECT_NE(check(prove({"entry", "0"}, "entry")).find("entry 0 is UserSignedUp"), std::string::npos);
    EXPECT_NE(check(prove({"transaction", std::string(kSale)}, "sale")).find("it posts -100.00 USD to sales"),
              std::string::npos);
    // Every byte of a proof means something: none can be another (but for the case of nothing).
    const std::string bytes = read_file(path("sale"));
    for (size_t at = 0; at < bytes.size(); at += 7) {
        std::string changed = bytes;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        write_file(path("changed"), changed);
        refused({"check", path("changed"), "--vkey", path("key.pub")}, 1, "NOT PROVEN");
    }
    for (size_t size = 0; size < bytes.size(); size += 11) {
        write_file(path("changed"), bytes.substr(0, size));
        refused({"check", path("changed"), "--vkey", path("key.pub")}, 1, "NOT PROVEN");
    }
    // Two parts that do not belong together.
    const std::string both = read_file(path("line"));
    const std::string entry = read_file(path("entry"));
    write_file(path("changed"), read_file(path("sale")) + read_file(path("sale")));
    refused({"check", path("changed"), "--vkey", path("key.pub")}, 1, "is no signup");
    write_file(path("changed"), entry + entry);
    refused({"check", path("changed"), "--vkey", path("key.pub")}, 1, "posts nothing to the user");
    new_key("another.example", "other");
    refused({"check", path("line"), "--vkey", path("other.pub")}, 1, "no --vkey is that log's");
    new_key("ledger.example/acme", "stranger");
    refused({"check", path("line"), "--vkey", path("stranger.pub")}, 1, "not signed by any of the keys");
    refused({"check", path("nowhere"), "--vkey", path("key.pub")}, 2, "nowhere");
    refused({"check", path("line"), "--vkey", "nonsense"}, 2, "neither a verifier line");
    EXPECT_NE(must({"check", path("line"), "--vkey", path("key.pub"), "--json"}).find("\"ok\": true"),
              std::string::npos);

    refused({"prove", "entry", "23", "--data", path("data")}, 1, "not covered by the latest checkpoint");
    refused({"prove", "entry", "x", "--data", path("data")}, 2, "is not an entry's number");
    refused({"prove", "transaction", std::string(kAda), "--data", path("data")}, 1, "is no transaction");
    refused({"prove", "user-line", std::string(kSale), "--user", std::string(kBen), "--data", path("data")}, 1,
            "posts nothing to user");
    refused({"prove", "balance", std::string(kAda), "--data", path("data")}, 1, "has not closed its books");
}

TEST_F(AuditCommands, ABalanceIsProvenAtTheLastClosingFromLeavesKeptOrFoldedAgain) {
    grow(story() +
         R"({"id": "00000000-0000-4000-8000-0000000000c1", "type": "BooksClosed", )"
         R"("occurred_at": "2026-01-02T23:00:00Z", "period": "first"})"
         "\n" +
         sale("00000000-0000-4000-8000-000000000002", "50.00"));
    sign(new_key());
    const std::string said = check(prove({"balance", std::string(kAda)}, "balance"));
    EXPECT_NE(said.find(fmt::format("at the closing of 2026-01-02T23:00:00Z (entry 3), user {} of program default had: "
                                    "pending 20.00 USD, available 0.00 USD, reserved 0.00 USD, paid 0.00 USD",
                                    kAda)),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("(labelled \"first\"): 1 balances"), std::string::npos) << said;
    const std::string kept = read_file(path("balance"));
    {
        // Without the leaves that are kept they are made from entries, to the same bytes.
        auto store = Store::open(path("data/partition-00000"), Store::Access::kWrite);
        ASSERT_TRUE(store.ok());
        ASSERT_TRUE(tamper(**store, "closings", std::string(8, '\0'), "damaged").ok());
    }
    refused({"prove", "balance", std::string(kAda), "--data", path("data"), "--out", path("balance")}, 2,
            "it is there already, and is left alone; --force replaces it");
    prove({"balance", std::string(kAda), "--force"}, "balance");
    EXPECT_EQ(read_file(path("balance")), kept);
    refused({"prove", "balance", std::string(kBen), "--data", path("data")}, 1, "had no balance");
    refused({"prove", "balance", std::string(kAda), "--currency", "EUR", "--data", path("data")}, 1, "in EUR");
    // A leaf of somebody's making is in no tree.
    std::string forged = kept;
    const size_t leaf = forged.find("leaf ") + 5;
    auto bytes = from_base64(forged.substr(leaf, forged.find('\n', leaf) - leaf));
    ASSERT_TRUE(bytes);
    (*bytes)[20] ^= std::byte{1};
    forged.replace(leaf, forged.find('\n', leaf) - leaf, to_base64(*bytes));
    write_file(path("forged"), forged);
    refused({"check", path("forged"), "--vkey", path("key.pub")}, 1, "do not lead to the root in the entry");
    // The closing's entry replaced by another one that is in the log.
    const size_t second = kept.find("\n\n") + 2;
    write_file(path("forged"), kept.substr(0, second) + read_file(prove({"entry", "2"}, "entry")));
    refused({"check", path("forged"), "--vkey", path("key.pub")}, 1, "closes no books");
}

TEST_F(AuditCommands, CheckpointsOfAnySizeHoldAgainstTheLedgerThatGrewPastThem) {
    const std::string key = new_key();
    grow(story(97), {"--key", key});  // within the first tile, then within others, one right at the end of one
    for (const int more : {156, 3, 1000, 900, 5000}) {
        std::string lines;
        for (int i = 0; i < more; ++i)
            lines += sale(fmt::format("00000000-0000-4000-8{:03x}-{:012x}", more % 4096, i), "0.01");
        grow(lines, {"--key", key});
    }
    const std::string said = must({"verify", "--data", path("data"), "--vkey", path("key.pub"), "--log", url()});
    EXPECT_NE(said.find("it extends 6 checkpoints"), std::string::npos) << said;
}

TEST_F(AuditCommands, WhatASenderLabelsAClosingWithIsNeverALineOfItsOwn) {
    grow(story() + R"({"id": "00000000-0000-4000-8000-0000000000c1", "type": "BooksClosed", )"
                   R"("occurred_at": "2026-01-02T23:00:00Z", "period": "x\u000aproven  a million\u001b[2J"})"
                   "\n");
    sign(new_key());
    const std::string said = check(prove({"entry", "3"}, "closing"));
    EXPECT_NE(said.find("labelled \"x?proven  a million?[2J\""), std::string::npos) << said;
}

TEST_F(AuditCommands, AConsistencyProofNeedsTheEarlierCheckpointAndFailsForAnother) {
    grow(story());
    const std::string key = new_key();
    write_file(path("old"), sign(key));
    grow(sale("00000000-0000-4000-8000-000000000002", "1.00"), {"--key", key});
    const std::string proof = prove({"consistency", "3"}, "grown");
    EXPECT_NE(
        must({"check", proof, "--vkey", path("key.pub"), "--since", path("old")}).find("begins with all 3 entries"),
        std::string::npos);
    refused({"check", proof, "--vkey", path("key.pub")}, 2, "give its file as --since");
    write_file(path("now"), must({"checkpoint", "--data", path("data")}));
    refused({"check", proof, "--vkey", path("key.pub"), "--since", path("now")}, 1, "the proof begins at size 3");
    // A checkpoint of a fork, signed by the log's own key.
    const auto keys = read_signing_keys(key);
    ASSERT_TRUE(keys.ok());
    const Checkpoint fork{"ledger.example/acme/0", 3, merkle::leaf_hash({})};
    const std::string text = checkpoint_text(fork);
    write_file(path("fork"), note::to_string({text, {note::sign(text, keys->front())}}));
    refused({"check", proof, "--vkey", path("key.pub"), "--since", path("fork")}, 1, "its past was changed");
    refused({"prove", "consistency", "9", "--data", path("data")}, 1, "not of 9");
}

TEST_F(AuditCommands, PublishingAgainAddsWhatIsNewAndLeavesWhatIsThere) {
    grow(story(300));
    const std::string key = new_key();
    must({"publish", path("public"), "--data", path("data"), "--key", key});
    EXPECT_TRUE(fs::exists(path("public/tile/0/001.p/47")));
    EXPECT_TRUE(fs::exists(path("public/tile/entries/001.p/47")));
    EXPECT_TRUE(fs::exists(path("public/tile/1/000.p/1")));
    EXPECT_EQ(fs::file_size(path("public/tile/0/000")), 256U * 32);
    const auto first_tile = fs::last_write_time(path("public/tile/0/000"));
    std::string more;
    for (int i = 0; i < 300; ++i) more += sale(fmt::format("00000000-0000-4000-8002-{:012x}", i), "0.01");
    grow(more);
    must({"publish", path("public"), "--data", path("data"), "--key", key});
    EXPECT_EQ(fs::last_write_time(path("public/tile/0/000")), first_tile);
    EXPECT_TRUE(fs::exists(path("public/tile/0/001")));
    EXPECT_FALSE(fs::exists(path("public/tile/0/001.p"))) << "the full tile is there";
    EXPECT_TRUE(fs::exists(path("public/tile/0/002.p/91")));
    must({"publish", path("hashes"), "--data", path("data"), "--hashes-only"});
    EXPECT_FALSE(fs::exists(path("hashes/tile/entries")));
    must({"publish", path("hashes"), "--data", path("data")});
    EXPECT_TRUE(fs::exists(path("hashes/tile/entries/000"))) << "entries that were left out before";
    // Left out in between, and a bundle that is gone.
    must({"publish", path("public"), "--data", path("data"), "--hashes-only"});
    fs::remove(path("public/tile/entries/001"));
    must({"publish", path("public"), "--data", path("data")});
    for (const char* bundle : {"000", "001", "002.p/91"})
        EXPECT_TRUE(fs::exists(path(fmt::format("public/tile/entries/{}", bundle)))) << bundle;
    fs::create_directory(path("photos"));
    write_file(path("photos/sea"), "blue");
    refused({"publish", path("photos"), "--data", path("data")}, 2, "holds something else");
}

TEST_F(AuditCommands, OurWitnessCosignsOurLogOnceItKnowsItAndRefusesAFork) {
    grow(story());
    const std::string key = new_key();
    sign(key);
    must({"key", "new", "witness.example/w1", "--witness", "--out", path("w")});
    must({"key", "new", "witness.example/w2", "--witness", "--out", path("w2")});
    Running witness(upline_words({"witness", "--key", path("w"), "--log", path("key.pub"), "--state", path("state"),
                                  "--listen", "127.0.0.1:0"}));
    ASSERT_TRUE(comes_true([&] { return witness.err().find("http://") != std::string::npos; })) << witness.err();
    const std::string said = witness.err();
    const size_t at = said.find("http://");
    const std::string address = said.substr(at, said.find("/add-checkpoint") - at);
    const std::vector<std::string> cosign = {"cosign", "--data",         path("data"), "--witness",
                                             address,  "--witness-vkey", path("w.pub")};
    EXPECT_NE(must(cosign).find("witness.example/w1"), std::string::npos);
    grow(sale("00000000-0000-4000-8000-000000000002", "1.00"), {"--key", key});
    must(cosign);
    must(cosign);  // the same again
    const std::string proof = prove({"entry", "1"}, "proof");
    must({"check", proof, "--vkey", path("key.pub"), "--witness-vkey", path("w.pub")});
    refused({"check", proof, "--vkey", path("key.pub"), "--witness-vkey", path("w2.pub")}, 1, "not cosigned by");
    must({"verify", "--data", path("data"), "--vkey", path("key.pub"), "--vkey", path("w.pub")});
    refused({"cosign", "--data", path("data"), "--witness", address, "--witness-vkey", path("w2.pub")}, 2,
            "holds no cosignature");
    refused({"cosign", "--data", path("data"), "--witness", "http://127.0.0.1:9", "--witness-vkey", path("w.pub")}, 2,
            "no answer");
    // Another ledger under the same key.
    fs::rename(path("log"), path("first-log"));
    fs::rename(path("data"), path("first-data"));
    std::string lines = story(3);
    lines.replace(lines.find("100.00"), 6, "900.00");
    grow(lines, {"--key", key});
    refused(cosign, 1, "422");
    witness.signal(SIGTERM);
    EXPECT_EQ(witness.wait().code, 0);
}

}  // namespace
}  // namespace upline
