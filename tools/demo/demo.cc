// SPDX-License-Identifier: Apache-2.0
// The story `upline demo` tells: a year of events, the ledger they make, and a flipped bit that verify finds.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "events/base/bytes.h"
#include "events/json.h"
#include "events/record.h"
#include "events/values/money.h"
#include "events/values/time.h"
#include "tools/audit/audit.h"
#include "tools/demo/commands.h"
#include "tools/demo/demo_data.h"
#include "tools/node/partition_runner.h"
#include "tools/queries/ledger_queries.h"
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
    std::FILE* file = std::fopen(path.c_str(), "w");
    const bool written = file && std::fwrite(lines.data(), 1, lines.size(), file) == lines.size();
    if (file && std::fclose(file) == 0 && written) return ok_status();
    return Error{ErrorCode::kUnavailable, fmt::format("{}: cannot write", path.native())};
}

void show_top_earners(const State& state) {
    const Currency usd = *parse_currency("USD");
    struct Earner {
        Index user;
        int64_t pending;
        int64_t available;
    };
    std::vector<Earner> earners;
    std::vector<uint32_t> referrals(state.users().size());
    for (size_t i = 0; i < state.users().size(); ++i)
        if (state.users()[i].referrer != kNoIndex) ++referrals[state.users()[i].referrer];
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
                   referrals[earners[i].user], money_text(earners[i].available, usd),
                   money_text(earners[i].pending, usd));
}

void show_sale(const Entry& entry, const State& state) {
    const auto& sale = std::get<TransactionRecorded>(entry.payload);
    const auto name = [&](Sequence user) { return short_id(state.users()[*state.user_by_sequence(user)].id); };
    fmt::print("   entry {}: {} buys for {} in stream {}\n", entry.sequence, name(entry.refs[0]),
               money_text(sale.amount.value, entry.currency), enum_names<Stream>()[static_cast<size_t>(sale.stream)]);
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
    UPLINE_TRY_ASSIGN(const Position position, store.position());
    const std::unique_ptr<EntrySource> source = store.entries();
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

// Flips the one bit of the entry that raises the first level's commission and leaves all else readable, as somebody
// with the database open could: the database's own checksums are right afterwards.
Status flip_one_bit(const fs::path& data, Sequence sequence, std::string& what) {
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Store> store, Store::open(data / "partition-00000", Store::Access::kWrite));
    UPLINE_TRY_ASSIGN(const Store::EntryPlace place, store->entry_place(sequence));
    UPLINE_TRY_ASSIGN(std::string page, store->raw("entries", place.page_key));
    const auto bytes = std::as_bytes(std::span(page)).subspan(place.begin, place.size);
    Entry before;
    UPLINE_TRY(decode_entry(bytes, before));
    for (size_t i = place.begin; i < place.begin + place.size; ++i) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            page[i] = static_cast<char>(page[i] ^ (1 << bit));
            Entry after;
            const bool readable = decode_entry(bytes, after).ok();
            const Posting* a = level_1(before);
            const Posting* b = readable && after.posting_count == before.posting_count ? level_1(after) : nullptr;
            if (a && b && a->user == b->user && b->amount >= a->amount + 1000 && b->amount < 10 * a->amount) {
                what = fmt::format("byte {} of entry {}: a commission of {} reads {} now", i - place.begin, sequence,
                                   money_text(a->amount, before.currency), money_text(b->amount, before.currency));
                return store->tamper("entries", place.page_key, page);
            }
            page[i] = static_cast<char>(page[i] ^ (1 << bit));
        }
    }
    return Error{ErrorCode::kInvalid, "no such bit in this entry"};
}

Result<AuditReport> audit_folder(const fs::path& data, EventLog* log) {
    UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
    return audit(shards.front(), log, {});
}

