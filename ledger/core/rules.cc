// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/rules.h"

#include <fmt/format.h>

#include <array>

#include "ledger/core/rules_v1.h"

namespace upline {

std::span<const Rules> rules_versions() {
    static constexpr std::array<Rules, 1> kVersions = {rules_v1::kRules};
    return kVersions;
}

Error unknown_rules(uint16_t version, std::span<const Rules> versions) {
    return {ErrorCode::kInvalid,
            fmt::format("rules version {} is in force from here on, and this release knows versions up to {}: install "
                        "a release of upline that knows version {} and run again; all events up to here are in the "
                        "ledger, nothing is lost",
                        version, versions.back().version, version)};
}

Result<const Rules*> rules_of(const Entry& entry, std::span<const Rules> versions) {
    if (const Rules* rules = find_rules(versions, entry.rules_version)) return rules;
    if (entry.rules_version == 0)
        return Error{ErrorCode::kCorrupt, fmt::format("entry {}: rules version 0, which there is not", entry.sequence)};
    return unknown_rules(entry.rules_version, versions);
}

Error impossible_sale(const Entry& entry, int64_t left) {
    return {ErrorCode::kCorrupt,
            fmt::format("entry {}: no sale of which {} can be left; run `upline verify`", entry.sequence, left)};
}

}  // namespace upline
