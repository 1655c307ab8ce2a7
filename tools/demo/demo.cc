// SPDX-License-Identifier: Apache-2.0
// The story `upline demo` tells: a year of events, the ledger they make, and a rewritten past that verify finds.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "events/json_writer.h"
#include "events/record_reader.h"
#include "events/record_writer.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "ledger/store/fold_forward.h"
#include "tools/audit/audit.h"
#include "tools/demo/commands.h"
#include "tools/demo/demo_data.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/ledger_queries.h"
#include "tools/queries/outcomes.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

namespace fs = std::filesystem;

// A temporary folder that goes away, or the one asked for, which stays.
class DemoFolder {
  public:
    explicit DemoFolder(const std::string& keep) : kept_(!keep.empty()) {
        std::string path = keep;
        if (!kept_) {
            path = fs::temp_directory_path() / "upline-demo-XXXXXX";
            if (!::mkdtemp(path.data())) path.clear();
        }
        path_ = path;
    }
    ~DemoFolder() {
        std::error_code ignored;  // it is the system's temporary folder; a leftover harms nobody
        if (!kept_ && !path_.empty()) fs::remove_all(path_, ignored);
    }
    DemoFolder(const DemoFolder&) = delete;
    DemoFolder& operator=(const DemoFolder&) = delete;
    const fs::path& path() const { return path_; }
    bool kept() const { return kept_; }

  private:
    bool kept_;
    fs::path path_;
};

void headline(int step, std::string_view text) {
    fmt::print("\n{}{}  {}{}\n", style().bold, step, text, style().plain);
}

std::string short_id(const Uuid& id) {
    return to_string(id).substr(0, 8);
}

Status append_events(const std::vector<Event>& events, EventLog& log) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogWriter> writer, log.open_writer());
    RecordWriter records;
    for (const Event& event : events) UPLINE_TRY(writer->append(event.program, records.encode(event)));
    return writer->flush();
}

Status write_lines(const std::vector<Event>& events, const fs::path& path) {
    std::string lines;
    for (const Event& event : events) append_json(event, lines);
    return write_file(path, lines, 0644);
}

void show_top_earners(const State& state) {
    const Currency usd = *parse_currency("USD");
    struct Earner {
        UserIndex user;
        int64_t pending;
        int64_t available;
    };
    std::vector<Earner> earners;
    std::vector<uint32_t> referrals(state.users().size());
    for (size_t i = 0; i < state.users().size(); ++i)
        if (state.users()[i].referrer != kNoIndex) ++referrals[state.users()[i].referrer.value];
    for (size_t i = 0; i < state.accounts().size(); ++i) {
        const Account account = state.accounts()[i];
        if (account.currency == usd) earners.push_back({account.user, account.pending, account.available});
    }
    std::sort(earners.begin(), earners.end(), [](const Earner& a, const Earner& b) {
        return a.pending + a.available != b.pending + b.available ? a.pending + a.available > b.pending + b.available
                                                                  : a.user < b.user;
    });
    fmt::print("   {}{:<10} {:>9} {:>14} {:>14}{}\n", style().dim, "user", "referred", "available", "pending",
               style().plain);
    for (size_t i = 0; i < std::min<size_t>(5, earners.size()); ++i)
        fmt::print("   {:<10} {:>9} {:>14} {:>14}\n", short_id(state.users()[earners[i].user].id),
                   referrals[earners[i].user.value], money_text(earners[i].available, usd),
                   money_text(earners[i].pending, usd));
}

void show_sale(const Entry& entry, const State& state) {
    const auto& sale = std::get<TransactionRecorded>(entry.payload);
    const auto name = [&](Sequence user) { return short_id(state.users()[state.user_by_sequence(user)].id); };
    fmt::print("   entry {}: {} buys for {} in stream {}\n", entry.sequence, name(entry.refs[0]),
               money_text(sale.amount.value, entry.currency), enum_name(sale.stream));
    for (const Posting& posting : entry.posted()) {
        std::string what = std::string(account_name(posting.account));
        if (posting.role != Role::kNone) what = fmt::format("{} of {}", role_name(posting.role), name(posting.user));
        fmt::print("   {:<24} {:>14}\n", what, money_text(posting.amount, entry.currency));
    }
    fmt::print("   {}they sum to zero; earned until {}, then available{}\n", style().dim,
               format_time(entry.maturity_us), style().plain);
}

