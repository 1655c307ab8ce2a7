// SPDX-License-Identifier: Apache-2.0
#include "tools/payouts/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "events/base/text.h"
#include "events/event.h"

namespace upline {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kMaxFileBytes = size_t{256} << 20;

std::string_view trimmed(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Takes the rows of a text one by one.
class RowTaker {
  public:
    RowTaker(std::string_view text, char separator) : rest_(text), separator_(separator) {}

    bool at_end() const { return rest_.empty(); }
    CsvRow next() {
        CsvRow row{.line = line_, .cells = {}, .wrong = {}};
        while (!take_cell(row)) {
        }
        for (const std::string& cell : row.cells)
            if (row.wrong.empty() && !is_event_text(cell))
                row.wrong = fmt::format("{} is no UTF-8 text of at most {} bytes; save the file as UTF-8",
                                        quote_for_message(cell), kMaxTextBytes);
        return row;
    }

  private:
    // Whether it was the row's last.
    bool take_cell(CsvRow& row) {
        std::string cell;
        const size_t first = rest_.find_first_not_of(" \t");
        if (first != std::string_view::npos && rest_[first] == '"') {
            rest_.remove_prefix(first + 1);
            take_quoted(row, cell);
        }
        const size_t end = std::min(rest_.find_first_of(separator_ == ',' ? ",\n" : ";\n"), rest_.size());
        std::string_view bare = rest_.substr(0, end);
        const bool last = end == rest_.size() || rest_[end] == '\n';
        if (last && bare.ends_with('\r')) bare.remove_suffix(1);
        if (end < rest_.size() && rest_[end] == '\n') ++line_;
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        if (row.wrong.empty() && (bare.find('"') != std::string_view::npos || (quoted_ && !trimmed(bare).empty())))
            row.wrong = "a quote in the middle of a cell; quotes enclose a whole cell, and are doubled within";
        row.cells.emplace_back(quoted_ ? cell : std::string(trimmed(bare)));
        quoted_ = false;
        return last;
    }
    // What stands before the closing quote; the rest begins behind it.
    void take_quoted(CsvRow& row, std::string& cell) {
        quoted_ = true;
        for (;;) {
            const size_t quote = rest_.find('"');
            if (quote == std::string_view::npos) {
                row.wrong = "a quote that is never closed: all lines from here on are in it";
                rest_ = {};
                return;
            }
            line_ += static_cast<uint64_t>(std::count(rest_.begin(), rest_.begin() + quote, '\n'));
            cell += rest_.substr(0, quote);
            rest_.remove_prefix(quote + 1);
            if (!rest_.starts_with('"')) return;
            cell += '"';
            rest_.remove_prefix(1);
        }
    }

    std::string_view rest_;
    char separator_;
    uint64_t line_ = 1;
    bool quoted_ = false;  // the cell at hand
};

std::string joined(std::span<const std::string_view> columns) {
    std::string text;
    for (const std::string_view column : columns) text += (text.empty() ? "" : ",") + std::string(column);
    return text;
}

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text, std::span<const std::string_view> columns) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    const std::string_view first_line = text.substr(0, text.find('\n'));
    const bool semicolons = first_line.find(',') == std::string_view::npos;
    RowTaker rows(text, semicolons ? ';' : ',');
    const CsvRow header = rows.next();
    std::vector<size_t> place_of;  // of each column in a row
    for (const std::string_view column : columns)
        place_of.push_back(static_cast<size_t>(std::ranges::find(header.cells, column) - header.cells.begin()));
    if (!header.wrong.empty() || header.cells.size() != columns.size() ||
        std::ranges::count(place_of, header.cells.size()) > 0)
        return Error{ErrorCode::kInvalid,
                     fmt::format("line 1: the first line must name the columns {} (in any order), not {}",
                                 joined(columns), quote_for_message(first_line))};
    std::vector<CsvRow> table;
    while (!rows.at_end()) {
        CsvRow row = rows.next();
        if (row.wrong.empty() && row.cells.size() == 1 && row.cells[0].empty()) continue;
        if (row.wrong.empty() && row.cells.size() != columns.size())
            row.wrong = fmt::format("{} cells, and there are {} columns", row.cells.size(), columns.size());
        std::vector<std::string> ordered;
        if (row.wrong.empty())
            for (const size_t place : place_of) ordered.push_back(std::move(row.cells[place]));
        row.cells = std::move(ordered);
        table.push_back(std::move(row));
    }
    return table;
}

Result<std::string> read_whole_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
    if (!file) return Error{ErrorCode::kNotFound, fmt::format("{}: {}", path, std::strerror(errno))};
    std::string text;
    std::vector<char> buffer(1 << 16);
    while (const size_t size = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
        text.append(buffer.data(), size);
        if (text.size() > kMaxFileBytes)
            return Error{ErrorCode::kInvalid, fmt::format("{}: above 256 MiB; give it in parts", path)};
    }
    if (std::ferror(file.get()) != 0)
        return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(errno))};
    return text;
}

Result<std::vector<CsvRow>> read_csv(const std::string& path, std::span<const std::string_view> columns) {
    UPLINE_TRY_ASSIGN(const std::string text, read_whole_file(path));
    Result<std::vector<CsvRow>> rows = parse_csv(text, columns);
    if (!rows.ok()) return Error{rows.error().code, fmt::format("{}: {}", path, rows.error().message)};
    return rows;
}

void append_csv_cell(std::string_view text, std::string& out) {
    const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
    const bool spaced = trimmed(text).size() != text.size();
    if (!spaced && text.find_first_of(",;\"\r\n") == std::string_view::npos) {
        if (formula) out += '\'';
        out += text;
        return;
    }
    out += '"';
    if (formula) out += '\'';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

}  // namespace upline
