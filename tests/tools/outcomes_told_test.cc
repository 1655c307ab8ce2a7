// SPDX-License-Identifier: Apache-2.0
// Nothing is refused in silence: what becomes of each event is counted, told once of its kind, listed and found by its
// id or its place.
#include <gtest/gtest.h>

#include <csignal>

#include "events/json_reader.h"
#include "events/log/event_log.h"
#include "events/record_writer.h"
#include "tests/tools/command_fixture.h"

namespace upline {
namespace {

constexpr const char* kRefund = "0190b3a0-0000-7000-8000-00000000000e";

std::string refund(const std::string& amount, const std::string& id = kRefund) {
    return fmt::format(R"({{"id": "{}", "type": "TransactionRefunded", "occurred_at": "2026-01-05T00:00:00Z", )"
                       R"("transaction": "{}", "amount": "{}", "currency": "USD", "reason": "refund"}})",
                       id, kSale, amount) +
           "\n";
}

class OutcomesTold : public Command {
  protected:
    Ran run_once(std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"run", "--log", url(), "--data", path("data"), "--once"});
        return run_upline(more);
    }
    Ran ask(std::vector<std::string> words) {
        words.insert(words.end(), {"--data", path("data")});
        return run_upline(words);
    }
    static void expect_says(const std::string& text, const std::string& words) {
        EXPECT_NE(text.find(words), std::string::npos) << words << "\nis not in\n" << text;
    }
};

TEST_F(OutcomesTold, RunCountsThemAndTellsTheFirstOfEachKind) {
    ASSERT_EQ(produce(story() + refund("100.01") + refund("200.00") + signup(kBob, kAnn) + "\n").code, 0);
    const Ran ran = run_once();
    EXPECT_EQ(ran.code, 0);
    expect_says(ran.out, "7 events in ");
    expect_says(ran.out, " s: 4 accepted, 1 duplicate, 2 over_refund\n");
    expect_says(ran.err, fmt::format("partition 0: entry 4: TransactionRefunded {} of program default is refused, "
                                     "over_refund: it takes back more than is left of its transaction. Refund at most "
                                     "what is left of it.",
                                     kRefund));
    expect_says(ran.err, "`upline rejected --data ");
    EXPECT_EQ(ran.err.find("entry 5"), std::string::npos) << "told once: " << ran.err;

    const Ran json = run_once({"--json"});
    EXPECT_EQ(json_rows(json.out).at(0).at("outcomes"), "{}") << "nothing new";
    const Ran head = ask({"show", "head", "--json"});
    EXPECT_EQ(json_rows(head.out).at(0).at("outcomes"), R"({"accepted":4,"duplicate":1,"over_refund":2})");
    expect_says(ask({"show", "head"}).out, "outcomes  4 accepted, 1 duplicate, 2 over_refund\n");
    expect_says(ask({"verify"}).out, "4 accepted, 1 duplicate, 2 over_refund");
    const Ran again = run_upline({"replay", "--log", url(), "--data", path("again")});
    expect_says(again.out, "4 accepted, 1 duplicate, 2 over_refund\n");
}

TEST_F(OutcomesTold, StatusTellsThemAndHowFarTheLedgerIsBehindItsLog) {
    make_ledger(story() + refund("100.01"));
    const auto status = [&] { return run_upline({"status", "--data", path("data"), "--log", url()}); };
    expect_says(status().out, "size      5 entries, root ");
    expect_says(status().out, "outcomes  4 accepted, 1 over_refund\n");
    expect_says(status().out, "`upline rejected --data ");
    expect_says(status().out, "log       applied to its end\n");
    ASSERT_EQ(produce(numbered_signup(1) + "\n" + numbered_signup(2) + "\n").code, 0);
    expect_says(status().out, "log       2 records behind its end, for ");
    const auto row = json_rows(run_upline({"status", "--data", path("data"), "--log", url(), "--json"}).out).at(0);
    EXPECT_EQ(row.at("behind_records"), "2");
    EXPECT_EQ(row.at("refused"), "1");
    EXPECT_EQ(json_rows(ask({"status", "--json"}).out).at(0).at("behind_records"), "null") << "without a log";
    ASSERT_EQ(run_upline({"produce", "--log", url("other"), "--partitions", "2", "-"}, story()).code, 0);
    expect_refused(run_upline({"status", "--data", path("data"), "--log", url("other")}), "this log has 2 partitions");
}

