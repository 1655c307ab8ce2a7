// SPDX-License-Identifier: Apache-2.0
// The demo is what a stranger sees first: one screen, the same on every machine.
#include "tests/tools/program.h"

namespace upline {
namespace {

// The root of the demo's 9,464 events. It changes only with the demo's data: any other change of it is a change of what
// a ledger is, and every ledger there is would disagree.
constexpr const char* kRoot = "af47efaaefbbf94c47562e7a48f42ed3111297d5980534d35b03861df00262c1";

TEST(Demo, TellsTheStoryOnOneScreenProvesTheSaleAndFindsTheRewrittenPast) {
    const Ran ran = run_upline({"demo"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(ran.err, "");
    EXPECT_NE(ran.out.find(kRoot), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("ok: 9,464 entries, amounts, balances and read models are what the log says"),
              std::string::npos)
        << ran.out;
    const size_t proven = ran.out.find("was credited 5.80 USD, level 1, for transaction ");
    ASSERT_NE(proven, std::string::npos) << ran.out;
    // The forged ledger is right by itself, and found by each of the two that the insider does not hold.
    size_t at = proven;
    for (const char* said :
         {"entry 9420: a sale of 29.00 USD reads 290.00 USD now\n", "with that log: ok: 9,464 entries",
          "with the true log: verify: entry 9420: it says its record",
          "with a kept checkpoint: verify: the kept checkpoint says that 9464 entries have root af47",
          ": the past was changed\n"}) {
        at = ran.out.find(said, at);
        ASSERT_NE(at, std::string::npos) << said << "\n" << ran.out;
    }
    EXPECT_LE(lines_of(ran.out).size(), 50U) << ran.out;
}

TEST(Demo, LeavesBehindWhatItTellsTheStrangerToTry) {
    const TemporaryFolder folder;
    const std::string kept = (folder.path() / "new" / "demo").string();
    const Ran ran = run_upline({"demo", "--keep", kept});
    ASSERT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(run_upline({"show", "head", "--data", kept + "/data"}).code, 0);
    const Ran good = run_upline({"verify", "--data", kept + "/data", "--log", "file:" + kept + "/log"});
    EXPECT_EQ(good.code, 0) << good.out;
    EXPECT_NE(good.out.find(kRoot), std::string::npos);
    const Ran bad = run_upline({"verify", "--data", kept + "/tampered", "--log", "file:" + kept + "/log"});
    EXPECT_EQ(bad.code, 1);
    EXPECT_TRUE(bad.out.starts_with("WRONG   partition 0: entry 9420: ")) << bad.out;
    // The events, produced anew: the same root.
    ASSERT_EQ(run_upline({"produce", "--log", "file:" + kept + "/log2", kept + "/events.jsonl"}).code, 0);
    const Ran again = run_upline({"replay", "--log", "file:" + kept + "/log2", "--data", kept + "/data2"});
    EXPECT_NE(again.out.find(kRoot), std::string::npos) << again.out;
    EXPECT_EQ(run_upline({"demo", "--keep", kept}).code, 2) << "a folder that is there is left alone";
}

}  // namespace
}  // namespace upline
