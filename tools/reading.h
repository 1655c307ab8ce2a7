// SPDX-License-Identifier: Apache-2.0
// What commands that read a ledger share: its shards, and the names behind dense indexes and sequences.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "consumers/shard.h"
#include "ledger/data_folder.h"
#include "ledger/store.h"

namespace upline {

struct ReadShard {
    uint32_t partition = 0;
    std::unique_ptr<Store> store;
};

// Every ledger of a data folder, as of now; a writer may go on beside. kNotFound if there is none.
Result<std::vector<ReadShard>> open_for_reading(const std::string& data);

// The decoded entry `sequence`; its views are valid until the source's next call.
Status read_entry(EntrySource& source, Sequence sequence, Entry& entry);

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

// "2,000.00 USD" for people.
std::string money_text(int64_t minor, Currency currency);

}  // namespace upline
