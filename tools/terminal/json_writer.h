// SPDX-License-Identifier: Apache-2.0
// JSON on one line, as every command prints it: `{"name": "text", "list": [1, true, null]}`.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace upline {

// Appends JSON to a string that outlives it, with a comma where one belongs; between whole values, as the lines of
// JSON Lines are, it puts nothing. REQUIRES: what is begun is ended; a member of an object is a name, then one value.
// Not thread-safe, no errors.
class JsonWriter {
  public:
    explicit JsonWriter(std::string& out) : out_(out) {}
    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_list() { begin('['); }
    void end_list() { end(']'); }
    void name(std::string_view name);

    // A value: of a list, or of the name before it.
    void text(std::string_view value);  // REQUIRES: UTF-8
    void number(std::integral auto value) { raw(std::to_string(value)); }
    void boolean(bool value) { raw(value ? "true" : "false"); }
    void null() { raw("null"); }
    void raw(std::string_view json);  // JSON already

    // A member of an object.
    void text(std::string_view name, std::string_view value) { this->name(name), text(value); }
    void number(std::string_view name, std::integral auto value) { this->name(name), number(value); }
    void boolean(std::string_view name, bool value) { this->name(name), boolean(value); }
    void null(std::string_view name) { this->name(name), null(); }
    void raw(std::string_view name, std::string_view json) { this->name(name), raw(json); }

  private:
    void begin(char bracket);
    void end(char bracket);
    void separate();

    std::string& out_;
    unsigned depth_ = 0;        // objects and lists that are not ended
    bool needs_comma_ = false;  // before the next name or value
};

// The list of what write(json, item) writes of each item: one value.
template <class Items, class Write>
std::string json_list(const Items& items, Write&& write) {
    std::string text;
    JsonWriter json(text);
    json.begin_list();
    for (const auto& item : items) write(json, item);
    json.end_list();
    return text;
}
// The list of objects with the members that write(json, item) writes of each item.
template <class Items, class Write>
std::string json_objects(const Items& items, Write&& write) {
    return json_list(items, [&write](JsonWriter& json, const auto& item) {
        json.begin_object();
        write(json, item);
        json.end_object();
    });
}

}  // namespace upline