TEST_F(OutcomesTold, StrictIsANegativeAnswerToARefusalAndNotToADuplicate) {
    ASSERT_EQ(produce(story() + signup(kBob, kAnn) + "\n").code, 0);
    EXPECT_EQ(run_once({"--strict"}).code, 0);
    ASSERT_EQ(produce(refund("100.01")).code, 0);
    EXPECT_EQ(run_once({"--strict"}).code, 1);
    EXPECT_EQ(run_once({"--strict"}).code, 0) << "of this run alone";
    EXPECT_EQ(run_upline({"run", "--log", url(), "--data", path("data"), "--strict"}).code, 2) << "only with --once";
}

TEST_F(OutcomesTold, ARefusedEventIsFoundByItsIdWhateverItIsAskedAs) {
    make_ledger(story() + refund("100.01"));
    for (const char* what : {"event", "transaction", "user"}) {
        const Ran ran = ask({"show", what, kRefund});
        EXPECT_EQ(ran.code, 0) << ran.err;
        expect_says(ran.out, fmt::format("TransactionRefunded {} of program default\n", kRefund));
        expect_says(ran.out, "entry 4, record 0@4, ledger time 2026-01-04T00:00:00Z\n");
        expect_says(ran.out, "over_refund: it takes back more than is left of its transaction\n");
        expect_says(ran.out, "Refund at most what is left of it.\n");
    }
    const auto row = json_rows(ask({"show", "event", kRefund, "--json"}).out).at(0);
    EXPECT_EQ(row.at("outcome"), "\"over_refund\"");
    EXPECT_EQ(row.at("entry"), "4");
    const Ran explained = ask({"explain", kRefund});
    EXPECT_EQ(explained.code, 1);
    expect_says(explained.err, ": entry 4 refused it as over_refund (`upline show event ");
    // Once a later event of the id is accepted, both are told.
    ASSERT_EQ(produce(refund("1.00")).code, 0);
    ASSERT_EQ(run_once().code, 0);
    const Ran both = ask({"show", "event", kRefund});
    expect_says(both.out, "accepted: it did what it says\n");
    expect_says(both.out, "over_refund: ");
    const Ran none = ask({"show", "event", kNobody});
    EXPECT_EQ(none.code, 1);
    expect_says(none.err, "neither accepted nor refused");
}

TEST_F(OutcomesTold, AMalformedRecordIsFoundByItsPlace) {
    make_ledger();
    {
        constexpr std::string_view kRecord = "no record";
        const auto log = open_log(url());
        ASSERT_TRUE(log.ok());
        const auto writer = (*log)->open_writer();
        ASSERT_TRUE(writer.ok());
        ASSERT_TRUE((*writer)->append("default", std::as_bytes(std::span(kRecord))).ok());
        ASSERT_TRUE((*writer)->flush().ok());
    }
    const Ran ran = run_once();
    expect_says(ran.err, "entry 4: a record is refused, malformed: ");
    const Ran shown = ask({"show", "event", "0@4"});
    EXPECT_EQ(shown.code, 0);
    expect_says(shown.out, "a record that is malformed\n  entry 4, record 0@4, ");
    expect_says(ask({"show", "event", "0@3"}).out, "TransactionRecorded");
    EXPECT_EQ(ask({"show", "event", "0@5"}).code, 1);
    EXPECT_EQ(ask({"show", "event", "1@0"}).code, 1);
    EXPECT_EQ(ask({"show", "event", "0@99999999999999999999"}).code, 2);
    EXPECT_EQ(ask({"show", "event", "0@x"}).code, 2);
    ASSERT_EQ(produce(R"({"id": "bob@example.com", "type": "UserSignedUp", "occurred_at": "2026-01-02T03:04:05Z"})",
                      {"--ids", "uuid5"})
                  .code,
              0);
    ASSERT_EQ(run_once().code, 0);
    EXPECT_EQ(ask({"show", "event", "user/bob@example.com", "--ids", "uuid5"}).code, 0) << "an id, and no place";
}

