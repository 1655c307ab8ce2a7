// SPDX-License-Identifier: Apache-2.0
// The questions people ask, on real input: statements add up, every cent is explained, balances of the past are those
// a ledger had then, and revenue is the sum of postings.
#include <simdjson.h>

#include <map>
#include <random>

#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "tests/tools/program.h"

namespace upline {
namespace {

namespace fs = std::filesystem;
using Json = simdjson::dom::element;

struct Sample {
    explicit Sample(const char* file) : lines(lines_of(read_file(test_data(file)))) {
        append_lines(folder.path() / "log", lines);
        feed_folder(folder.path() / "log", folder.path() / "data");
    }
    std::string data() const { return (folder.path() / "data").string(); }
    std::vector<std::string> lines;
    TemporaryFolder folder;
};
const Sample& life() {
    static const Sample sample("cdnow-sample.lifecycle.jsonl.gz");
    return sample;
}
const Sample& edge() {
    static const Sample sample("edge.jsonl");
    return sample;
}

class Questions : public testing::Test {
  protected:
    static std::vector<std::string> rows(std::vector<std::string> words) {
        const Ran ran = run_upline(std::move(words));
        EXPECT_EQ(ran.code, 0) << ran.err;
        return lines_of(ran.out);
    }
    std::string text(const std::string& row, const char* name) {
        return std::string(std::string_view(parser_.parse(row)[name]));
    }
    int64_t number(const std::string& row, const char* name) { return int64_t{parser_.parse(row)[name]}; }
    std::array<int64_t, 4> four(const std::string& row, const std::string& after = "") {
        return {number(row, ("pending" + after).c_str()), number(row, ("available" + after).c_str()),
                number(row, ("reserved" + after).c_str()), number(row, ("paid" + after).c_str())};
    }
    simdjson::dom::parser parser_;
    std::mt19937_64 random_{static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed())};
};

TEST_F(Questions, StatementsAddUpAndEachPeriodBeginsWhereTheOneBeforeEnded) {
    const std::string data = life().data();
    std::vector<std::string> balances = rows({"export", "balances", "--data", data});
    std::ranges::shuffle(balances, random_);
    balances.resize(40);
    for (const std::string& balance : balances) {
        const std::string user = text(balance, "user");
        SCOPED_TRACE(user);
        const std::string cut = fmt::format("199{}-0{}-15", 7 + random_() % 2, 1 + random_() % 6);
        const auto whole = rows({"statement", user, "--data", data, "--json"});
        const auto first = rows({"statement", user, "--data", data, "--json", "--to", cut});
        const auto second = rows({"statement", user, "--data", data, "--json", "--from", cut});
        EXPECT_EQ(four(whole.back(), "_after"), four(balance)) << "it closes with what the ledger has";
        EXPECT_EQ(four(second.back(), "_after"), four(balance));
        EXPECT_EQ(four(second.front(), "_after"),
                  first.empty() ? (std::array<int64_t, 4>{}) : four(first.back(), "_after"));
        std::array<int64_t, 4> sum{};
        size_t movements = 0;
        for (const bool before : {true, false})
            for (const std::string& row : before ? first : second) {
                if (text(row, "kind") != "movement") continue;
                ++movements;
                for (size_t i = 0; i < 4; ++i) sum[i] += four(row)[i];
                EXPECT_EQ(text(row, "time") < cut, before);
            }
        EXPECT_EQ(sum, four(balance));
        EXPECT_EQ(movements + 2, whole.size()) << "each movement is in one of two periods";
    }
}

TEST_F(Questions, StatementsInSeveralCurrenciesAndOfNobody) {
    const auto all = rows({"statement", "78dcd8ca-4add-5dba-9c3d-c920082b31dc", "--data", edge().data(), "--json"});
    std::map<std::string, size_t> kinds;
    for (const std::string& row : all) ++kinds[text(row, "currency") + " " + text(row, "kind")];
    EXPECT_EQ(kinds["JPY opening"], 1U);
    EXPECT_EQ(kinds["KWD closing"], 1U);
    EXPECT_GT(kinds["USD movement"], 2U);
    const Ran nobody = run_upline({"statement", "126bc92c-aaea-5722-a74d-cebecab12a94", "--data", edge().data()});
    EXPECT_EQ(nobody.code, 1);
    EXPECT_EQ(run_upline({"statement", "x", "--data", edge().data()}).code, 2);
    const Ran backwards = run_upline({"statement", "78dcd8ca-4add-5dba-9c3d-c920082b31dc", "--data", edge().data(),
                                      "--from", "2026-02-01", "--to", "2026-01-01"});
    EXPECT_EQ(backwards.code, 2);
    EXPECT_NE(backwards.err.find("is not after --from"), std::string::npos) << backwards.err;
}

TEST_F(Questions, EverySaleOfTheEdgesIsExplainedToTheCent) {
    size_t sales = 0;
    for (const std::string& row : rows({"export", "entries", "--data", edge().data()})) {
        if (text(row, "outcome") != "accepted" || text(row, "type") != "TransactionRecorded") continue;
        ++sales;
        const auto told =
            rows({"explain", text(row, "id"), "--program", text(row, "program"), "--data", edge().data(), "--json"});
        ASSERT_EQ(told.size(), 1U);
        const Json object = parser_.parse(told[0]);
        int64_t sum = int64_t{object["tax"]} + int64_t{object["house"]};
        for (const Json part : object["parts"]) {
            sum += int64_t{part["amount"]};
            EXPECT_NE(part["why"].is_null(), int64_t{part["amount"]} == 0) << told[0];
        }
        EXPECT_EQ(sum, int64_t{object["amount"]}) << told[0];
        EXPECT_EQ(int64_t{object["unfilled"]} + int64_t{object["rounding"]} + int64_t{object["margin"]},
                  int64_t{object["house"]})
            << told[0];
        int64_t left = int64_t{object["amount"]};
        for (const Json refund : object["refunds"]) {
            int64_t back = int64_t{refund["tax"]};
            for (const auto role : simdjson::dom::object(refund["back"])) back += int64_t{role.value};
            EXPECT_EQ(back, int64_t{refund["amount"]}) << told[0];
            left -= back;
        }
        EXPECT_EQ(int64_t{object["left"]}, left);
    }
    EXPECT_GE(sales, 18U);
    // 100.00 with seven levels, a cent of it refunded; 0.99: six cents of rounding.
    const std::string words =
        run_upline({"explain", "ceca15d3-a35f-5b32-9f4d-af15e17eee8d", "--data", edge().data()}).out;
    EXPECT_NE(words.find("20.00 % of 100.00 = 20.00"), std::string::npos) << words;
    EXPECT_NE(words.find("then refund"), std::string::npos) << words;
    const std::string small =
        run_upline({"explain", "a00311f5-d026-5c8a-a5f0-df6b80fce7d4", "--data", edge().data()}).out;
    EXPECT_NE(small.find("0.00 unfilled levels + 0.06 rounding + 0.37 margin"), std::string::npos) << small;
    EXPECT_NE(small.find("2.00 % of 0.99 = 0.0198, rounded down"), std::string::npos) << small;
    EXPECT_EQ(run_upline({"explain", "6507d976-006e-58ed-b3f9-2e23cb4719e8", "--data", edge().data()}).code, 1)
        << "a user is no sale";
}

TEST_F(Questions, BalancesAsOfAnEntryAreThoseOfALedgerOfThatMuchLog) {
    for (int round = 0; round < 3; ++round) {
        const size_t size = 1 + random_() % life().lines.size();
        const TemporaryFolder folder;
        append_lines(folder.path() / "log",
                     {life().lines.begin(), life().lines.begin() + static_cast<ptrdiff_t>(size)});
        feed_folder(folder.path() / "log", folder.path() / "data");
        const auto fresh = rows({"export", "balances", "--data", folder.path() / "data"});
        EXPECT_EQ(rows({"balances", "--as-of", std::to_string(size - 1), "--data", life().data()}), fresh) << size;
    }
    EXPECT_EQ(rows({"balances", "--data", life().data()}), rows({"export", "balances", "--data", life().data()}));
    EXPECT_EQ(run_upline({"balances", "--as-of", "15832", "--data", life().data()}).code, 1);
}

// At a time between two entries: what was posted by then, and mature by then.
TEST_F(Questions, BalancesAsOfATimeCountWhatWasMatureThen) {
    const auto entries = rows({"export", "entries", "--data", life().data()});
    for (const char* moment : {"1997-03-01T00:00:00Z", "1997-10-05T12:30:00Z", "2027-01-01T00:00:00Z"}) {
        std::map<std::string, int64_t> available;
        std::map<std::string, int64_t> pending;
        for (const std::string& row : entries) {
            const Json entry = parser_.parse(row);
            if (std::string_view(entry["outcome"]) != "accepted" || std::string_view(entry["clock"]) >= moment)
                continue;
            const bool held = !entry["matures_at"].is_null() && std::string_view(entry["matures_at"]) >= moment;
            for (const Json posting : entry["postings"])
                if (std::string_view(posting["account"]) == "earned")
                    (held ? pending : available)[std::string(std::string_view(posting["user"]))] +=
                        int64_t{posting["amount"]};
        }
        size_t compared = 0;
        for (const std::string& row : rows({"balances", "--as-of", moment, "--data", life().data()})) {
            const std::string user = text(row, "user");
            EXPECT_EQ(number(row, "available"), available[user]) << moment << " " << user;
            EXPECT_EQ(number(row, "pending"), pending[user]) << moment << " " << user;
            ++compared;
        }
        EXPECT_GT(compared, 50U) << moment;
    }
}

TEST_F(Questions, StatementsAndBalancesMeanTheSameMoment) {
    const std::string user = text(rows({"export", "balances", "--data", life().data()}).at(20), "user");
    for (const char* moment : {"1997-06-30", "1998-02-14T10:00:00Z", "2001-01-01"}) {
        const auto then = rows({"balances", "--as-of", moment, "--user", user, "--data", life().data()});
        const auto statement = rows({"statement", user, "--to", moment, "--data", life().data(), "--json"});
        if (then.empty()) continue;
        EXPECT_EQ(four(statement.back(), "_after"), four(then.at(0))) << moment;
    }
}

TEST_F(Questions, RevenueIsTheSumOfPostingsHoweverItIsCut) {
    for (const Sample* sample : {&life(), &edge()}) {
        std::map<std::string, std::map<std::string, int64_t>> expected;  // by currency and column
        for (const std::string& row : rows({"export", "entries", "--data", sample->data()})) {
            const Json entry = parser_.parse(row);
            if (std::string_view(entry["outcome"]) != "accepted") continue;
            const std::string_view type = entry["type"];
            const bool adjustment = type == "AdjustmentPosted";
            if (!adjustment && !type.starts_with("Transaction")) continue;
            for (const Json posting : entry["postings"]) {
                auto& sums = expected[std::string(std::string_view(posting["currency"]))];
                const std::string_view account = posting["account"];
                const int64_t amount = int64_t{posting["amount"]};
                if (account == "sales") sums[amount < 0 ? "gross" : "refunded"] += std::abs(amount);
                if (account == "tax") sums["tax"] += amount;
                if (account == "house") sums[adjustment ? "adjustments" : "house"] += adjustment ? -amount : amount;
                if (account == "earned" && !adjustment) sums[std::string(std::string_view(posting["role"]))] += amount;
            }
        }
        for (const char* by : {"stream", "source", "program", "day", "month", "program,stream,month"}) {
            std::map<std::string, std::map<std::string, int64_t>> sums;
            for (const std::string& row : rows({"revenue", "--data", sample->data(), "--by", by, "--json"})) {
                auto& of = sums[text(row, "currency")];
                for (const char* column : {"gross", "refunded", "tax", "house", "adjustments", "creator", "website",
                                           "level_1", "level_2", "level_3", "level_4", "level_5", "level_6", "level_7"})
                    if (const int64_t amount = number(row, column); amount != 0) of[column] += amount;
                EXPECT_EQ(number(row, "unfilled") + number(row, "rounding") + number(row, "margin"),
                          number(row, "house"));
            }
            for (auto& [currency, of] : expected) std::erase_if(of, [](const auto& sum) { return sum.second == 0; });
            for (auto& [currency, of] : sums) std::erase_if(of, [](const auto& sum) { return sum.second == 0; });
            EXPECT_EQ(sums, expected) << by;
        }
    }
    const Ran words = run_upline({"revenue", "--data", life().data()});
    EXPECT_NE(words.out.find("it adds up to the ledger"), std::string::npos) << words.out;
}

TEST_F(Questions, RevenueThatDoesNotAddUpIsSaid) {
    const TemporaryFolder folder;
    copy_folder(life().data(), folder.path() / "data");
    {
        const auto store = take(Store::open(folder.path() / "data" / "partition-00000", Store::Access::kWrite));
        const auto table = take(open_table(*store, *revenue_model()));
        std::optional<Table::Write> write;
        take(table->scan("\x01", [&](std::string_view key, std::string_view) {
            write = Table::Write{std::string(key), std::nullopt};
            return false;
        }));
        take(table->write({&*write, 1}));
    }
    const Ran ran = run_upline({"revenue", "--data", folder.path() / "data"});
    EXPECT_EQ(ran.code, 1);
    EXPECT_NE(ran.err.find("it does not add up to the ledger: program default, USD: "), std::string::npos) << ran.err;
}

// A reader may come while the writer has stored no rows yet of what the entries say.
TEST_F(Questions, AnswersAreTheSameHoweverFarTheRowsHaveCome) {
    const TemporaryFolder folder;
    copy_folder(edge().data(), folder.path() / "data");
    const auto answers = [&] {
        const std::string at = "2026-12-31T12:00:00Z";
        std::string all;
        for (std::vector<std::string> words : std::vector<std::vector<std::string>>{
                 {"show", "user", "6507d976-006e-58ed-b3f9-2e23cb4719e8", "--json"},
                 {"show", "transaction", "89e07d62-611b-58ac-be8e-861ed26fe1c0", "--program", "shop"},
                 {"show", "payout", "95059127-503d-57f2-85e4-8f9c66cf4d4c", "--program", "shop"},
                 {"explain", "89e07d62-611b-58ac-be8e-861ed26fe1c0", "--program", "shop"},
                 {"statement", "6507d976-006e-58ed-b3f9-2e23cb4719e8", "--program", "shop", "--json"},
                 {"payouts", "plan", "--user", "6507d976-006e-58ed-b3f9-2e23cb4719e8", "--at", at},
                 {"payouts", "plan", "--all", "--at", at},
                 {"export", "payouts"},
                 {"export", "sites"},
                 {"revenue"}}) {
            words.insert(words.end(), {"--data", (folder.path() / "data").string()});
            const Ran ran = run_upline(words);
            EXPECT_LE(ran.code, 1) << words[0] << ": " << ran.err;
            all += ran.out;
        }
        return all;
    };
    const std::string before = answers();
    {
        const auto store = take(Store::open(folder.path() / "data" / "partition-00000", Store::Access::kWrite));
        for (const auto make_model : kModels) take(take(open_table(*store, *make_model()))->clear());
    }
    EXPECT_EQ(answers(), before);
}

TEST_F(Questions, ShowTellsOfPayoutsSuspensionsAndRefunds) {
    const std::string data = edge().data();
    const auto show = [&](const char* what, const char* id) {
        return run_upline({"show", what, id, "--program", "shop", "--data", data}).out;
    };
    EXPECT_NE(show("payout", "95059127-503d-57f2-85e4-8f9c66cf4d4c").find(": settled"), std::string::npos);
    const std::string payout =
        rows({"show", "payout", "95059127-503d-57f2-85e4-8f9c66cf4d4c", "--program", "shop", "--data", data, "--json"})
            .front();
    size_t results = 0;
    for ([[maybe_unused]] const Json result : parser_.parse(payout)["results"]) ++results;
    EXPECT_EQ(results, 3U) << "settled, returned, settled after all";
    EXPECT_NE(show("transaction", "89e07d62-611b-58ac-be8e-861ed26fe1c0").find("refunded 100.00 USD, 0.00 USD left"),
              std::string::npos);
    const std::string user =
        rows({"show", "user", "6507d976-006e-58ed-b3f9-2e23cb4719e8", "--program", "shop", "--data", data, "--json"})
            .front();
    EXPECT_FALSE(bool{parser_.parse(user)["suspended"]}) << "reinstated";
    size_t payouts = 0;
    for ([[maybe_unused]] const Json p : parser_.parse(user)["last_payouts"]) ++payouts;
    EXPECT_EQ(payouts, 2U);
}

}  // namespace
}  // namespace upline