Status tell(const DemoFolder& folder) {
    using Clock = std::chrono::steady_clock;
    const fs::path log_path = folder.path() / "log";
    const fs::path data = folder.path() / "data";
    const std::vector<Event> events = make_demo_events();
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

    headline(2, "Appended to the log, applied to the ledger");
    if (folder.kept()) UPLINE_TRY(write_lines(events, folder.path() / "events.jsonl"));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(fmt::format("file:{}", log_path.native()),
                                                                    {.properties = {}, .create_with_partitions = 1}));
    UPLINE_TRY(append_events(events, *log));
    const auto started = Clock::now();
    Position position;
    {
        UPLINE_TRY_ASSIGN(const DataFolder written, DataFolder::open(data, DataFolder::Access::kWrite));
        UPLINE_TRY_ASSIGN(const auto reports, run_partitions(*log, written, {.once = true}));
        position = reports.front().position;
    }
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started).count();
    Sequence sale_sequence = 0;
    std::string sale_id;
    std::string earner_id;  // level 1 of that sale
    {
        UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
        Store& store = *shards.front().store;
        std::map<std::string_view, uint64_t> outcomes;
        const std::unique_ptr<EntrySource> source = store.entries();
        Entry entry;
        for (Sequence sequence = 0; sequence < position.size; ++sequence) {
            UPLINE_TRY(read_entry(*source, sequence, entry));
            ++outcomes[outcome_name(entry.outcome)];
        }
        std::string text;
        for (const auto& [name, count] : outcomes)
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", with_commas(count), name);
        fmt::print("   {} entries, one for each event, in {} ms: {}\n", with_commas(position.size), ms, text);

        headline(3, "Top earners");
        UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(store));
        show_top_earners(*state);

        headline(4, "One sale, to the cent");
        UPLINE_TRY_ASSIGN(sale_sequence, find_rich_sale(store));
        UPLINE_TRY(read_entry(*source, sale_sequence, entry));
        show_sale(entry, *state);
        sale_id = to_string(entry.id);
        if (const Posting* earned = level_1(entry))
            earner_id = to_string(state->users()[*state->user_by_sequence(earned->user)].id);
    }
    headline(5, "One root for all of it");
    fmt::print("   {}\n   {}replay these events anywhere, on any machine: the same 64 digits{}\n",
               to_hex(position.root), style().dim, style().plain);

    headline(6, "Verify: recompute everything, trust nothing");
    UPLINE_TRY_ASSIGN(const AuditReport good, audit_folder(data, log.get()));
    if (!good.findings.empty())
        return Error{ErrorCode::kCorrupt, fmt::format("verify found: {}", good.findings.front().what)};
    fmt::print("   {}ok{}: {} entries, amounts, balances and read models are what the log says\n", style().green,
               style().plain, with_commas(good.size));

    headline(7, "Now somebody flips one bit in a copy");
    const fs::path copy = folder.path() / "tampered";
    std::error_code error;
    fs::copy(data, copy, fs::copy_options::recursive, error);
    if (error) return Error{ErrorCode::kUnavailable, fmt::format("{}: {}", copy.native(), error.message())};
    std::string what;
    UPLINE_TRY(flip_one_bit(copy, sale_sequence, what));
    fmt::print("   {}\n", what);
    UPLINE_TRY_ASSIGN(const AuditReport bad, audit_folder(copy, nullptr));
    if (bad.findings.empty() || bad.findings.front().entry != sale_sequence)
        return Error{ErrorCode::kCorrupt, "verify did not find the flipped bit"};
    fmt::print("   {}verify: entry {}{}: {}\n", style().red, *bad.findings.front().entry, style().plain,
               bad.findings.front().what);

    headline(8, "Signed, and proven to somebody who has nothing but the public key");
    const std::string key = folder.path() / "demo.key";
    const std::string proof = folder.path() / "demo.proof";
    UPLINE_TRY_ASSIGN(const std::string vkey, write_new_key({.name = "demo.example/ledger", .out = key}));
    fmt::print("   key    {}", vkey);
    {
        UPLINE_TRY_ASSIGN(std::vector<ReadShard> shards, open_for_reading(data));
        UPLINE_TRY_ASSIGN(const std::vector<note::SigningKey> keys, read_signing_keys(key));
        Checkpoints checkpoints(data, 0);
        UPLINE_TRY(sign_or_latest(checkpoints, *shards.front().store, keys));
    }
    ProveArgs prove_args{.what = "user-line", .id = sale_id, .user = earner_id, .data = data};
    prove_args.out = proof;
    if (prove(prove_args) != kExitDone || check({.file = proof, .vkeys = {key + ".pub"}}) != kExitDone)
        return Error{ErrorCode::kCorrupt, "the sale was not proven"};

    if (folder.kept())
        fmt::print(
            "\nLeft in {}: events.jsonl, log, data, tampered, demo.key, demo.proof. Go on with\n"
            "   upline show head --data {}\n   upline verify --data {} --log file:{}\n",
            folder.path().native(), data.native(), copy.native(), log_path.native());
    else
        fmt::print("\n`upline demo --keep DIR` leaves all this in a folder to try the other commands on.\n");
    return ok_status();
}

}  // namespace

int demo(const DemoArgs& args) {
    if (!args.keep.empty() && fs::exists(args.keep))
        return complain({ErrorCode::kConflict, fmt::format("{}: exists already; give a new folder", args.keep)});
    const DemoFolder folder(args.keep);
    std::error_code error;
    if (folder.kept()) fs::create_directories(folder.path(), error);
    if (error)
        return complain(
            {ErrorCode::kUnavailable, fmt::format("{}: cannot make the folder: {}", args.keep, error.message())});
    if (folder.path().empty()) return complain({ErrorCode::kUnavailable, "cannot make a temporary folder"});
    const Status told = tell(folder);
    return told.ok() ? kExitDone : complain(told.error());
}

}  // namespace upline