// The last sale with a full house of uplines.
Result<Sequence> find_rich_sale(Store& store) {
    UPLINE_TRY_ASSIGN(const LedgerHead position, store.position());
    const std::unique_ptr<EntrySource> source = store.scan_reader();
    Entry entry;
    Sequence best = 0;
    uint8_t most = 0;
    for (Sequence sequence = 0; sequence < position.size; ++sequence) {
        UPLINE_TRY(read_entry(*source, sequence, entry));
        if (entry.currency.text() == "USD" && entry.posting_count >= most) {
            most = entry.posting_count;
            best = sequence;
        }
    }
    return best;
}

const Posting* level_1(const Entry& entry) {
    for (const Posting& posting : entry.posted())
        if (posting.role == Role::kLevel1) return &posting;
    return nullptr;
}

// A copy of a log that an insider hands out in its place, under its name.
class ForgedLog final : public EventLog {
  public:
    ForgedLog(EventLog& copy, const EventLog& original) : copy_(copy), identity_(original.identity()) {}
    uint32_t partition_count() const override { return copy_.partition_count(); }
    std::string identity() const override { return identity_; }
    Result<std::unique_ptr<LogReader>> open_reader(uint32_t partition, std::optional<LogPosition> after) override {
        return copy_.open_reader(partition, after);
    }
    Result<std::unique_ptr<LogWriter>> open_writer() override { return copy_.open_writer(); }

  private:
    EventLog& copy_;
    std::string identity_;
};

// Copies a log as it is, but for one sale, whose amount is ten times as high.
Status copy_with_one_amount_rewritten(EventLog& log, Offset sale, EventLog& copy) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogReader> reader, log.open_reader(0));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<LogWriter> writer, copy.open_writer());
    RecordBatch batch;
    RecordWriter records;
    for (;;) {
        UPLINE_TRY_ASSIGN(const bool at_end, reader->at_end());
        if (at_end) return writer->flush();
        UPLINE_TRY(reader->read(4096, 1 << 20, 0, batch));
        for (const Record& record : batch.records()) {
            Event event = decode_record(record.value).event;
            std::span<const std::byte> value = record.value;
            if (record.offset == sale) {
                std::get<TransactionRecorded>(event.payload).amount.value *= 10;
                value = records.encode(event);
            }
            UPLINE_TRY(writer->append(event.program, value, record.append_time_ms));
        }
    }
}

Result<AuditReport> audit_folder(const fs::path& data, EventLog* log, HeldCheckpoints checkpoints = {}) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
    return audit(shards.front(), log, {}, std::move(checkpoints));
}

Result<LedgerHead> feed_ledger(EventLog& log, const fs::path& data) {
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(data, DataFolder::Access::kWrite));
    UPLINE_TRY_ASSIGN(const auto reports, run_partitions(log, folder, {.once = true}));
    return reports.front().position;
}

Result<std::unique_ptr<EventLog>> make_log(const fs::path& path) {
    return open_log(fmt::format("file:{}", path.native()), {.properties = {}, .create_with_partitions = 1});
}

