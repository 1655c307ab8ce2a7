// SPDX-License-Identifier: Apache-2.0
// How the command talks: rows as JSON Lines or CSV, messages and progress on standard error, colours only where a
// person looks.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "events/base/progress.h"
#include "events/base/result.h"
#include "tools/terminal/json_writer.h"

namespace upline {

enum class Format { kJsonl, kCsv };

// Prints rows of named fields, all rows of one printer with the same names.
class RowPrinter {
  public:
    RowPrinter(Format format, std::FILE* out) : format_(format), out_(out) {}
    ~RowPrinter() { flush(); }
    RowPrinter(const RowPrinter&) = delete;
    RowPrinter& operator=(const RowPrinter&) = delete;

    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, int64_t value);
    void boolean(std::string_view name, bool value) { json(name, value ? "true" : "false"); }
    // A value that is JSON already (an object, a list, true); in CSV its text, quoted.
    void json(std::string_view name, std::string_view value);
    void absent(std::string_view name);  // null; in CSV an empty field
    void end_row();
    void flush();
    // Whether everything so far reached its reader (a closed pipe ends the work early).
    bool failed() const { return failed_; }

  private:
    void name(std::string_view name);

    Format format_;
    std::FILE* out_;
    std::string header_;  // of CSV, until the first row is out
    std::string row_;
    std::string buffer_;
    size_t fields_ = 0;  // in row_
    JsonWriter json_{row_};
    bool first_row_ = true;
    bool failed_ = false;
};

// What somebody else may have written, fit for a terminal and for one line: all but printable ASCII becomes '?'.
std::string printable(std::string text);

// "10,960"
std::string with_commas(uint64_t number);

// Colours of a terminal, or nothing: when standard output is none, or NO_COLOR is set.
struct Style {
    const char* bold = "";
    const char* dim = "";
    const char* red = "";
    const char* green = "";
    const char* plain = "";
};
const Style& style();

// One line on standard error that is rewritten a few times a second: "verify  [####    ]  52 %  1,234,567 of 2,345,678
// 12 s left". Nothing when standard error is no terminal. Gone when the object is.
class ProgressBar {
  public:
    explicit ProgressBar(std::string_view doing);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    // `of` 0: nobody knows, and the rate is told; `more` is told behind that.
    void update(uint64_t done, uint64_t of, std::string_view more = {});
    Progress callback();

  private:
    std::string doing_;
    bool shown_ = false;
    bool terminal_;
    int64_t started_ms_;
    int64_t last_ms_ = 0;
};

// Prints "upline: MESSAGE" on standard error and returns the exit code of an error: 2.
int print_error(const Error& error);
// The exit code of a command that is done, or whose error it prints: one of code `negative` is an answer.
int finish(const Status& status, ErrorCode negative);

inline constexpr int kExitDone = 0;
inline constexpr int kExitNegative = 1;
inline constexpr int kExitCouldNot = 2;

}  // namespace upline