TEST_F(OutcomesTold, RejectedListsThemByProgramTypeOutcomeAndTime) {
    make_ledger(story() + refund("100.01") + signup(kNobody, "0190b3a0-0000-7000-8000-0000000000fe") + "\n");
    const auto entries = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "rejected");
        words.emplace_back("--json");
        const Ran ran = ask(words);
        EXPECT_EQ(ran.code, 0) << ran.err;
        std::vector<std::string> found;
        for (const auto& row : json_rows(ran.out)) found.push_back(row.at("entry"));
        return found;
    };
    using Entries = std::vector<std::string>;
    EXPECT_EQ(entries({}), (Entries{"4", "5"}));
    EXPECT_EQ(entries({"--type", "UserSignedUp"}), Entries{"5"});
    EXPECT_EQ(entries({"--outcome", "over_refund"}), Entries{"4"});
    EXPECT_EQ(entries({"--program", "shop"}), Entries());
    EXPECT_EQ(entries({"--from", "2026-01-04", "--to", "2026-01-05"}), (Entries{"4", "5"})) << "ledger time";
    EXPECT_EQ(entries({"--from", "2026-01-05"}), Entries());
    EXPECT_EQ(entries({"--to", "2026-01-04"}), Entries());
    expect_says(ask({"rejected"}).out, "2 events refused\n");
    expect_says(ask({"rejected", "--to", "2026-01-04"}).out, "no events refused\n");
    expect_refused(ask({"rejected", "--outcome", "overrefund"}), "--outcome overrefund: no event is refused so");
    expect_refused(ask({"rejected", "--type", "Refund"}), "--type Refund: no such type of event");
}

TEST_F(OutcomesTold, ARefundThatCameBeforeItsSaleIsRedrivenAndAccepted) {
    make_ledger(signup(kAnn) + "\n" + refund("100.00"));
    const auto redrive = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"redrive", "--log", url(), "--data", path("data")});
        return run_upline(more);
    };
    const Ran unasked = redrive({});
    EXPECT_EQ(unasked.code, 2);
    expect_says(unasked.err, "upline: nothing was appended: say --yes");
    expect_says(unasked.err, fmt::format("TransactionRefunded {} of program default: entry 1 refused it as "
                                         "unknown_transaction, its transaction is none of its program\n",
                                         kRefund));
    // Too early still: refused again, which is told.
    const Ran early = redrive({"--yes"});
    EXPECT_EQ(early.code, 1);
    expect_says(early.out,
                fmt::format("unknown_transaction TransactionRefunded {} of program default, entry 2", kRefund));
    make_ledger(story());
    const Ran done = redrive({kRefund, "--yes", "--json"});
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(json_rows(done.out).at(0).at("outcome"), "\"accepted\"");
    EXPECT_EQ(json_rows(done.out).at(0).at("outcome_before"), "\"unknown_transaction\"");
    for (const auto& row : json_rows(ask({"export", "balances"}).out)) EXPECT_EQ(row.at("pending"), "0");
    EXPECT_EQ(redrive({"--yes"}).code, 1) << "what was accepted since is not sent again";
    expect_says(ask({"verify", "--log", url()}).out, "ok ");
}

