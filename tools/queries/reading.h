// SPDX-License-Identifier: Apache-2.0
// What commands that read a ledger share: its shards, and the names behind dense indexes and sequences.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "events/base/progress.h"
#include "ledger/core/state.h"
#include "ledger/store/data_folder.h"
#include "ledger/store/store.h"
#include "tools/terminal/print.h"

namespace upline {

struct ReadShard {
    uint32_t partition = 0;
    std::unique_ptr<Store> store;
};

// Catches up with a writer beside. Rows come to be seen before entries that were written at the same time: it looks
// again until no read model stands for more entries than there are.
Status catch_up(Store& store);

// Every ledger of a data folder, as of now; a writer may go on beside. kNotFound if there is none.
Result<std::vector<ReadShard>> open_for_reading(const std::string& data);

// Leaves the one partition that was asked for; all of them if it is -1. kNotFound if it is not there.
Status keep_partition(std::vector<ReadShard>& shards, int64_t partition, const std::string& data);

// The decoded entry `sequence`; its views are valid until the source's next call.
Status read_entry(EntrySource& source, Sequence sequence, Entry& entry);

// Calls f(entry) for each entry from `first` up to `size`, in order, until it returns false. `entry` is valid within
// the call.
Status walk_entries(Store& store, uint64_t first, uint64_t size, const Progress& progress,
                    const std::function<Result<bool>(const Entry&)>& f);

// A moment of a command line: RFC 3339 with Z, or a UTC day, which is its first instant.
Result<int64_t> parse_moment(const std::string& text);

// An entry by the id of its event: looks in the shard the program belongs to. kNotFound says what was looked for.
struct FoundEntry {
    ReadShard* shard = nullptr;
    std::unique_ptr<State> state;  // of that shard, current
    Sequence sequence = 0;
    Thing thing;
};
Result<FoundEntry> find_entry(std::vector<ReadShard>& shards, const std::string& program, const std::string& id,
                              const char* kind);

// How many entries the ledger had at a ledger time: those whose clock is not after it, for the clock never goes back.
Result<uint64_t> size_at(Store& store, int64_t clock_us);

// A ledger time, whatever an entry says: one that is no time of a calendar is told as its first or last.
std::string ledger_time_text(int64_t us);
// The type of an event, of a later release too: "TransactionRecorded", "type 200".
std::string type_text(uint8_t type);

// "2,000.00 USD" for people; and without the currency.
std::string money_text(int64_t minor, Currency currency);
std::string amount_text(int64_t minor, Currency currency);

// The rows of `export balances` and `balances`: of the wanted users, what is not all zero.
void print_balance_rows(const State& state, RowPrinter& rows, const std::function<bool(const User&)>& wanted);

// The id of the user that entry `sequence` made.
std::string user_id(const State& state, Sequence sequence);

}  // namespace upline
