// SPDX-License-Identifier: Apache-2.0
// What an audit has to tell of a ledger: what is wrong, and what was not checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "events/base/result.h"
#include "ledger/core/entry.h"

namespace upline {

struct Finding {
    std::optional<Sequence> entry;  // the first wrong one, if it is an entry that is wrong
    std::string what;
};

// Somebody who changed the ledger may have chosen what it says: all text is made printable before it reaches a terminal
// or JSON. Not thread-safe.
class Findings {
  public:
    // Of findings that are of no entry, the first few are kept.
    void add(std::optional<Sequence> entry, std::string what);
    // A part of the ledger that cannot be read is a finding. A machine that does not work (kUnavailable) is none: that
    // error is returned.
    Status add_or_fail(std::optional<Sequence> entry, const Error& error);
    Status add_if_any(const Result<std::optional<std::string>>& wrong);
    void add_not_checked(std::string what);
    void append(Findings later);
    void clear();

    std::optional<Sequence> first_wrong_entry() const { return first_wrong_entry_; }
    // Those of entries first, in the order of entries.
    std::vector<Finding> sorted() const;
    const std::vector<std::string>& not_checked() const { return not_checked_; }

  private:
    std::vector<Finding> findings_;
    std::vector<std::string> not_checked_;
    std::optional<Sequence> first_wrong_entry_;
};

}  // namespace upline
