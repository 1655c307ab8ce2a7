// SPDX-License-Identifier: Apache-2.0
// CSV as accountants' programs write and read it (RFC 4180): tables that come in from a file, and cells that go out
// into one that a spreadsheet will open.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/result.h"

namespace upline {

// A row under the header. Cells stand in the order they were asked for, without spaces around them.
struct CsvRow {
    uint64_t line = 0;  // of the file, from 1, where the row begins
    std::vector<std::string> cells;
    std::string wrong;  // why it is no row of this table; then there are no cells
};

// Reads a table whose header names exactly `columns`, in any order. Taken as they come: a byte order mark, CRLF, empty
// lines, semicolons instead of commas (which spreadsheets write where the comma is the decimal point). A cell is at
// most 255 bytes of UTF-8. kInvalid, with the line, for a header that is another; a bad row is told in the row.
Result<std::vector<CsvRow>> parse_csv(std::string_view text, std::span<const std::string_view> columns);

// The same of a file; errors begin with its name. kNotFound if it cannot be opened.
Result<std::vector<CsvRow>> read_csv(const std::string& path, std::span<const std::string_view> columns);
// A whole file of at most 256 MiB.
Result<std::string> read_whole_file(const std::string& path);

// Appends a cell, quoted where it must be. One that a spreadsheet would run as a formula (it begins with = + - @, a tab
// or a carriage return) gets an apostrophe in front, which spreadsheets take as "this is text".
void append_csv_cell(std::string_view text, std::string& out);

}  // namespace upline