// Makes a second ledger, of a log in which one amount is another. It is right by itself; the true log and a checkpoint
// that somebody has kept show that it is not the same one.
Status show_rewritten_past(const fs::path& folder, EventLog& log, Sequence sale, const HeldCheckpoint& kept) {
    headline(8, "Now an insider rewrites one amount, and makes the log and the ledger again");
    const fs::path data = folder / "tampered";
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> copy, make_log(folder / "tampered-log"));
    UPLINE_TRY(copy_with_one_amount_rewritten(log, static_cast<Offset>(sale), *copy));
    ForgedLog forged(*copy, log);
    UPLINE_TRY(feed_ledger(forged, data));
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
    const std::unique_ptr<EntrySource> source = shards.front().store->scan_reader();
    Entry entry;
    UPLINE_TRY(read_entry(*source, sale, entry));
    const auto& payload = std::get<TransactionRecorded>(entry.payload);
    fmt::print("   entry {}: a sale of {} reads {} now\n", sale, money_text(payload.amount.value / 10, entry.currency),
               money_text(payload.amount.value, entry.currency));

    UPLINE_TRY_ASSIGN(const AuditReport alone, audit_folder(data, &forged));
    if (!alone.findings.empty())
        return Error{ErrorCode::kCorrupt, fmt::format("verify found: {}", alone.findings.front().what)};
    fmt::print("   with that log: {}ok{}: {} entries: the forgery agrees with itself\n", style().green, style().plain,
               with_commas(alone.size));
    UPLINE_TRY_ASSIGN(const AuditReport by_log, audit_folder(data, &log));
    if (by_log.findings.empty() || by_log.findings.front().entry != sale)
        return Error{ErrorCode::kCorrupt, "verify did not find the rewritten sale"};
    fmt::print("   with the true log: {}verify: entry {}{}: {}\n", style().red, *by_log.findings.front().entry,
               style().plain, by_log.findings.front().what);
    UPLINE_TRY_ASSIGN(const AuditReport by_checkpoint, audit_folder(data, nullptr, {.checkpoints = {kept}}));
    if (by_checkpoint.findings.empty())
        return Error{ErrorCode::kCorrupt, "the kept checkpoint did not tell that the past was changed"};
    fmt::print("   with a kept checkpoint: {}verify{}: {}\n", style().red, style().plain,
               by_checkpoint.findings.front().what);
    return ok_status();
}

void show_events(const std::vector<Event>& events) {
    std::map<std::string_view, uint64_t> kinds;
    for (const Event& event : events) ++kinds[event_type_name(static_cast<EventType>(event.type))];
    fmt::print("{}Upline{}: an append-only log of what happened, a ledger anybody can recompute.\n", style().bold,
               style().plain);
    headline(1, "A year of a small community, as events");
    fmt::print("   {} people, {} websites, {} sales; {} events in all. One of them:\n", kinds["UserSignedUp"],
               kinds["WebsiteCreated"], with_commas(kinds["TransactionRecorded"]), with_commas(events.size()));
    const auto first_sale = std::find_if(events.begin(), events.end(), [](const Event& event) {
        return std::holds_alternative<TransactionRecorded>(event.payload);
    });
    std::string line;
    append_json(*first_sale, line);
    fmt::print("   {}{}{}\n", style().dim, line.substr(0, line.size() - 1), style().plain);
}

// The sale that the story is about.
struct ShownSale {
    Sequence sequence = 0;
    std::string id;
    std::string earner;  // its level 1
};
Result<ShownSale> show_ledger(const fs::path& data, const LedgerHead& position, int64_t took_ms) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
    Store& store = *shards.front().store;
    UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shards.front()));
    UPLINE_TRY_ASSIGN(const OutcomeCounts outcomes, query_outcomes(ledger));
    fmt::print("   {} entries, one for each event, in {} ms: {}\n", with_commas(position.size), took_ms,
               outcomes_text(outcomes));

    headline(3, "Top earners");
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(store));
    show_top_earners(*state);

    headline(4, "One sale, to the cent");
    UPLINE_TRY_ASSIGN(const Sequence sequence, find_rich_sale(store));
    Entry entry;
    UPLINE_TRY(ledger.read(sequence, entry));
    show_sale(entry, *state);
    const Posting* earned = level_1(entry);
    return ShownSale{sequence, to_string(entry.id),
                     earned ? to_string(state->users()[state->user_by_sequence(earned->user)].id) : ""};
}

