// SPDX-License-Identifier: Apache-2.0
// Versions of the rules. The rules are an input like the events: every entry carries the version it was made under, and
// an accepted RulesActivated starts the next one with the event after it. A release keeps all versions that came
// before, each with its own list of types and checks, and replays each event under the one in force: what was
// unknown_type or malformed then stays so for ever.
//
// To add a version: a file beside rules_v1.cc with the rules that differ (they may call the earlier ones), its line in
// rules_versions(), a golden data folder of it. A version that was released is never changed.
#pragma once

#include <cstdint>
#include <span>

#include "events/base/result.h"
#include "events/event.h"
#include "ledger/core/entry.h"
#include "ledger/core/state.h"

namespace upline {

// What a rule may ask that is not in the state.
class Funds {
  public:
    virtual ~Funds() = default;
    // Whether an account's available balance, as it is at `at_us`, covers the amount. REQUIRES: at_us not before the
    // clock. An error is one of reading entries.
    virtual Result<bool> covers(Index account, int64_t amount, int64_t at_us) = 0;
};

// An event on its way to an entry. A rule reads the first part and, if it accepts, fills the second.
struct Draft {
    const State& state;
    Funds& funds;
    int64_t clock_us;    // after the event, if it is accepted
    const Entry* sale;   // the one a TransactionRefunded names, if there is one
    Entry& entry;        // head and references are filled in; the rule adds plan, currency, maturity and postings
    Resolved& resolved;  // the references' indexes; the rule adds the users of its postings
};

struct Rules {
    uint16_t version = 0;
    uint8_t last_type = 0;  // the payload of an event of a higher type is not read
    // Whether this version has a rule for the event's type; without one it is unknown_type.
    bool (*has_rule)(const Payload&) = nullptr;
    // The type's own checks: the first that fails, or kAccepted and a filled draft. An error is one of Funds.
    // REQUIRES: has_rule(payload).
    Result<Outcome> (*apply)(const Payload&, Draft&) = nullptr;
};

// All versions this release knows: 1, 2 ... in order, without a gap.
std::span<const Rules> rules_versions();

// The rules of a version; nullptr if they are not among `versions`.
inline const Rules* find_rules(std::span<const Rules> versions, uint16_t version) {
    return version >= 1 && version <= versions.size() ? &versions[version - 1U] : nullptr;
}

// What to tell when a version is in force that is not among `versions`.
Error unknown_rules(uint16_t version, std::span<const Rules> versions);

}  // namespace upline
