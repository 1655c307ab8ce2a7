// SPDX-License-Identifier: Apache-2.0
// The commands of docs/audit.md, run one after another as a reader would: each must do what the page says it does.
#include <gtest/gtest.h>

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

TEST(AuditPage, ItsCommandsDoWhatItSays) {
    TemporaryFolder folder;
    const std::string script = "set -e\nPATH=" + std::filesystem::path(UPLINE_PROGRAM).parent_path().string() +
                               ":$PATH\ncd " + folder.path().string() + "\n" +
                               commands_of(read_file(UPLINE_SOURCE_DIR "/docs/audit.md"));
    write_file(folder.path() / "script", script);
    const Ran ran = Running({"/bin/sh", (folder.path() / "script").string()}).wait();
    ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
    const auto says = [&](std::string_view text) {
        EXPECT_NE(ran.out.find(text), std::string::npos) << "it does not say: " << text << "\n" << ran.out;
    };
    says(
        "in the ledger of ledger.example/acme/0 at size 4, user 00000000-0000-4000-8000-00000000000a was credited "
        "20.00 USD, level 1, for transaction 00000000-0000-4000-8000-000000000001");
    says("user 00000000-0000-4000-8000-00000000000a of program default had: pending 20.00 USD, available 0.00 USD");
    says("the ledger of ledger.example/acme/0 at size 5 begins with all 4 entries of the earlier checkpoint");
    says("cosigned by witness.example/w1 at 20");
    says("signed by ledger.example/acme/0 (key ");
    EXPECT_EQ(ran.out.find("WRONG"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "public/tile/entries/000.p/5"));
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "public-hashes/tile/entries"));
}

}  // namespace
}  // namespace upline
