// SPDX-License-Identifier: Apache-2.0
// The command as a contract: exit codes (0 done, 1 a negative answer, 2 could not), what is printed where, and what it
// says when the input, the folder or the disk is not as it should be.
#include <simdjson.h>

#include <map>
#include <regex>

#include "ledger/core/rules.h"
#include "ledger/core/state_storage.h"
#include "ledger/store/rows.h"
#include "ledger/store/state_store.h"
#include "ledger/store/store.h"
#include "projectors/models/all.h"
#include "projectors/row.h"
#include "tests/ledger/store/store_tampering.h"
#include "tests/tools/command_fixture.h"

namespace upline {
namespace {

std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> row(1);
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
            row.back() += text[++i];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == ',') {
            row.emplace_back();
        } else if (!quoted && c == '\n') {
            rows.push_back(std::exchange(row, std::vector<std::string>(1)));
        } else {
            row.back() += c;
        }
    }
    EXPECT_FALSE(quoted) << "a quote that is not closed";
    EXPECT_EQ(row, std::vector<std::string>(1)) << "the last row ends with a newline";
    return rows;
}

// ---------------------------------------------------------------------------------------------------------------------
// The command line

TEST_F(Command, HelpOfEachSaysHowItIsUsed) {
    for (const char* word : {"demo", "produce", "run", "replay", "verify", "export", "show"}) {
        const Ran ran = run_upline({word, "--help"});
        EXPECT_EQ(ran.code, 0) << word;
        EXPECT_NE(ran.out.find("Usage: upline " + std::string(word)), std::string::npos) << ran.out;
        EXPECT_EQ(ran.err, "") << word;
    }
    const Ran all = run_upline({"--help"});
    EXPECT_EQ(all.code, 0);
    EXPECT_NE(all.out.find("Exit codes: 0 done, 1 a negative answer"), std::string::npos);
    const Ran version = run_upline({"--version"});
    EXPECT_EQ(version.code, 0);
    EXPECT_TRUE(std::regex_match(
        version.out,
        std::regex(fmt::format("upline [0-9]+\\.[0-9]+\\.[0-9]+, data folder format {}, rules up to version {}\n",
                               kDataFormat, rules_versions().size()))))
        << version.out;
}

TEST_F(Command, WrongUseIsExitCode2AndSaysWhy) {
    const auto why = [](std::vector<std::string> words) {
        const Ran ran = run_upline(std::move(words));
        EXPECT_EQ(ran.code, 2);
        EXPECT_EQ(ran.out, "");
        return ran.err;
    };
    EXPECT_NE(why({}).find("A subcommand is required"), std::string::npos);
    EXPECT_EQ(why({"frobnicate"}), "upline: there is no command \"frobnicate\"; `upline --help` lists them\n");
    EXPECT_NE(why({"verify"}).find("--data is required"), std::string::npos);
    EXPECT_NE(why({"run", "--data", "x"}).find("--log is required"), std::string::npos);
    EXPECT_NE(why({"verify", "--data", "x", "--lgo", "y"}).find("--lgo"), std::string::npos);
    EXPECT_NE(why({"show", "user", "--data", "x"}).find("show user needs an id"), std::string::npos);
    EXPECT_NE(why({"show", "invoice", kAnn, "--data", "x"}).find("invoice"), std::string::npos);
    EXPECT_NE(why({"export", "balances", "--data", "x", "--format", "xml"}).find("xml"), std::string::npos);
    EXPECT_NE(why({"run", "--log", "x", "--data", "x", "--batch", "0"}).find("--batch"), std::string::npos);
    EXPECT_NE(why({"produce", "--log", url(), "-X", "nonsense"}).find("\"nonsense\" is not key=value"),
              std::string::npos);
}

TEST_F(Command, PrintsNoColoursWhereNobodyLooks) {
    make_ledger();
    const std::string data = path("data");
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"verify", "--data", data, "--log", url()},
          {"show", "head", "--data", data},
          {"show", "user", kAnn, "--data", data},
          {"run", "--log", url(), "--data", data, "--once"},
          {"replay", "--log", url(), "--data", path("again"), "--compare", data},
          {"demo"}}) {
        const Ran ran = run_upline(words);
        EXPECT_EQ(ran.code, 0) << ran.err;
        EXPECT_NE(ran.out, "");
        EXPECT_EQ((ran.out + ran.err).find('\x1b'), std::string::npos) << words.front();
    }
}

