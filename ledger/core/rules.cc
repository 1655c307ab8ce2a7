// SPDX-License-Identifier: Apache-2.0
#include "ledger/core/rules.h"

#include <fmt/format.h>

#include <array>

#include "ledger/core/rules_v1.h"

namespace upline {

std::span<const Rules> rules_versions() {
    static constexpr std::array<Rules, 1> kVersions = {
        Rules{.version = 1, .last_type = 15, .has_rule = rules_v1::has_rule, .apply = rules_v1::apply},
    };
    return kVersions;
}

Error unknown_rules(uint16_t version, std::span<const Rules> versions) {
    return {ErrorCode::kInvalid,
            fmt::format("rules version {} is in force from here on, and this release knows versions up to {}: install "
                        "a release of upline that knows version {} and run again; all events up to here are in the "
                        "ledger, nothing is lost",
                        version, versions.back().version, version)};
}

}  // namespace upline
