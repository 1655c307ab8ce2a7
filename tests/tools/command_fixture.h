// SPDX-License-Identifier: Apache-2.0
// A folder in which the program is run as people run it, and a small story to run it on.
#pragma once

#include <simdjson.h>

#include <map>
#include <string>
#include <vector>

#include "tests/tools/program.h"

namespace upline {

namespace fs = std::filesystem;

inline constexpr const char* kAnn = "0190b3a0-0000-7000-8000-00000000000a";
inline constexpr const char* kBob = "0190b3a0-0000-7000-8000-00000000000b";
inline constexpr const char* kSite = "0190b3a0-0000-7000-8000-00000000000c";
inline constexpr const char* kSale = "0190b3a0-0000-7000-8000-00000000000d";
inline constexpr const char* kNobody = "0190b3a0-0000-7000-8000-0000000000ff";

inline std::string signup(const std::string& id, const std::string& referrer = "") {
    return fmt::format(R"({{"id": "{}", "type": "UserSignedUp", "occurred_at": "2026-01-02T03:04:05Z"{}}})", id,
                       referrer.empty() ? "" : fmt::format(R"(, "referrer": "{}")", referrer));
}

inline std::string numbered_signup(int number) {
    return signup(fmt::format("0190b3a0-0000-7000-8000-{:012x}", number));
}

// Ann, whom Bob follows; her site; a sale to Bob on it.
inline std::string story() {
    return signup(kAnn) + "\n" + signup(kBob, kAnn) + "\n" +
           fmt::format(
               R"({{"id": "{}", "type": "WebsiteCreated", "occurred_at": "2026-01-03T00:00:00Z", "owner": "{}"}})",
               kSite, kAnn) +
           "\n" +
           fmt::format(R"({{"id": "{}", "type": "TransactionRecorded", "occurred_at": "2026-01-04T00:00:00Z", )"
                       R"("buyer": "{}", "amount": "100.00", "currency": "USD", "source": "website", "website": "{}", )"
                       R"("stream": "premium_support"}})",
                       kSale, kBob, kSite) +
           "\n";
}

// Rows of JSON Lines, each as field -> JSON text.
inline std::vector<std::map<std::string, std::string>> json_rows(const std::string& text) {
    std::vector<std::map<std::string, std::string>> rows;
    simdjson::dom::parser parser;
    for (const std::string& line : lines_of(text)) {
        simdjson::dom::object object;
        if (parser.parse(line).get(object) != simdjson::SUCCESS) {
            ADD_FAILURE() << "not a JSON object: " << line;
            continue;
        }
        auto& row = rows.emplace_back();
        for (const auto field : object) row.emplace(std::string(field.key), simdjson::minify(field.value));
    }
    return rows;
}

class Command : public testing::Test {
  protected:
    const fs::path& folder() const { return folder_.path(); }
    std::string path(const std::string& name) const { return (folder() / name).string(); }
    std::string url(const std::string& name = "log") const { return "file:" + path(name); }

    Ran produce(const std::string& input, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"produce", "--log", url(), "-"});
        return run_upline(more, input);
    }
    // The story, or other lines, produced and applied.
    void make_ledger(const std::string& lines = story(), const std::string& name = "data") {
        ASSERT_EQ(produce(lines).code, 0);
        const Ran ran = run_upline({"run", "--log", url(), "--data", path(name), "--once"});
        ASSERT_EQ(ran.code, 0) << ran.err;
    }
    static void expect_refused(const Ran& ran, const std::string& words) {
        EXPECT_EQ(ran.code, 2);
        EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
        EXPECT_NE(("\n" + ran.err).find("\nupline: "), std::string::npos)
            << ran.err;  // lines of the log may come before
    }

  private:
    TemporaryFolder folder_;
};

}  // namespace upline
