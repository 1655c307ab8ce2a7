// SPDX-License-Identifier: Apache-2.0
// Text: what is UTF-8, how a JSON string is written, and how input is quoted in a message.
#pragma once

#include <string>
#include <string_view>

namespace upline {

// UTF-8 (Unicode 15, table 3-7) without U+0000.
bool is_utf8_without_nul(std::string_view text);

// Quoted and escaped as RFC 8259, section 7, has it. REQUIRES: UTF-8.
void append_json_string(std::string_view text, std::string& out);

// The same, cut to its first 48 bytes: input named in an error message. What is not UTF-8 is written as \xHH, so that
// the message is text in any case.
std::string quote_for_message(std::string_view text);

}  // namespace upline
