// SPDX-License-Identifier: Apache-2.0
// For tests: short names in place of UUIDs. Unlike with --ids uuid5 a name is one id whatever it names, so that an id
// can be used for things of two kinds.
#pragma once

#include <regex>
#include <string>
#include <string_view>

#include "events/ids.h"

namespace upline::testing {

inline Uuid short_id(std::string_view name) {
    if (const auto uuid = parse_uuid(name)) return *uuid;
    return uuid5(kIdNamespace, name);
}

// An event as JSON with UUIDs where short names were.
inline std::string with_uuids(const std::string& line) {
    static const std::regex id_field(
        R"re("(id|referrer|website|owner|buyer|creator|transaction|user|payout)": "([^"]*)")re");
    std::string out;
    auto rest = line.begin();
    for (std::sregex_iterator found(line.begin(), line.end(), id_field); found != std::sregex_iterator(); ++found) {
        out.append(rest, (*found)[2].first).append(to_string(short_id((*found)[2].str())));
        rest = (*found)[2].second;
    }
    return out.append(rest, line.end());
}

}  // namespace upline::testing