TEST_F(Command, SaysSoWhenThereIsNoTemporaryFolder) {
    make_ledger();
    const Ran ran = run_shell(fmt::format("TMPDIR=/nowhere $UPLINE verify --data '{}'", path("data")));
    expect_refused(ran, "temp");
}

// ---------------------------------------------------------------------------------------------------------------------
// produce

TEST_F(Command, ProduceTellsHowManyAndWhereTheyLie) {
    const Ran ran = produce(story(), {"--json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.out,
              "{\"produced\": 4, \"bad_lines\": 0, \"written\": [{\"partition\": 0, \"first_offset\": 0, "
              "\"last_offset\": 3, \"events\": 4}]}\n");
    EXPECT_EQ(json_rows(ran.out).size(), 1U);
    const Ran again = produce(story());
    EXPECT_EQ(again.code, 0);
    EXPECT_EQ(again.out, fmt::format("4 events produced to {}\n  partition 0: offsets 4 to 7, 4 events\n", url()));
}

TEST_F(Command, ProduceStopsAtABadLineAndNamesIt) {
    const std::string file = path("events.jsonl");
    write_file(file, numbered_signup(1) + "\n" + numbered_signup(2) + "\n{\"id\": 5}\n" + numbered_signup(3) + "\n");
    const Ran ran = run_upline({"produce", "--log", url(), file});
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(ran.out.starts_with("2 events produced to ")) << ran.out;
    EXPECT_TRUE(ran.err.starts_with(file + ":3: ") || ran.err.starts_with("upline: " + file + ":3: field \"type\": "))
        << ran.err;
    EXPECT_NE(ran.err.find("stopped there; mend it and give the rest again, or go on with --on-error skip"),
              std::string::npos);
}

TEST_F(Command, ProduceSkipsBadLinesWhenAskedAndNamesEachWithItsFieldAndReason) {
    const auto sale = [](const std::string& more) {
        return fmt::format(R"({{"id": "{}", "type": "TransactionRecorded", "occurred_at": "2026-01-04T00:00:00Z", )"
                           R"("buyer": "{}", "source": "platform", "stream": "premium_support", {}}})",
                           kSale, kBob, more);
    };
    struct Case {
        std::string line;
        std::string said;
    };
    const std::vector<Case> cases = {
        {sale(R"("amount": 12, "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "1e3", "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "1.005", "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "-0", "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "9223372036854775808", "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "1.00", "currency": "XXX")"), "field \"currency\": "},
        {sale(R"("amount": "1.00", "currency": "USD", "program": "a b")"), "field \"program\": "},
        {sale(R"("amount": "1.00", "currency": "USD", "amuont": "2")"), "field \"amuont\": "},
        {sale(R"("amount": "1.00", "amount": "1.00", "currency": "USD")"), "field \"amount\": "},
        {sale(R"("amount": "1.00")"), "field \"currency\": "},
        {"[1, 2]", ""},
        {"{\"id\": \"" + std::string(kSale), "not JSON"},
        {"\xff\xfe{}", "not UTF-8"},
        {signup("00000000-0000-0000-0000-000000000000"), "field \"id\": "},
        {signup("ann"), "field \"id\": "},
    };
    std::string input = numbered_signup(1) + "\n";
    for (const Case& c : cases) input += c.line + "\n";
    input += numbered_signup(2) + "\n";
    const Ran ran = produce(input, {"--on-error", "skip", "--json"});
    EXPECT_EQ(ran.code, 1);
    const auto rows = json_rows(ran.out);
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].at("produced"), "2");
    EXPECT_EQ(rows[0].at("bad_lines"), std::to_string(cases.size()));
    const std::vector<std::string> said = lines_of(ran.err);
    ASSERT_GE(said.size(), cases.size()) << ran.err;
    for (size_t i = 0; i < cases.size(); ++i) {
        const std::string where = fmt::format("upline: standard input:{}: {}", i + 2, cases[i].said);
        EXPECT_NE(said[i].find(cases[i].said), std::string::npos) << said[i];
        EXPECT_TRUE(said[i].starts_with(fmt::format("upline: standard input:{}: ", i + 2))) << said[i];
    }
}

