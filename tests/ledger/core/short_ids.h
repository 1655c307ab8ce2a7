// SPDX-License-Identifier: Apache-2.0
// For tests: short names in place of UUIDs. Unlike with --ids uuid5 a name is one id whatever it names, so that an id
// can be used for things of two kinds.
#pragma once

#include <string>
#include <string_view>

#include "events/ids.h"

namespace upline::testing {

inline Uuid short_id(std::string_view name) {
    if (const auto uuid = parse_uuid(name)) return *uuid;
    return uuid5(kIdNamespace, name);
}

// An event as JSON with UUIDs where short names were: the texts of the fields that are ids.
inline std::string with_uuids(std::string line) {
    for (const char* field :
         {"id", "referrer", "website", "owner", "buyer", "creator", "transaction", "user", "payout"}) {
        const std::string key = std::string("\"") + field + "\": \"";
        const size_t found = line.find(key);
        if (found == std::string::npos) continue;
        const size_t begin = found + key.size();
        const size_t size = line.find('"', begin) - begin;
        line.replace(begin, size, to_string(short_id(line.substr(begin, size))));
    }
    return line;
}

}  // namespace upline::testing
