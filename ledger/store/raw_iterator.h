// SPDX-License-Identifier: Apache-2.0
// What is stored, whatever it is, for the auditor: the keys and values of a family in the order of its keys.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "events/base/result.h"
#include "ledger/store/store.h"

namespace upline {

// Used by one thread; must not outlive the store.
class RawIterator {
  public:
    virtual ~RawIterator() = default;
    // nullopt at the end. Valid until the next call.
    struct Row {
        std::string_view key;
        std::string_view value;
    };
    virtual Result<std::optional<Row>> next() = 0;
};

// From `first` on.
std::unique_ptr<RawIterator> iterate(const Store& store, std::string_view family, std::string_view first = {});
// The same of "entries", "offsets" or "tiles" and the family of what was ingested of them, as one.
std::unique_ptr<RawIterator> iterate_both(const Store& store, std::string_view family, std::string_view first = {});

}  // namespace upline
