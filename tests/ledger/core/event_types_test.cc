// SPDX-License-Identifier: Apache-2.0
// Each event type stands in each table that the checklist "To add an event type" of events/README.md names. What the
// build holds already (a name, a payload) is not asked again here.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "events/event.h"
#include "ledger/core/rules.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    EXPECT_TRUE(file) << path;
    return {std::istreambuf_iterator<char>(file), {}};
}

// All files of a folder whose names end so, one after another.
std::string texts_of(const fs::path& folder, std::string_view ending) {
    std::string texts;
    for (const auto& file : fs::recursive_directory_iterator(folder))
        if (file.path().filename().string().ends_with(ending)) texts += text_of(file.path());
    return texts;
}

// Calls f(number, name, payload) for each type, the payload with nothing in it.
template <class F>
void for_each_type(F&& f) {
    [&]<size_t... I>(std::index_sequence<I...>) {
        (f(static_cast<unsigned>(I + 1), std::string(event_type_name(static_cast<EventType>(I + 1))),
           Payload(std::in_place_index<I + 1>)),
         ...);
    }
    (std::make_index_sequence<kLastEventType>());
}

const fs::path kSource = UPLINE_SOURCE_DIR;

TEST(EventTypes, StandInTheTableOfTheReadmeEachWithItsNumber) {
    const std::string readme = text_of(kSource / "events/README.md");
    size_t before = 0;
    for_each_type([&](unsigned number, const std::string& name, const Payload& /*payload*/) {
        const size_t at = readme.find(fmt::format("\n| {} | `{}` |", number, name));
        ASSERT_NE(at, std::string::npos) << name;
        EXPECT_GT(at, before) << name;
        before = at;
    });
    EXPECT_EQ(readme.find(fmt::format("\n| {} | `", kLastEventType + 1)), std::string::npos);
}

// The table says since which version; the versions before it do not even read the type's payload.
TEST(EventTypes, HaveARuleInTheVersionsThatTheReadmeSays) {
    const std::string readme = text_of(kSource / "events/README.md");
    for_each_type([&](unsigned number, const std::string& name, const Payload& payload) {
        const size_t row = readme.find(fmt::format("\n| {} | `{}` |", number, name));
        ASSERT_NE(row, std::string::npos) << name;
        const size_t end = readme.find(" |\n", row);
        const unsigned long since = std::stoul(readme.substr(readme.rfind("| ", end - 1) + 2));
        for (const Rules& rules : rules_versions()) {
            EXPECT_EQ(rules.has_rule(payload) && number <= rules.last_type, rules.version >= since)
                << name << ", version " << rules.version;
        }
    });
    for (const Rules& rules : rules_versions()) EXPECT_FALSE(rules.has_rule(Payload())) << rules.version;
}

TEST(EventTypes, AreShownByRuleScripts) {
    const std::string scripts = texts_of(kSource / "tests/rules", ".rules");
    for_each_type([&](unsigned /*number*/, const std::string& name, const Payload& /*payload*/) {
        EXPECT_NE(scripts.find(fmt::format("\"type\": \"{}\"", name)), std::string::npos) << name;
    });
}

TEST(EventTypes, AreKnownToTheFuzzersDictionary) {
    const std::string dictionary = text_of(kSource / "tests/fuzz/json.dict");
    for_each_type([&](unsigned /*number*/, const std::string& name, const Payload& /*payload*/) {
        EXPECT_NE(dictionary.find(fmt::format("\"{}\"", name)), std::string::npos) << name;
    });
}

TEST(EventTypes, HaveGoldenEntries) {
    std::string heads;  // the type stands behind sequence, rules version, outcome, clock and hash
    constexpr size_t kType = 8 + 2 + 1 + 8 + 32;
    for (const auto& file : fs::directory_iterator(kSource / "tests/ledger/golden")) {
        std::string hex = text_of(file.path());
        std::erase(hex, '\n');
        if (file.path().filename().string().starts_with("accepted_") && hex.size() >= 2 * kType + 2)
            heads += " " + hex.substr(2 * kType, 2);
    }
    for_each_type([&](unsigned number, const std::string& name, const Payload& /*payload*/) {
        EXPECT_NE(heads.find(fmt::format(" {:02x}", number)), std::string::npos) << name;
    });
}

TEST(EventTypes, AreInTheLogOfAGoldenFolder) {
    const std::string logs = texts_of(kSource / "tests/golden_folders", "log.jsonl");
    for_each_type([&](unsigned /*number*/, const std::string& name, const Payload& /*payload*/) {
        EXPECT_NE(logs.find(fmt::format("\"type\": \"{}\"", name)), std::string::npos) << name;
    });
}

}  // namespace
}  // namespace upline
