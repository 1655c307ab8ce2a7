// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/json_writer.h"

#include "events/base/text.h"

namespace upline {

void JsonWriter::separate() {
    if (needs_comma_) out_ += ", ";
    needs_comma_ = depth_ > 0;
}

void JsonWriter::begin(char bracket) {
    separate();
    out_ += bracket;
    ++depth_;
    needs_comma_ = false;
}

void JsonWriter::end(char bracket) {
    out_ += bracket;
    needs_comma_ = --depth_ > 0;
}

void JsonWriter::name(std::string_view name) {
    separate();
    append_json_string(name, out_);
    out_ += ": ";
    needs_comma_ = false;
}

void JsonWriter::text(std::string_view value) {
    separate();
    append_json_string(value, out_);
}

void JsonWriter::raw(std::string_view json) {
    separate();
    out_ += json;
}

}  // namespace upline