TEST_F(Command, ProducePassesOverALineOf100MegabytesWithoutHoldingIt) {
    write_file(path("first"), numbered_signup(1) + "\n");
    write_file(path("last"), numbered_signup(2) + "\n");
    Running running(
        {"/bin/sh", "-c",
         fmt::format("cd '{}'; {{ cat first; head -c 104857600 /dev/zero | tr '\\0' x; echo; cat last; }} | "
                     "exec {} produce --log file:log --on-error skip -",
                     folder().string(), UPLINE_PROGRAM)});
    const Ran ran = running.wait();
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(ran.out.starts_with("2 events produced to ")) << ran.out;
    EXPECT_NE(ran.err.find("standard input:2: longer than 1 MiB; an event is at most 32 KiB"), std::string::npos)
        << ran.err;
    EXPECT_LT(ran.max_memory_kib, 64 * 1024);
}

TEST_F(Command, ProduceTakesEmptyInputBlankLinesCarriageReturnsAndNoFinalNewline) {
    EXPECT_EQ(produce("").code, 0);
    EXPECT_EQ(produce("\n\n  \n").code, 0);
    const Ran ran = produce(numbered_signup(1) + "\r\n\r\n" + numbered_signup(2), {"--json"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(json_rows(ran.out).at(0).at("produced"), "2");
    EXPECT_EQ(produce(numbered_signup(3) + "\n{\"id\": ").code, 1) << "a last line that is cut is a bad line";
}

TEST_F(Command, ProduceRefusesWhatIsNoFileAndNoLog) {
    write_file(path("events"), story());
    expect_refused(run_upline({"produce", "--log", url(), path("nothing")}), "nothing: No such file or directory");
    expect_refused(run_upline({"produce", "--log", url(), folder().string()}), folder().string() + ": Is a directory");
    expect_refused(run_upline({"produce", "--log", "nats://there/topic", path("events")}),
                   "\"nats://there/topic\" is no event log: write file:DIR or kafka://host:port/topic");
    expect_refused(run_upline({"produce", "--log", url(), "-X", "acks=1", path("events")}),
                   "\"acks=1\" is a setting for Kafka");
    write_file(path("properties"), "# of the file first\n\nacks=all\n");
    expect_refused(
        run_upline({"produce", "--log", url(), "-X", "acks=1", "--config", path("properties"), path("events")}),
        "\"acks=all\" is a setting for Kafka");
    expect_refused(run_upline({"produce", "--log", "file:" + path("events"), path("events")}), "Not a directory");
}

// ---------------------------------------------------------------------------------------------------------------------
// run

TEST_F(Command, RunTellsTheHeadOfEachPartitionAndGoesOnWhereItWas) {
    ASSERT_EQ(produce(story(), {"--partitions", "3"}).code, 0);
    const std::vector<std::string> words = {"run", "--log", url(), "--data", path("data"), "--once", "--json"};
    const Ran first = run_upline(words);
    ASSERT_EQ(first.code, 0) << first.err;
    const auto rows = json_rows(first.out);
    ASSERT_EQ(rows.size(), 3U);
    int applied = 0;
    for (const auto& row : rows) {
        EXPECT_EQ(row.at("root").size(), 66U) << "64 digits in quotes";
        EXPECT_EQ(row.count("size") + row.count("clock") + row.count("partition"), 3U);
        applied += std::stoi(row.at("applied"));
    }
    EXPECT_EQ(applied, 4);
    const auto head = json_rows(run_upline({"show", "head", "--json", "--data", path("data")}).out);
    ASSERT_EQ(head.size(), 3U);
    for (size_t i = 0; i < 3; ++i)
        for (const char* field : {"partition", "size", "root", "clock"})
            EXPECT_EQ(head[i].at(field), rows[i].at(field));

    const auto again = json_rows(run_upline(words).out);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(again[i].at("applied"), "0");
        EXPECT_EQ(again[i].at("root"), rows[i].at("root"));
    }
    const auto some = json_rows(
        run_upline({"run", "--log", url(), "--data", path("some"), "--once", "--json", "--partitions", "2,0"}).out);
    ASSERT_EQ(some.size(), 2U);
    EXPECT_EQ(some[0].at("root"), rows[0].at("root"));
    EXPECT_EQ(some[1].at("root"), rows[2].at("root"));
    const Ran verified = run_upline({"verify", "--data", path("some"), "--log", url()});
    EXPECT_EQ(verified.code, 0);
    EXPECT_NE(verified.out.find("the other 1 of the log's 3 partitions: their ledgers are not in this folder"),
              std::string::npos);
}

TEST_F(Command, RunRefusesWhatIsNotThere) {
    expect_refused(run_upline({"run", "--log", url(), "--data", path("data"), "--once"}),
                   "there is no event log in " + path("log"));
    ASSERT_EQ(produce(story()).code, 0);
    expect_refused(run_upline({"run", "--log", url(), "--data", path("data"), "--once", "--partitions", "0,1"}),
                   "partition 1 of a log that has 1: they are numbered from 0");
}

TEST_F(Command, RunFollowsUntilSigtermAndHasStoredAll) {
    ASSERT_EQ(produce(story()).code, 0);
    Running running(upline_words({"run", "--log", url(), "--data", path("data")}));
    const auto size = [&] {
        const Ran head = run_upline({"show", "head", "--json", "--data", path("data")});
        return head.code == 0 ? json_rows(head.out).at(0).at("size") : std::string("none");
    };
    ASSERT_TRUE(comes_true([&] { return size() == "4"; })) << "what was there is applied, and seen beside the writer";

    const Ran second = run_upline({"run", "--log", url(), "--data", path("data"), "--once"});
    expect_refused(second, "is writing to this data folder; stop it first, or give another --data");

    ASSERT_EQ(produce(numbered_signup(1)).code, 0);
    ASSERT_TRUE(comes_true([&] { return size() == "5"; })) << "and what comes later";
    running.signal(SIGTERM);
    const Ran ran = running.wait();
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("partition 0: 5 entries, 5 of them new"), std::string::npos) << ran.out;
    EXPECT_EQ(run_upline({"verify", "--data", path("data"), "--log", url()}).code, 0);
    EXPECT_EQ(json_rows(run_upline({"export", "payouts", "--data", path("data")}).out).size(), 1U)
        << "read models are as of the last entry";
}

