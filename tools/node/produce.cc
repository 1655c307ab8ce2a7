// SPDX-License-Identifier: Apache-2.0
// `upline produce`: appends JSON Lines to the log as records, and names each bad line.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "events/base/file_system.h"
#include "events/json_reader.h"
#include "events/log/kafka_topic.h"
#include "events/record_writer.h"
#include "tools/node/commands.h"
#include "tools/node/outcome_watch.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/json_writer.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

// A record is at most 32 KiB, so no line of a valid event is longer.
constexpr size_t kMaxLineBytes = 1 << 20;
constexpr size_t kFlushBytes = 16 << 20;

// Lines of a file descriptor, without their newline. A line above kMaxLineBytes is skipped without being kept in
// memory.
class LineReader {
  public:
    LineReader(int fd, std::string name) : fd_(fd), name_(std::move(name)), buffer_(kMaxLineBytes * 2) {}

    struct Line {
        std::string_view text;
        bool too_long = false;
    };
    // The next line; nothing at the end. Calls before_waiting() when no line is there yet and reading would block.
    template <class F>
    Result<std::optional<Line>> next(F&& before_waiting) {
        for (;;) {
            const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
            const size_t newline = rest.find('\n', searched_);
            if (newline != std::string_view::npos) return take(rest.substr(0, newline), newline + 1);
            searched_ = rest.size();
            if (at_end_) return rest.empty() && !passing_ ? std::optional<Line>() : take(rest, rest.size());
            if (rest.size() > kMaxLineBytes) {
                passing_ = true;
                begin_ = end_ = searched_ = 0;
            }
            UPLINE_TRY(fill(before_waiting));
        }
    }

  private:
    std::optional<Line> take(std::string_view line, size_t size) {
        constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // what Windows programs begin a file with
        if (std::exchange(first_, false) && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
        begin_ += size;
        searched_ = 0;
        const bool too_long = std::exchange(passing_, false) || line.size() > kMaxLineBytes;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        return Line{line, too_long};
    }
    template <class F>
    Status fill(F&& before_waiting) {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        pollfd ready{fd_, POLLIN, 0};
        if (::poll(&ready, 1, 0) == 0) UPLINE_TRY(before_waiting());
        ssize_t size = 0;
        do size = FileSystem::real().read(fd_, buffer_.data() + end_, buffer_.size() - end_);
        while (size < 0 && errno == EINTR);
        if (size < 0) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", name_, std::strerror(errno))};
        at_end_ = size == 0;
        end_ += static_cast<size_t>(size);
        return ok_status();
    }

    int fd_;
    std::string name_;
    std::vector<char> buffer_;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t searched_ = 0;   // of the rest, without a newline
    bool first_ = true;     // no line was given yet
    bool passing_ = false;  // in a line that is too long
    bool at_end_ = false;
};

struct Counts {
    uint64_t lines = 0;
    uint64_t produced = 0;
    uint64_t bad = 0;
    bool stopped = false;
};

// Of each event that was produced, for --wait.
struct Produced {
    uint8_t type = 0;
    Uuid id;
    std::string program;
};

Status produce_lines(int fd, const ProduceArgs& args, LogWriter& writer, Counts& counts, OutcomeWatch* watch,
                     std::vector<Produced>& produced) {
    const std::string file = args.file == "-" ? "standard input" : args.file;
    LineReader lines(fd, file);
    EventParser parser({.ids = args.ids});
    RecordWriter records;
    ProgressBar progress("produce");
    size_t unflushed_bytes = 0;
    uint64_t unflushed = 0;
    const auto flush = [&]() -> Status {
        if (unflushed == 0) return ok_status();
        UPLINE_TRY(writer.flush());
        counts.produced += unflushed;
        unflushed = 0;
        unflushed_bytes = 0;
        progress.update(counts.produced, 0);
        return ok_status();
    };
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto line, lines.next(flush));
        if (!line) return flush();
        ++counts.lines;
        if (!line->too_long && line->text.find_first_not_of(" \t") == std::string_view::npos) continue;
        Result<Event> event =
            line->too_long ? Result<Event>(Error{ErrorCode::kInvalid, "longer than 1 MiB; an event is at most 32 KiB"})
                           : parser.parse(line->text);
        std::span<const std::byte> record;
        if (event.ok()) {
            record = records.encode(*event);
            if (record.size() > kMaxRecordBytes)
                event = Error{ErrorCode::kInvalid,
                              fmt::format("{} bytes as a record; an event is at most 32 KiB", record.size())};
        }
        if (!event.ok()) {
            ++counts.bad;
            fmt::print(stderr, "upline: {}:{}: {}\n", file, counts.lines, event.error().message);
            if (args.skip_bad_lines) continue;
            counts.stopped = true;
            return flush();
        }
        if (watch) {
            watch->add(record);
            produced.push_back({event->type, event->id, std::string(event->program)});
        }
        UPLINE_TRY(writer.append(event->program, record));
        ++unflushed;
        unflushed_bytes += record.size();
        if (unflushed_bytes >= kFlushBytes) UPLINE_TRY(flush());
    }
}

