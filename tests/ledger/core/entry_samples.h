// SPDX-License-Identifier: Apache-2.0
// For tests of an entry's bytes: an entry of each outcome, and an accepted one of each type there is a rule for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ledger/core/entry.h"

namespace upline::testing {

struct Sample {
    std::string name;
    std::unique_ptr<Entry> entry = std::make_unique<Entry>();
};

// An entry with a header and nothing else.
Sample sample(std::string name, Outcome outcome, uint8_t type);
// 100.00 USD of a buyer with seven above, as the rules make it, at sequences of a large ledger.
Sample seven_level_sale();
Sample full_sale();
std::vector<Sample> samples();

void post(Entry& entry, AccountKind account, Role role, Sequence user, int64_t amount);
std::vector<std::byte> bytes_of(const Entry& entry);

}  // namespace upline::testing
