// SPDX-License-Identifier: Apache-2.0
// The bytes of entries, pinned by golden files. After a change of the format that is meant, UPLINE_REGENERATE_GOLDEN=1
// writes the golden files anew. entry_laws_test says that one meaning has one form and one form one meaning.
#include "ledger/core/entry.h"
#include "events/base/bytes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/ledger/core/entry_samples.h"

namespace upline {
namespace {

using testing::bytes_of;
using testing::full_sale;
using testing::Sample;
using testing::samples;
using testing::seven_level_sale;

constexpr char kGoldenFolder[] = UPLINE_SOURCE_DIR "/tests/ledger/golden";

std::string to_golden(std::span<const std::byte> bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 32)
        text += to_hex(bytes.subspan(i, std::min<size_t>(32, bytes.size() - i))) + "\n";
    return text;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

TEST(EntryBytes, AreThoseOfTheGoldenFiles) {
    std::set<std::string> expected_files;
    for (const Sample& s : samples()) {
        const std::string file = s.name + ".hex";
        ASSERT_TRUE(expected_files.insert(file).second) << file << " twice";
        const std::string text = to_golden(bytes_of(*s.entry));
        if (std::getenv("UPLINE_REGENERATE_GOLDEN") != nullptr) {
            std::ofstream(std::filesystem::path(kGoldenFolder) / file) << text;
        }
        EXPECT_EQ(read_file(std::filesystem::path(kGoldenFolder) / file), text) << file;
    }
    std::set<std::string> files;
    for (const auto& found : std::filesystem::directory_iterator(kGoldenFolder)) files.insert(found.path().filename());
    EXPECT_EQ(files, expected_files) << "each sample has its file and each file its sample";
}

// The layout read off the header's comment, byte by byte, for one entry.
TEST(EntryBytes, LieWhereTheFormatSays) {
    const Sample s = full_sale();
    const std::vector<std::byte> bytes = bytes_of(*s.entry);
    size_t at = 0;
    const auto number = [&](size_t width) {
        uint64_t value = 0;
        for (size_t i = 0; i < width; ++i) value |= static_cast<uint64_t>(bytes.at(at++)) << (8 * i);
        return value;
    };
    const auto varint = [&] {
        uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            const uint64_t byte = number(1);
            value |= (byte & 127) << shift;
            if (byte < 128) return value;
        }
    };
    const auto letters = [&](size_t count) {
        std::string text;
        while (count-- > 0) text += static_cast<char>(number(1));
        return text;
    };
    EXPECT_EQ(number(8), 1000U);
    EXPECT_EQ(number(2), 1U);
    EXPECT_EQ(number(1), 0U);
    EXPECT_EQ(number(8), 1'767'312'000'000'000U);
    EXPECT_EQ(to_hex(std::span(bytes).subspan(at, 32)), to_hex(s.entry->record_sha256));
    at += 32;
    EXPECT_EQ(number(1), 5U) << "TransactionRecorded";
    for (uint8_t i = 0; i < 16; ++i) EXPECT_EQ(number(1), 0x10U + i);
    EXPECT_EQ(number(1), 4U);
    EXPECT_EQ(letters(4), "shop");
    EXPECT_EQ(number(8), 1'767'225'600'123'456U);
    EXPECT_EQ(varint(), 8U) << "buyer";
    EXPECT_EQ(varint(), 23'800U) << "amount";
    EXPECT_EQ(varint(), 3800U) << "tax";
    EXPECT_EQ(letters(3), "EUR");
    EXPECT_EQ(number(1), 2U) << "source";
    EXPECT_EQ(varint(), 1U) << "website";
    EXPECT_EQ(number(1), 4U) << "stream";
    EXPECT_EQ(varint(), 301U) << "creator";
    EXPECT_EQ(varint(), 12U) << "plan";
    EXPECT_EQ(number(1), 12U) << "postings";
    EXPECT_EQ(letters(3), "EUR");
    EXPECT_EQ(number(8), 1'767'312'000'000'000U) << "maturity";
    EXPECT_EQ(number(1), 0U) << "sales";
    EXPECT_EQ(varint(), 2U * 11'900 - 1);
    EXPECT_EQ(number(1), 1U * 32) << "tax";
    EXPECT_EQ(varint(), 3800U);
    EXPECT_EQ(number(1), 3U * 32 + 8) << "earned by the creator";
    EXPECT_EQ(varint(), 301U);
    EXPECT_EQ(varint(), 10'000U);
    EXPECT_EQ(number(1), 3U * 32 + 9) << "earned by the website";
    EXPECT_EQ(varint(), 1U);
    EXPECT_EQ(varint(), 500U);
    for (unsigned k = 1; k <= 7; ++k) {
        EXPECT_EQ(number(1), 3U * 32 + k);
        EXPECT_EQ(varint(), 8U - k);
        EXPECT_EQ(varint(), 200U);
    }
    EXPECT_EQ(number(1), 2U * 32) << "house";
    EXPECT_EQ(varint(), 8100U);
    EXPECT_EQ(at, bytes.size());
}

TEST(EntryBytes, OfASaleOfSevenLevelsStayBelow300InALargeLedger) {
    Sample s = seven_level_sale();
    s.entry->program = "a-program-of-forty-letters-0123456789-xy";
    EXPECT_LT(bytes_of(*s.entry).size(), 300U);
}

}  // namespace
}  // namespace upline
