// SPDX-License-Identifier: Apache-2.0
// What queries of a ledger share: the shards of a data folder, entries, and the entry of an id.
//
// A query returns a struct and prints nothing. What it says is of one position: that of its LedgerReader.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "events/base/progress.h"
#include "ledger/core/entry.h"
#include "ledger/core/entry_source.h"
#include "ledger/core/rules.h"
#include "ledger/store/data_folder.h"
#include "ledger/store/store.h"
#include "projectors/model.h"

namespace upline {

class EventLog;

struct ReadShard {
    uint32_t partition = 0;
    std::unique_ptr<Store> store;
};

// Catches up with a writer in another process. Rows can be seen before entries that were written at the same time: it
// looks again until no read model stands for more entries than there are.
Status catch_up(Store& store);

// Every ledger of a data folder, as of now; a writer may go on. kNotFound if there is none.
Result<std::vector<ReadShard>> open_for_reading(const std::string& data);

// kConflict if the ledger was made from another log than this one, as far as the two can tell before a record is read.
Status expect_its_log(EventLog& log, const Store& store);

// Leaves the one partition that was asked for; all of them if it is -1. kNotFound if it is not there.
Status keep_partition(std::vector<ReadShard>& shards, int64_t partition, const std::string& data);

// The decoded entry `sequence`; its views are valid until the source's next call.
Status read_entry(EntrySource& source, Sequence sequence, Entry& entry);

// Calls f(entry) for each entry from `first` up to `size`, in order, until it returns false. `entry` is valid within
// the call.
Status walk_entries(Store& store, uint64_t first, uint64_t size, const Progress& progress,
                    const std::function<Result<bool>(const Entry&)>& f);

// True of "PARTITION@OFFSET", which names a record by its place in the log.
bool is_record_place(std::string_view text);

// A moment of a command line: RFC 3339 with Z, or a UTC day, which is its first instant.
Result<int64_t> parse_moment(const std::string& text);

// How many entries the ledger had at a ledger time: those whose clock is not after it, for the clock never goes back.
Result<uint64_t> size_at(Store& store, int64_t clock_us);

// The shard that a program belongs to. kNotFound if this folder has no ledger of its partition.
Result<ReadShard*> shard_of(std::vector<ReadShard>& shards, const std::string& program);

// The accepted entry of a program's event id, in the shard the program belongs to; it owns what the entry's views point
// to.
struct FoundEntry {
    ReadShard* shard = nullptr;
    std::vector<std::byte> bytes;
    std::unique_ptr<Entry> decoded;
    const Entry& entry() const { return *decoded; }
};
// kInvalid for an id that is none; kNotFound says that there is no `kind` of that id.
Result<FoundEntry> find_entry(std::vector<ReadShard>& shards, const std::string& program, const std::string& id,
                              const char* kind);
// The type of an event, of a later release too: "TransactionRecorded", "type 200".
std::string type_text(uint8_t type);

Error is_another(const FoundEntry& found, const std::string& id, std::string_view kind);
// kNotFound if the entry that was found by `id` is of another event than P, which people call `kind`.
template <class P>
Status expect_is(const FoundEntry& found, const std::string& id, std::string_view kind) {
    if (std::holds_alternative<P>(found.entry().payload)) return ok_status();
    return is_another(found, id, kind);
}

// One shard as of one position: its entries, and the rows of read models of these same entries, whatever the writer has
// stored of them. Not thread-safe; the shard must outlive it and must not catch up meanwhile.
class LedgerReader {
  public:
    // As of the store's position now. `versions` must outlive it.
    static Result<LedgerReader> open(ReadShard& shard, std::span<const Rules> versions = rules_versions());

    Store& store() const { return *shard_->store; }
    uint32_t partition() const { return shard_->partition; }
    const LedgerHead& position() const { return position_; }
    std::span<const Rules> versions() const { return versions_; }

    Status read(Sequence sequence, Entry& entry) { return read_entry(*entries_, sequence, entry); }
    EntrySource& entries() { return *entries_; }
    // The same of a user's signup; kCorrupt if the entry is another.
    Status read_user(Sequence sequence, Entry& entry);
    Result<Uuid> id_of(Sequence sequence);
    // The id of a user for people: "of entry 12" if that entry made none.
    Result<std::string> user_text(Sequence sequence);

    using MakeModel = std::unique_ptr<Model> (*)();
    // The rows of a read model as of position(). Valid as long as this.
    Result<Table*> rows(MakeModel make_model);
    // The same once the clock is at `clock_us`, without another entry. REQUIRES: not before position().clock_us.
    Result<std::unique_ptr<Table>> rows_at(MakeModel make_model, int64_t clock_us);

  private:
    LedgerReader(ReadShard& shard, const LedgerHead& position, std::span<const Rules> versions)
        : shard_(&shard), position_(position), versions_(versions), entries_(shard.store->point_reader()) {}

    ReadShard* shard_;
    LedgerHead position_;
    std::span<const Rules> versions_;
    std::unique_ptr<EntrySource> entries_;
    std::map<MakeModel, std::unique_ptr<Table>> tables_;
};

}  // namespace upline