TEST_F(Command, ADataFolderOfANewerFormatIsRefused) {
    make_ledger();
    write_file(path("data/FORMAT"), fmt::format("upline data folder, format {}\n", kDataFormat + 1));
    for (const std::vector<std::string>& words : {std::vector<std::string>{"run", "--once", "--log", url()},
                                                  {"verify"},
                                                  {"show", "head"},
                                                  {"export", "balances"}}) {
        std::vector<std::string> with = words;
        with.insert(with.end(), {"--data", path("data")});
        expect_refused(run_upline(with),
                       fmt::format("the data folder has format {}, this program knows up to {}: use a newer upline",
                                   kDataFormat + 1, kDataFormat));
    }
    write_file(path("data/FORMAT"), "upline data folder, format 1\n");
    expect_refused(run_upline({"verify", "--data", path("data")}), "make it anew with `upline replay`");
    write_file(path("data/FORMAT"), "something else\n");
    expect_refused(run_upline({"verify", "--data", path("data")}), "not the FORMAT file of an Upline data folder");
}

TEST_F(Command, AFolderWithOtherThingsInItIsRefusedAndLeftAlone) {
    ASSERT_EQ(produce(story()).code, 0);
    fs::create_directory(path("photos"));
    write_file(path("photos/holiday.jpg"), "sea");
    for (const char* word : {"run", "replay"})
        expect_refused(run_upline({word, "--log", url(), "--data", path("photos")}),
                       "holds something else; give a new or empty folder as --data");
    EXPECT_EQ(std::distance(fs::directory_iterator(path("photos")), {}), 1);
    write_file(path("a-file"), "text");
    expect_refused(run_upline({"run", "--once", "--log", url(), "--data", path("a-file")}), path("a-file"));
}