Status show_root_and_verify(const fs::path& data, EventLog& log, const LedgerHead& position) {
    headline(5, "One root for all of it");
    fmt::print("   {}\n   {}replay these events anywhere, on any machine: the same 64 digits{}\n",
               to_hex(position.root), style().dim, style().plain);

    headline(6, "Verify: recompute everything, trust nothing");
    UPLINE_TRY_ASSIGN(const AuditReport good, audit_folder(data, &log));
    if (!good.findings.empty())
        return Error{ErrorCode::kCorrupt, fmt::format("verify found: {}", good.findings.front().what)};
    fmt::print("   {}ok{}: {} entries, amounts, balances and read models are what the log says\n", style().green,
               style().plain, with_commas(good.size));
    return ok_status();
}

// Returns the checkpoint that it signs.
Result<HeldCheckpoint> sign_and_prove(const fs::path& folder, const fs::path& data, const ShownSale& sale) {
    headline(7, "Signed, and proven to somebody who has nothing but the public key");
    const std::string key = folder / "demo.key";
    UPLINE_TRY_ASSIGN(const std::string vkey, write_new_key({.name = "demo.example/ledger", .out = key}));
    fmt::print("   key    {}", vkey);
    HeldCheckpoint kept{.name = "the kept checkpoint", .checkpoint = {}, .is_old = true};
    {
        UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
        UPLINE_TRY_ASSIGN(const std::vector<note::SigningKey> keys, read_signing_keys(key));
        Checkpoints checkpoints(data, 0);
        UPLINE_TRY_ASSIGN(const SignedCheckpoint last, sign_or_latest(checkpoints, *shards.front().store, keys));
        kept.checkpoint = last.checkpoint;
    }
    const std::string proof = folder / "demo.proof";
    ProveArgs prove_args{.what = "user-line", .id = sale.id, .user = sale.earner, .data = data};
    prove_args.out.path = proof;
    if (prove(prove_args) != kExitDone || check({.file = proof, .vkeys = {key + ".pub"}}) != kExitDone)
        return Error{ErrorCode::kCorrupt, "the sale was not proven"};
    return kept;
}

Status tell(const DemoFolder& folder) {
    using Clock = std::chrono::steady_clock;
    const fs::path log_path = folder.path() / "log";
    const fs::path data = folder.path() / "data";
    const std::vector<Event> events = make_demo_events();
    show_events(events);

    headline(2, "Appended to the log, applied to the ledger");
    if (folder.kept()) UPLINE_TRY(write_lines(events, folder.path() / "events.jsonl"));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, make_log(log_path));
    UPLINE_TRY(append_events(events, *log));
    const auto started = Clock::now();
    UPLINE_TRY_ASSIGN(const LedgerHead position, feed_ledger(*log, data));
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started).count();

    UPLINE_TRY_ASSIGN(const ShownSale sale, show_ledger(data, position, ms));
    UPLINE_TRY(show_root_and_verify(data, *log, position));
    UPLINE_TRY_ASSIGN(const HeldCheckpoint kept, sign_and_prove(folder.path(), data, sale));
    UPLINE_TRY(show_rewritten_past(folder.path(), *log, sale.sequence, kept));

    if (folder.kept())
        fmt::print(
            "\nLeft in {}: events.jsonl, log, data, tampered-log, tampered, demo.key, demo.proof. Go on with\n"
            "   upline show head --data {}\n   upline verify --data {} --log file:{}\n",
            folder.path().native(), data.native(), (folder.path() / "tampered").native(), log_path.native());
    else
        fmt::print("\n`upline demo --keep DIR` leaves all this in a folder to try the other commands on.\n");
    return ok_status();
}

Status tell_in(const std::string& keep) {
    if (!keep.empty()) {
        UPLINE_TRY_ASSIGN(const bool there, file_exists(keep));
        if (there) return Error{ErrorCode::kConflict, fmt::format("{}: exists already; give a new folder", keep)};
        UPLINE_TRY(make_folders(keep));
    }
    const DemoFolder folder(keep);
    if (folder.path().empty()) return Error{ErrorCode::kUnavailable, "cannot make a temporary folder"};
    return tell(folder);
}

}  // namespace

int demo(const DemoArgs& args) {
    const Status told = tell_in(args.keep);
    return told.ok() ? kExitDone : print_error(told.error());
}

}  // namespace upline
