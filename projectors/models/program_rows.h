// SPDX-License-Identifier: Apache-2.0
// The rows by which a read model remembers its programs: each is named by its first entry of those that the model
// takes.
//
// Key:  u8 2, program (40 bits), zeros: 1
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "projectors/model.h"

namespace upline {

// Not thread-safe.
class ProgramRows {
  public:
    static constexpr uint8_t kKind = 2;  // the first byte of the keys

    // Begins with the rows that are stored; `earlier` gives the names.
    Status resume(Table& table, EntryCache& earlier);
    // The program of an entry. The first of a program adds its row.
    Sequence add(const Entry& entry, Deltas& deltas);
    // None if no entry of this name was added.
    std::optional<Sequence> find(std::string_view program);

  private:
    using Programs = std::map<std::string, Sequence, std::less<>>;
    Programs programs_;                           // and their first entries
    const Programs::value_type* last_ = nullptr;  // events of one program come in runs
};

}  // namespace upline
