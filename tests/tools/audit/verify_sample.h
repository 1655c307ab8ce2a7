// SPDX-License-Identifier: Apache-2.0
// Ledgers of the real sample that tests of verify harm.
#pragma once

#include <string>
#include <vector>

#include "tests/tools/audit/ledger_to_harm.h"

namespace upline {

inline constexpr uint64_t kEvents = 10'960;
inline constexpr uint64_t kSmallEvents = 1016;

inline const Ledger& full_sample() {
    static const Ledger ledger(lines_of(sales_sample()));
    return ledger;
}

// For what is tried hundreds of times: the sample's first 1,000 lines and its last 16, those resent and those refused.
inline const Ledger& small_sample() {
    static const Ledger ledger([] {
        std::vector<std::string> lines = lines_of(sales_sample());
        lines.erase(lines.begin() + 1000, lines.end() - 16);
        return lines;
    }());
    return ledger;
}

class Verify : public LedgerToHarm {
  protected:
    void SetUp() override { use_ledger(full_sample().data, full_sample().log); }
};

class VerifySmall : public Verify {
  protected:
    void SetUp() override { use_ledger(small_sample().data, small_sample().log); }
};

}  // namespace upline
