// SPDX-License-Identifier: Apache-2.0
// `upline redrive`: appends the records of refused events once more. Their ids are free, so each is judged anew: a
// refund that came before its sale, a payout that was asked for too early.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <set>

#include "events/log/event_log.h"
#include "ledger/proof/sha256.h"
#include "ledger/store/id_lookup.h"
#include "ledger/store/ledger_reader.h"
#include "tools/node/commands.h"
#include "tools/node/outcome_watch.h"
#include "tools/queries/outcomes.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

struct Redriven {
    EventOutcome event;
    std::vector<std::byte> record;
};

// Records of one ledger's entries from the log, asked for in ascending order: the n-th entry is of the n-th record.
class Records {
  public:
    Records(EventLog& log, LedgerReader& ledger) : log_(log), ledger_(ledger) {}

    Result<std::vector<std::byte>> record_of(Sequence sequence) {
        constexpr Sequence kMostToSkip = 10'000;  // a new reader costs about as much as reading so many records
        if (!reader_ || sequence < next_ || sequence - next_ > kMostToSkip) UPLINE_TRY(begin_at(sequence));
        for (;; ++next_) {
            if (taken_ == batch_.size()) UPLINE_TRY(read());
            const std::span<const std::byte> value = batch_.records()[taken_++].value;
            if (next_ < sequence) continue;
            ++next_;
            Entry entry;
            UPLINE_TRY(ledger_.read(sequence, entry));
            if (sha256(value) != entry.record_sha256)
                return Error{ErrorCode::kConflict,
                             fmt::format("the log's record of entry {} is another; `upline verify "
                                         "--log` says more",
                                         sequence)};
            return std::vector<std::byte>(value.begin(), value.end());
        }
    }

  private:
    Status begin_at(Sequence sequence) {
        std::optional<LogPosition> before;
        if (sequence > 0) {
            Entry entry;
            UPLINE_TRY(ledger_.read(sequence - 1, entry));
            UPLINE_TRY_ASSIGN(const LogLocation place, read_location(ledger_.store(), sequence - 1));
            before = LogPosition{place.offset, place.append_time_ms, entry.record_sha256};
        }
        UPLINE_TRY_ASSIGN(reader_, log_.open_reader(ledger_.partition(), before));
        batch_.clear();
        taken_ = 0;
        next_ = sequence;
        return ok_status();
    }
    Status read() {
        constexpr size_t kRecords = 1000;
        constexpr size_t kAnyBytes = 1 << 20;
        constexpr int kReadMs = 10'000;
        taken_ = 0;
        UPLINE_TRY(reader_->read(kRecords, kAnyBytes, kReadMs, batch_));
        if (batch_.size() > 0) return ok_status();
        return Error{ErrorCode::kUnavailable, "the log gave no record for 10 s; try again"};
    }

    EventLog& log_;
    LedgerReader& ledger_;
    std::unique_ptr<LogReader> reader_;
    RecordBatch batch_;
    size_t taken_ = 0;   // of the batch
    Sequence next_ = 0;  // whose record comes next
};

// What nothing has accepted: in the ledger of its program, which is another one's than that of a record in the wrong
// partition. Without that ledger nobody can say.
Result<bool> is_open(std::vector<ReadShard>& shards, const EventOutcome& refused) {
    const Result<ReadShard*> shard = shard_of(shards, refused.program);
    if (!shard.ok() && shard.error().code == ErrorCode::kNotFound) return false;
    UPLINE_TRY(shard);
    UPLINE_TRY_ASSIGN(const auto accepted, find_entry_of(*(*shard)->store, refused.program, refused.id));
    return !accepted;
}

