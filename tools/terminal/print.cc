// SPDX-License-Identifier: Apache-2.0
#include "tools/terminal/print.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>

namespace upline {
namespace {

int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void append_csv(std::string_view text, std::string& out) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

}  // namespace

void RowPrinter::name(std::string_view name) {
    const bool is_first = fields_++ == 0;
    if (format_ == Format::kJsonl) {
        if (is_first) json_.begin_object();
        json_.name(name);
        return;
    }
    if (!is_first) row_ += ',';
    if (first_row_) {
        if (!is_first) header_ += ',';
        append_csv(name, header_);
    }
}

void RowPrinter::text(std::string_view name, std::string_view value) {
    this->name(name);
    if (format_ == Format::kJsonl)
        json_.text(value);
    else
        append_csv(value, row_);
}

void RowPrinter::number(std::string_view name, int64_t value) {
    json(name, std::to_string(value));
}

void RowPrinter::json(std::string_view name, std::string_view value) {
    this->name(name);
    if (format_ == Format::kJsonl)
        json_.raw(value);
    else
        append_csv(value, row_);
}

void RowPrinter::absent(std::string_view name) {
    this->name(name);
    if (format_ == Format::kJsonl) json_.null();
}

void RowPrinter::end_row() {
    if (format_ == Format::kJsonl)
        json_.end_object();
    else if (first_row_)
        buffer_ += header_ + '\n';
    first_row_ = false;
    buffer_ += row_;
    buffer_ += '\n';
    row_.clear();
    fields_ = 0;
    if (buffer_.size() > (1 << 16)) flush();
}

void RowPrinter::flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), out_) != buffer_.size() || std::fflush(out_) != 0)
        failed_ = true;
    buffer_.clear();
}

std::string printable(std::string text) {
    for (char& c : text)
        if (c < ' ' || c > '~') c = '?';
    return text;
}

std::string with_commas(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, ",");
    return text;
}

const Style& style() {
    static const Style chosen = ::isatty(STDOUT_FILENO) != 0 && !std::getenv("NO_COLOR")
                                    ? Style{"\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m"}
                                    : Style{};
    return chosen;
}

ProgressBar::ProgressBar(std::string_view doing)
    : doing_(doing), terminal_(::isatty(STDERR_FILENO) != 0), started_ms_(now_ms()) {}

ProgressBar::~ProgressBar() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
}

void ProgressBar::update(uint64_t done, uint64_t of, std::string_view more) {
    if (!terminal_) return;
    const int64_t now = now_ms();
    if (now - started_ms_ < 500 || now - last_ms_ < 200) return;  // short work needs none
    last_ms_ = now;
    shown_ = true;
    if (of == 0) {
        fmt::print(stderr, "\r\x1b[K{}  {}  {} a second{}{}", doing_, with_commas(done),
                   with_commas(done * 1000 / static_cast<uint64_t>(now - started_ms_)), more.empty() ? "" : "  ", more);
        return;
    }
    const uint64_t percent = done * 100 / of;
    const std::string bar(percent / 5, '#');
    std::string left;
    if (done > 0 && done < of)
        left = fmt::format("  {} s left", static_cast<uint64_t>(now - started_ms_) * (of - done) / done / 1000);
    fmt::print(stderr, "\r\x1b[K{}  [{:<20}] {:3} %  {} of {}{}", doing_, bar, percent, with_commas(done),
               with_commas(of), left);
}

Progress ProgressBar::callback() {
    return [this](uint64_t done, uint64_t of) { update(done, of); };
}

int print_error(const Error& error) {
    fmt::print(stderr, "upline: {}\n", error.message);
    return kExitCouldNot;
}

int finish(const Status& status, ErrorCode negative) {
    if (status.ok()) return kExitDone;
    print_error(status.error());
    return status.error().code == negative ? kExitNegative : kExitCouldNot;
}

}  // namespace upline