TEST_F(Command, ALedgerOfAnotherLogIsRefused) {
    make_ledger();
    ASSERT_EQ(run_upline({"produce", "--log", url("other"), "-"}, story()).code, 0);
    expect_refused(run_upline({"run", "--once", "--log", url("other"), "--data", path("data")}),
                   "the log was replaced; give the one it was made from, or a new --data");
}

// ---------------------------------------------------------------------------------------------------------------------
// export and show

TEST_F(Command, ExportedBalancesAreTheExpectedOnes) {
    make_ledger(sales_sample());
    const Ran exported = run_upline({"export", "balances", "--data", path("data")});
    ASSERT_EQ(exported.code, 0) << exported.err;
    const auto rows = json_rows(exported.out);
    auto expected = json_rows(read_file(test_data("cdnow-sample.sales.expected.jsonl")));
    expected.pop_back();  // counts
    ASSERT_EQ(rows.size(), expected.size());
    for (size_t i = 0; i < rows.size(); ++i)
        for (const auto& [field, value] : expected[i]) EXPECT_EQ(rows[i].at(field), value) << "row " << i;
}

TEST_F(Command, ExportInBothFormatsSaysTheSame) {
    make_ledger(sales_sample());
    for (const char* what : {"balances", "entries", "payouts", "sites"}) {
        const auto rows = json_rows(run_upline({"export", what, "--data", path("data")}).out);
        const Ran csv = run_upline({"export", what, "--data", path("data"), "--format", "csv"});
        ASSERT_EQ(csv.code, 0) << csv.err;
        const auto table = csv_rows(csv.out);
        ASSERT_EQ(table.size(), rows.size() + 1) << what << ": a header and the same rows";
        ASSERT_GT(rows.size(), 10U) << what;
        for (size_t i = 0; i < rows.size(); ++i) {
            ASSERT_EQ(table[i + 1].size(), table[0].size()) << what << ", row " << i;
            ASSERT_EQ(table[0].size(), rows[i].size()) << what << ", row " << i;
            for (size_t column = 0; column < table[0].size(); ++column) {
                const std::string& json = rows[i].at(table[0][column]);
                const std::string& cell = table[i + 1][column];
                if (json == "null") {
                    EXPECT_EQ(cell, "") << what << ", row " << i << ", " << table[0][column];
                } else if (json[0] == '[') {
                    simdjson::dom::parser parser;
                    EXPECT_EQ(simdjson::minify(parser.parse(cell).value()), json) << what << ", row " << i;
                } else {
                    EXPECT_EQ(json[0] == '"' ? '"' + cell + '"' : cell, json) << what << ", row " << i;
                }
            }
        }
    }
    const auto entries = json_rows(run_upline({"export", "entries", "--data", path("data")}).out);
    ASSERT_EQ(entries.size(), 10'960U);
    for (size_t i = 0; i < entries.size(); ++i) {
        ASSERT_EQ(entries[i].at("sequence"), std::to_string(i));
        for (const char* field : {"partition", "type", "id", "program", "outcome", "postings"})
            ASSERT_EQ(entries[i].count(field), 1U) << field;
    }
}

TEST_F(Command, ExportIntoAPipeThatClosesEndsQuietlySoon) {
    make_ledger(sales_sample());
    for (const char* what : {"balances", "entries"}) {
        const Ran ran = run_shell(fmt::format("$UPLINE export {} --data '{}' | head -1", what, path("data")));
        EXPECT_EQ(ran.code, 0);
        EXPECT_EQ(lines_of(ran.out).size(), 1U);
    }
    const Ran full = run_shell(fmt::format("$UPLINE export entries --data '{}' > /dev/full", path("data")));
    expect_refused(full, "standard output");
}

TEST_F(Command, ShowAnswersInWordsAndInJson) {
    make_ledger();
    const auto show = [&](std::vector<std::string> words, bool json) {
        words.insert(words.begin(), "show");
        words.insert(words.end(), {"--data", path("data")});
        if (json) words.emplace_back("--json");
        const Ran ran = run_upline(words);
        EXPECT_EQ(ran.code, 0) << ran.err;
        return ran.out;
    };
    const auto user = json_rows(show({"user", kAnn}, true)).at(0);
    EXPECT_EQ(user.at("balances"), R"([{"currency":"USD","pending":2000,"available":0,"reserved":0,"paid":0}])");
    EXPECT_EQ(user.at("direct_referrals"), "1");
    EXPECT_EQ(json_rows(show({"user", kBob}, true)).at(0).at("upline"), fmt::format("[\"{}\"]", kAnn));
    EXPECT_NE(show({"user", kAnn}, false).find("available 0.00 USD, pending 20.00 USD"), std::string::npos);

    const auto sale = json_rows(show({"transaction", kSale}, true)).at(0);
    EXPECT_EQ(sale.at("amount"), "10000");
    EXPECT_EQ(sale.at("matures_at"), "\"2026-02-03T00:00:00Z\"");
    EXPECT_EQ(sale.at("mature"), "false");
    EXPECT_NE(sale.at("postings").find(R"("role":"level_1","user":")" + std::string(kAnn)), std::string::npos);
    EXPECT_NE(show({"transaction", kSale}, false).find("commissions mature on 2026-02-03T00:00:00Z"),
              std::string::npos);

    const auto site = json_rows(show({"website", kSite}, true)).at(0);
    EXPECT_EQ(site.at("owner"), fmt::format("\"{}\"", kAnn));
    EXPECT_EQ(site.at("status"), "\"draft\"");
    EXPECT_EQ(site.at("sales"), R"([{"currency":"USD","sales":1,"revenue":10000,"commission":2000}])");
    EXPECT_NE(show({"website", kSite}, false).find("sales     1 for 100.00 USD"), std::string::npos);

    EXPECT_NE(show({"head"}, false).find("size      4 entries"), std::string::npos);
    EXPECT_EQ(json_rows(show({"head"}, true)).at(0).at("clock"), "1767484800000000");
}

TEST_F(Command, ShowOfWhatIsNotThereIsANegativeAnswer) {
    make_ledger();
    const auto show = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "show");
        words.insert(words.end(), {"--data", path("data")});
        return run_upline(words);
    };
    for (const char* kind : {"user", "transaction", "website"}) {
        const Ran ran = show({kind, kNobody});
        EXPECT_EQ(ran.code, 1);
        EXPECT_EQ(ran.out, "");
        EXPECT_NE(ran.err.find(fmt::format("no {} {} in program default", kind, kNobody)), std::string::npos)
            << ran.err;
    }
    EXPECT_EQ(show({"user", kAnn, "--program", "another"}).code, 1);
    const Ran other_kind = show({"user", kSale});
    EXPECT_EQ(other_kind.code, 1);
    EXPECT_NE(other_kind.err.find("is no user: it is the id of a TransactionRecorded (entry 3)"), std::string::npos);
    EXPECT_EQ(show({"user", "ann"}).code, 2);
    expect_refused(run_upline({"show", "head", "--data", path("nothing")}),
                   "no Upline data folder; `upline run` makes one");
}