// The newest refusal of each id that nothing has accepted since.
Result<std::vector<Redriven>> choose(const RedriveArgs& args, EventLog& log, std::vector<ReadShard>& shards) {
    UPLINE_TRY_ASSIGN(RefusalFilter filter, refusal_filter(args.chosen));
    std::vector<Redriven> chosen;
    std::set<std::pair<std::string, Uuid>> names;
    for (ReadShard& shard : shards) {
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY(limit_to_times(args.chosen, shard, filter));
        std::map<std::pair<std::string, Uuid>, EventOutcome> newest;
        UPLINE_TRY(query_refusals(ledger, filter, [&](const EventOutcome& refused) {
            if (refused.outcome == Outcome::kMalformed) return true;
            if (args.id.empty() || to_string(refused.id) == args.id)
                newest.insert_or_assign({refused.program, refused.id}, refused);
            return true;
        }));
        std::map<Sequence, EventOutcome> in_order;
        for (auto& [name, refused] : newest) {
            UPLINE_TRY_ASSIGN(const bool open, is_open(shards, refused));
            if (open && names.insert(name).second) in_order.emplace(refused.entry, std::move(refused));
        }
        Records records(log, ledger);
        for (auto& [sequence, refused] : in_order) {
            UPLINE_TRY_ASSIGN(std::vector<std::byte> record, records.record_of(sequence));
            chosen.push_back({std::move(refused), std::move(record)});
        }
    }
    return chosen;
}

bool confirmed(size_t events, const std::string& url) {
    fmt::print(stderr, "Append {} record{} to {} once more? [y/N] ", events, events == 1 ? "" : "s", url);
    const int answer = std::getchar();
    return answer == 'y' || answer == 'Y';
}

void print_told(const RedriveArgs& args, const Redriven& one, const OutcomeWatch::Told& told) {
    if (!args.json) {
        fmt::print("{:<19} {}, entry {}, before: {}\n", outcome_name(told.outcome), event_text(one.event), told.entry,
                   outcome_name(one.event.outcome));
        return;
    }
    RowPrinter row(Format::kJsonl, stdout);
    row.text("program", one.event.program);
    row.text("type", type_text(one.event.type));
    row.text("id", to_string(one.event.id));
    row.number("entry", static_cast<int64_t>(told.entry));
    row.text("outcome", outcome_name(told.outcome));
    row.text("outcome_before", outcome_name(one.event.outcome));
    row.end_row();
}

Result<int> redrive_chosen(const RedriveArgs& args) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, {.properties = args.log.properties}));
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(args.chosen.data));
    UPLINE_TRY_ASSIGN(const std::vector<Redriven> chosen, choose(args, *log, shards));
    if (chosen.empty()) {
        fmt::print(stderr, "upline: no refused event that can be sent again as it is; `upline rejected` lists all\n");
        return kExitNegative;
    }
    for (const Redriven& one : chosen)
        fmt::print(stderr, "{}: entry {} refused it as {}, {}\n", event_text(one.event), one.event.entry,
                   outcome_name(one.event.outcome), outcome_meaning(one.event.outcome));
    if (!args.yes && ::isatty(STDIN_FILENO) == 0)
        return Error{ErrorCode::kInvalid, "nothing was appended: say --yes to append these records once more"};
    if (!args.yes && !confirmed(chosen.size(), args.log.url)) {
        fmt::print(stderr, "nothing was appended\n");
        return kExitNegative;
    }
    UPLINE_TRY_ASSIGN(OutcomeWatch watch, OutcomeWatch::begin(*log, args.log, args.chosen.data));
    {
        UPLINE_TRY_ASSIGN(const std::unique_ptr<LogWriter> writer, log->open_writer());
        for (const Redriven& one : chosen) {
            watch.add(one.record);
            UPLINE_TRY(writer->append(one.event.program, one.record));
        }
        UPLINE_TRY(writer->flush());
    }
    UPLINE_TRY(watch.wait());
    bool refused = false;
    for (size_t i = 0; i < chosen.size(); ++i) {
        print_told(args, chosen[i], *watch.told()[i]);
        refused = refused || is_refusal(watch.told()[i]->outcome);
    }
    return refused ? kExitNegative : kExitDone;
}

}  // namespace

int redrive(const RedriveArgs& args) {
    const Result<int> code = redrive_chosen(args);
    return code.ok() ? *code : print_error(code.error());
}

}  // namespace upline
