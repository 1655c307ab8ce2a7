// SPDX-License-Identifier: Apache-2.0
// JSON is valid whatever is nested, and spaced as commands have always printed it.
#include "tools/terminal/json_writer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace upline {
namespace {

TEST(JsonWriter, SeparatesMembersAndItems) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.text("name", "a \"b\"\n");
    json.number("least", INT64_MIN);
    json.number("largest", UINT64_MAX);
    json.boolean("yes", true);
    json.null("nothing");
    json.name("list");
    json.begin_list();
    json.number(1);
    json.begin_list();
    json.end_list();
    json.begin_object();
    json.end_object();
    json.text("x");
    json.boolean(false);
    json.end_list();
    json.raw("raw", "{\"k\": 1}");
    json.end_object();
    EXPECT_EQ(
        out,
        R"({"name": "a \"b\"\u000a", "least": -9223372036854775808, "largest": 18446744073709551615, "yes": true, )"
        R"("nothing": null, "list": [1, [], {}, "x", false], "raw": {"k": 1}})");
}

TEST(JsonWriter, PutsNothingBetweenWholeValues) {
    std::string out;
    JsonWriter json(out);
    for (int line = 1; line <= 2; ++line) {
        json.begin_object();
        json.number("line", line);
        json.end_object();
        out += '\n';
    }
    EXPECT_EQ(out, "{\"line\": 1}\n{\"line\": 2}\n");
}

TEST(JsonWriter, WritesListsOfItems) {
    const std::vector<int> items = {1, 2};
    EXPECT_EQ(json_list(items, [](JsonWriter& json, int item) { json.number(item); }), "[1, 2]");
    EXPECT_EQ(json_objects(items, [](JsonWriter& json, int item) { json.number("i", item); }),
              R"([{"i": 1}, {"i": 2}])");
    EXPECT_EQ(json_objects(std::vector<int>(), [](JsonWriter&, int) {}), "[]");
}

}  // namespace
}  // namespace upline