void report(const ProduceArgs& args, const Counts& counts, const LogWriter& writer) {
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.number("produced", static_cast<int64_t>(counts.produced));
        row.number("bad_lines", static_cast<int64_t>(counts.bad));
        row.json("written", json_objects(writer.written(), [](JsonWriter& json, const auto& written) {
                     const auto& [partition, span] = written;
                     json.number("partition", partition);
                     json.number("first_offset", span.first);
                     json.number("last_offset", span.last);
                     json.number("events", span.count);
                 }));
        row.end_row();
        return;
    }
    fmt::print("{} events produced to {}\n", with_commas(counts.produced), args.log.url);
    for (const auto& [partition, span] : writer.written())
        fmt::print("  partition {}: offsets {} to {}, {} events\n", partition, span.first, span.last,
                   with_commas(span.count));
    if (counts.bad > 0)
        fmt::print(stderr, "upline: {} bad line{}{}\n", with_commas(counts.bad), counts.bad == 1 ? "" : "s",
                   counts.stopped ? ": stopped there; mend it and give the rest again, or go on with --on-error skip"
                                  : " skipped");
}

// What became of each, in the order of the input; whether none was refused.
bool print_outcomes(const ProduceArgs& args, const std::vector<Produced>& produced, const OutcomeWatch& watch) {
    bool good = true;
    RowPrinter rows(Format::kJsonl, stdout);
    for (size_t i = 0; i < produced.size(); ++i) {
        const Produced& event = produced[i];
        const OutcomeWatch::Told& told = *watch.told()[i];
        good = good && !is_refusal(told.outcome);
        if (args.json) {
            rows.text("program", event.program);
            rows.text("type", type_text(event.type));
            rows.text("id", to_string(event.id));
            rows.number("partition", told.partition);
            rows.number("entry", static_cast<int64_t>(told.entry));
            rows.text("outcome", outcome_name(told.outcome));
            rows.text("meaning", outcome_meaning(told.outcome));
            rows.text("advice", outcome_advice(told.outcome));
            rows.end_row();
            continue;
        }
        fmt::print("{:<19} {} {}, entry {}{}{}\n", outcome_name(told.outcome), type_text(event.type),
                   to_string(event.id), told.entry, is_refusal(told.outcome) ? ": " : "",
                   is_refusal(told.outcome) ? outcome_meaning(told.outcome) : "");
    }
    return good;
}

Result<std::unique_ptr<EventLog>> open_or_make(const ProduceArgs& args) {
    LogOptions options;
    options.properties = args.log.properties;
    if (!args.log.url.starts_with("kafka://")) {
        options.create_with_partitions = args.partitions == 0 ? 1 : args.partitions;
        return open_log(args.log.url, options);
    }
    auto log = open_log(args.log.url, options);
    if (log.ok() || log.error().code != ErrorCode::kNotFound || args.partitions == 0) return log;
    UPLINE_TRY(create_kafka_topic(args.log.url, args.partitions, {}, options));
    return open_log(args.log.url, options);
}

}  // namespace

int produce(const ProduceArgs& args) {
    const Fd fd(args.file == "-" ? ::dup(STDIN_FILENO) : FileSystem::real().open(args.file.c_str(), O_RDONLY, 0));
    if (fd.get() < 0)
        return print_error({ErrorCode::kNotFound, fmt::format("{}: {}", args.file, std::strerror(errno))});
    auto log = open_or_make(args);
    if (!log.ok()) return print_error(log.error());
    std::optional<OutcomeWatch> watch;
    if (args.wait) {
        Result<OutcomeWatch> begun = OutcomeWatch::begin(**log, args.log, args.data);
        if (!begun.ok()) return print_error(begun.error());
        watch.emplace(std::move(*begun));
    }
    auto writer = (*log)->open_writer();
    if (!writer.ok()) return print_error(writer.error());
    Counts counts;
    std::vector<Produced> produced;
    const Status status = produce_lines(fd.get(), args, **writer, counts, watch ? &*watch : nullptr, produced);
    report(args, counts, **writer);
    if (!status.ok()) {
        print_error(status.error());
        fmt::print(stderr,
                   "upline: {} events are confirmed; producing the whole input again is harmless, ids see to it\n",
                   with_commas(counts.produced));
        return kExitCouldNot;
    }
    bool all_good = counts.bad == 0;
    if (watch) {
        if (const Status told = watch->wait(); !told.ok()) return print_error(told.error());
        all_good = print_outcomes(args, produced, *watch) && all_good;
    }
    return all_good ? kExitDone : kExitNegative;
}

}  // namespace upline