// ---------------------------------------------------------------------------------------------------------------------
// verify and replay

TEST_F(Command, VerifyAnswersWithItsExitCodeInWordsAndInJson) {
    make_ledger();
    const std::vector<std::string> words = {"verify", "--data", path("data"), "--log", url()};
    const Ran good = run_upline(words);
    EXPECT_EQ(good.code, 0);
    EXPECT_TRUE(good.out.starts_with("ok      partition 0: 4 entries, root ")) << good.out;

    {
        const auto store = take(Store::open(folder() / "data" / "partition-00000", Store::Access::kWrite));
        const auto place = take(entry_place(*store, 2));
        std::string page = take(raw(*store, "entries", place.page_key));
        page[place.begin] ^= 1;
        take(tamper(*store, "entries", place.page_key, page));
    }
    const Ran bad = run_upline(words);
    EXPECT_EQ(bad.code, 1);
    EXPECT_TRUE(bad.out.starts_with("WRONG   partition 0: entry 2: entry 3 stands in its place\n")) << bad.out;
    EXPECT_NE(bad.out.find("entries before 2 are as they should be"), std::string::npos);
    const Ran json = run_upline({"verify", "--data", path("data"), "--json"});
    EXPECT_EQ(json.code, 1);
    const auto row = json_rows(json.out).at(0);
    EXPECT_EQ(row.at("ok"), "false");
    EXPECT_TRUE(row.at("findings").starts_with(R"([{"entry":2,"what":"entry 3 stands in its place"})"))
        << row.at("findings");
    for (const char* field : {"partition", "size", "root", "log", "read_models", "not_checked"})
        EXPECT_EQ(row.count(field), 1U) << field;
    expect_refused(run_upline({"verify", "--data", path("nothing")}), "no Upline data folder");
    expect_refused(run_upline({"verify", "--data", path("data"), "--log", url("nothing")}), "no event log");
}

