// SPDX-License-Identifier: Apache-2.0
// The commands of README.md, docs/payouts.md and docs/audit.md, run one after another as a reader would: each must do
// what the page says it does.
#include <gtest/gtest.h>

#include "ledger/store/families.h"
#include "tests/e2e/sample.h"
#include "tests/tools/program.h"

namespace upline {
namespace {

// The lines between ```sh and ```.
std::string commands_of(const std::string& page) {
    std::string commands;
    bool within = false;
    for (const std::string& line : testing::lines_of(page)) {
        if (line.starts_with("```")) {
            within = line == "```sh";
            continue;
        }
        if (within) commands += line + "\n";
    }
    return commands;
}

// Runs all commands of a page in order, in a folder of its own.
class Page : public ::testing::Test {
  protected:
    void run(const std::string& page) {
        const std::string script = "set -e\nPATH=" + std::filesystem::path(UPLINE_PROGRAM).parent_path().string() +
                                   ":$PATH\ncd " + folder_.path().string() + "\n" +
                                   commands_of(read_file(UPLINE_SOURCE_DIR "/" + page));
        write_file(folder_.path() / "script", script);
        ran_ = Running({"/bin/sh", (folder_.path() / "script").string()}).wait();
        ASSERT_EQ(ran_.code, 0) << ran_.out << ran_.err;
        EXPECT_EQ(ran_.out.find("WRONG"), std::string::npos) << ran_.out;
    }
    void says(std::string_view text) const {
        EXPECT_NE(ran_.out.find(text), std::string::npos) << "it does not say: " << text << "\n" << ran_.out;
    }
    bool exists(const char* path) const { return std::filesystem::exists(folder_.path() / path); }

  private:
    TemporaryFolder folder_;
    Ran ran_;
};
using AuditPage = Page;
using PayoutsPage = Page;
using Readme = Page;

TEST_F(AuditPage, ItsCommandsDoWhatItSays) {
    ASSERT_NO_FATAL_FAILURE(run("docs/audit.md"));
    says(
        "in the ledger of ledger.example/acme/0 at size 4, user 00000000-0000-4000-8000-00000000000a was credited "
        "20.00 USD, level 1, for transaction 00000000-0000-4000-8000-000000000001");
    says("user 00000000-0000-4000-8000-00000000000a of program default had: pending 20.00 USD, available 0.00 USD");
    says("the ledger of ledger.example/acme/0 at size 5 begins with all 4 entries of the earlier checkpoint");
    says("cosigned by witness.example/w1 at 20");
    says("signed by ledger.example/acme/0 (key ");
    EXPECT_TRUE(exists("public/tile/entries/000.p/5"));
    EXPECT_FALSE(exists("public-hashes/tile/entries"));
}

TEST_F(PayoutsPage, ItsCommandsDoWhatItSays) {
    ASSERT_NO_FATAL_FAILURE(run("docs/payouts.md"));
    says("2 payouts of 175.00 EUR in all");
    says("2026-02.xml: 2 payouts of run 2026-02");
    says("1 payouts of 100.00 EUR in all");
    EXPECT_TRUE(exists("2026-02.xml"));
}

TEST_F(Readme, ItsCommandsDoWhatItSays) {
    ASSERT_NO_FATAL_FAILURE(run("README.md"));
    says(
        "user 00000000-0000-4000-8000-00000000000b was credited 20.00 USD, level 1, for transaction "
        "00000000-0000-4000-8000-000000000001");
    EXPECT_TRUE(exists("public/checkpoint"));
}

TEST(ReadmeTable, NamesEveryCommandThereIs) {
    const std::string page = read_file(UPLINE_SOURCE_DIR "/README.md");
    const Ran help = run_upline({"--help"});
    ASSERT_EQ(help.code, 0);
    size_t commands = 0;
    bool within = false;
    for (const std::string& line : testing::lines_of(help.out)) {
        if (line == "Subcommands:") within = true;
        if (!within || !line.starts_with("  ") || line[2] == ' ') continue;
        ++commands;
        const std::string row = "| `upline " + line.substr(2, line.find(' ', 2) - 2);
        EXPECT_NE(page.find(row), std::string::npos) << "README.md has no row for: " << line;
    }
    EXPECT_GT(commands, 10U);
}

TEST(FormatsPage, ListsEveryFamilyOfTheDatabase) {
    std::string names;  // each between a space and a comma
    for (const std::string& line : testing::lines_of(read_file(UPLINE_SOURCE_DIR "/docs/FORMATS.md")))
        if (line.starts_with("| ")) names += line.substr(1, line.find(" |", 1) - 1) + ",";
    for (const Family& family : kFamilies)
        EXPECT_NE(names.find(fmt::format(" {},", family.name)), std::string::npos)
            << "docs/FORMATS.md has no row for the column family " << family.name;
}

}  // namespace
}  // namespace upline