TEST_F(OutcomesTold, ARecordInTheWrongPartitionIsFoundAndIsRedrivenOnce) {
    {
        const auto log = open_log(url(), {.properties = {}, .create_with_partitions = 2});
        ASSERT_TRUE(log.ok());
        const auto writer = (*log)->open_writer();
        ASSERT_TRUE(writer.ok());
        EventParser parser;
        RecordWriter records;
        const auto event = parser.parse(signup(kAnn));
        ASSERT_TRUE(event.ok());
        const uint32_t wrong = 1 - partition_of("default", 2);
        ASSERT_TRUE((*writer)->append_to(wrong, "default", records.encode(*event)).ok());
        ASSERT_TRUE((*writer)->flush().ok());
    }
    ASSERT_EQ(run_once().code, 0);
    const Ran shown = ask({"show", "event", kAnn});
    EXPECT_EQ(shown.code, 0) << shown.err;
    expect_says(shown.out, "wrong_partition: its program belongs to another partition\n");
    const auto redrive = [&] { return run_upline({"redrive", "--log", url(), "--data", path("data"), "--yes"}); };
    const Ran once = redrive();
    EXPECT_EQ(once.code, 0) << once.err;
    expect_says(once.out, "accepted            UserSignedUp ");
    EXPECT_EQ(redrive().code, 1) << "what its own partition has accepted is not sent again";
    const Ran both = ask({"show", "event", kAnn});
    EXPECT_LT(both.out.find("accepted: "), both.out.find("wrong_partition: "));
}

TEST_F(OutcomesTold, ProduceDoesNotWaitForALedgerOfAnotherLogAndAppendsNothing) {
    make_ledger();
    const Ran ran = run_upline({"produce", "--log", url("other"), "--wait", "--data", path("data"), "-"}, story());
    expect_refused(ran, "the ledger was made from log ");
    EXPECT_EQ(run_upline({"run", "--once", "--log", url("other"), "--data", path("of_other"), "--json"})
                  .out.find("applied\": 4"),
              std::string::npos);
}

TEST_F(OutcomesTold, ProduceWaitsForTheOutcomeOfEachEventAndAppliesThemIfNobodyDoes) {
    const auto produce_and_wait = [&](const std::string& lines, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"--wait", "--data", path("data")});
        return produce(lines, more);
    };
    const Ran good = produce_and_wait(story());
    EXPECT_EQ(good.code, 0) << good.err;
    expect_says(good.out, fmt::format("accepted            TransactionRecorded {}, entry 3\n", kSale));
    const Ran bad = produce_and_wait(refund("1.00") + refund("1.00") + refund("100.00", kNobody));
    EXPECT_EQ(bad.code, 1);
    expect_says(bad.out, fmt::format("accepted            TransactionRefunded {}, entry 4\n", kRefund));
    expect_says(bad.out, fmt::format("duplicate           TransactionRefunded {}, entry 5\n", kRefund));
    expect_says(bad.out, fmt::format("over_refund         TransactionRefunded {}, entry 6: it takes back more than is "
                                     "left of its transaction\n",
                                     kNobody));
    // Beside a `run` that follows the log it waits for that one.
    Running follower(upline_words({"run", "--log", url(), "--data", path("data")}));
    ASSERT_TRUE(comes_true([&] { return follower.err().find("resumes after entry 6") != std::string::npos; }));
    const Ran beside = produce_and_wait(numbered_signup(1) + "\n", {"--json"});
    EXPECT_EQ(beside.code, 0) << beside.err;
    EXPECT_EQ(json_rows(beside.out).at(1).at("outcome"), "\"accepted\"");
    follower.signal(SIGTERM);
    EXPECT_EQ(follower.wait().code, 0);
    EXPECT_EQ(produce(story(), {"--wait"}).code, 2) << "of which ledger?";
}

TEST_F(OutcomesTold, ARunToTheEndThatIsStoppedBeforeItSaysWhereAndIsExitCode2) {
    std::string lines;
    for (int i = 1; i <= 60'000; ++i) lines += numbered_signup(i) + "\n";
    ASSERT_EQ(produce(lines).code, 0);
    const Ran ran =
        run_shell(fmt::format("$UPLINE run --log {} --data {} --once --batch 20 & p=$!; "
                              "until [ -e {}/partition-00000/CURRENT ]; do sleep 0.01; done; kill -INT $p; wait $p",
                              url(), path("data"), path("data")));
    EXPECT_EQ(ran.code, 2) << ran.out;
    expect_says(ran.err, "upline: stopped by a signal before the end of the log: partition 0 at record ");
    expect_says(ran.err, " of 60,000\n");
    EXPECT_EQ(run_once().code, 0) << "goes on";
}

}  // namespace
}  // namespace upline