class ReplayCompare : public Command {
  protected:
    void SetUp() override { make_ledger(sales_sample()); }
    Ran replay(const std::string& name) {
        return run_upline({"replay", "--log", url(), "--data", path(name), "--compare", path("data"), "--json"});
    }
    std::unique_ptr<Store> open_ledger() {
        return take(Store::open(folder() / "data" / "partition-00000", Store::Access::kWrite));
    }
    void expect_difference(const std::string& name, const std::string& what) {
        const Ran ran = replay(name);
        EXPECT_EQ(ran.code, 1) << ran.err;
        const auto row = json_rows(ran.out).at(0);
        EXPECT_EQ(row.at("equal"), "false");
        EXPECT_NE(row.at("difference").find(what), std::string::npos) << row.at("difference");
    }
};

TEST_F(ReplayCompare, SaysEqual) {
    const Ran ran = run_upline({"replay", "--log", url(), "--data", path("again"), "--compare", path("data")});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_NE(ran.out.find("equal to " + path("data") + ": partition 0, entries, balances and read models"),
              std::string::npos)
        << ran.out;
    EXPECT_EQ(json_rows(replay("third").out).at(0).at("equal"), "true");
    expect_refused(replay("third"), "holds a ledger already; replay makes a new one");
}

TEST_F(ReplayCompare, SaysWhereAnEntryDiffers) {
    {
        const auto store = open_ledger();
        const auto place = take(entry_place(*store, 4321));
        std::string page = take(raw(*store, "entries", place.page_key));
        page[place.begin + 70] ^= 4;
        take(tamper(*store, "entries", place.page_key, page));
    }
    expect_difference("again", "entry 4321: differs from byte 70 of it on");
}

TEST_F(ReplayCompare, SaysWhichBalanceDiffers) {
    std::string user;
    {
        const auto store = open_ledger();
        change_stored_state(*store, [](StateStorage::Arrays arrays) { arrays.accounts.change_cold(0).available ^= 1; });
        const auto state = take(load_state(*store));
        user = to_string(state->users()[state->accounts()[0].user].id);
    }
    expect_difference("again", fmt::format("balance of user {} in USD: pending ", user));
}

TEST_F(ReplayCompare, SaysWhichRowOfAReadModelDiffers) {
    for (const auto make_model : kModels) {
        const auto model = make_model();
        Table::Write row;
        {
            const auto store = open_ledger();
            const auto table = take(open_table(*store, *model));
            take(table->scan(std::string(1, '\1'), [&](std::string_view key, std::string_view value) {
                row.key = key;
                row.value = value;
                return false;
            }));
            row.value->back() ^= 1;
            take(table->write({&row, 1}));
        }
        const std::string described = model->describe(*RowKey::parse(row.key));
        expect_difference(fmt::format("again-{}", model->name()),
                          fmt::format("read model {}: {}: ", model->name(), described));
        const auto store = open_ledger();
        row.value->back() ^= 1;
        take(take(open_table(*store, *model))->write({&row, 1}));
    }
}

}  // namespace
}  // namespace upline
