// SPDX-License-Identifier: Apache-2.0
// For tests: all that a partition's ledger says, read from what is stored, so that two ledgers can be compared.
#pragma once

#include <fmt/format.h>

#include <map>
#include <ostream>
#include <string>

#include "consumers/shard.h"
#include "events/base/bytes.h"
#include "ledger/proof/merkle.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/rows.h"
#include "projectors/models/all.h"
#include "tests/ledger/core/memory_shard.h"

namespace upline::testing {

struct LedgerView {
    uint64_t size = 0;
    std::string root;                           // as the position has it
    std::string root_of_entries;                // of the tree over all stored entries, computed anew
    std::string state;                          // programs, users, websites, accounts, books, clock, as bytes
    std::map<std::string, std::string> models;  // the rows of each read model, its position among them, as bytes

    friend bool operator==(const LedgerView&, const LedgerView&) = default;
    friend std::ostream& operator<<(std::ostream& out, const LedgerView& view) {
        out << fmt::format("size {}, root {}, root of entries {}, state {:016x}", view.size, view.root,
                           view.root_of_entries, std::hash<std::string>{}(view.state));
        for (const auto& [name, rows] : view.models)
            out << fmt::format(", {} {} bytes {:016x}", name, rows.size(), std::hash<std::string>{}(rows));
        return out;
    }
};

// Reads beside a writer or without one, and writes nothing to the folder.
inline Result<LedgerView> view_ledger(const std::string& data, uint32_t partition = 0) {
    UPLINE_TRY_ASSIGN(const DataFolder folder, DataFolder::open(data, DataFolder::Access::kRead));
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Store> store,
                      Store::open(folder.partition_path(partition), Store::Access::kRead));
    UPLINE_TRY_ASSIGN(const LedgerHead position, store->position());
    LedgerView view;
    view.size = position.size;
    view.root = to_hex(position.root);
    merkle::Tree tree;
    const std::unique_ptr<EntrySource> entries = store->scan_reader();
    for (uint64_t sequence = 0; sequence < position.size; ++sequence) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> entry, entries->entry(sequence));
        tree.append(merkle::leaf_hash(entry));
    }
    view.root_of_entries = to_hex(tree.root());
    UPLINE_TRY_ASSIGN(const std::unique_ptr<State> state, load_current_state(*store));
    view.state = dump(*state);
    for (const auto make_model : kModels) {
        const std::unique_ptr<Model> model = make_model();
        UPLINE_TRY_ASSIGN(const std::unique_ptr<Table> table, open_table(*store, *model));
        std::string& rows = view.models[std::string(model->name())];
        UPLINE_TRY(table->scan("", [&rows](std::string_view key, std::string_view value) {
            rows += fmt::format("{} {} ", key.size(), value.size());
            rows += key;
            rows += value;
            return true;
        }));
    }
    return view;
}

}  // namespace upline::testing
