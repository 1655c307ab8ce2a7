// SPDX-License-Identifier: Apache-2.0
// The form in which entries and the places of their records are stored: up to 256 entries to a page, under the sequence
// of its first.
//
//     page of entries   u32 count; u32 end of each entry, counted from the end of this header; the entries
//     page of places    for each entry the zigzag varint of its log offset and of its append time, less those of the
//                       entry before in the page
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "events/log/event_log.h"
#include "ledger/core/core.h"

namespace upline {

inline constexpr size_t kPageEntries = 256;

// Where an entry's record lies in the event log.
struct LogLocation {
    Offset offset = 0;
    int64_t append_time_ms = 0;
};

// A batch that follows what is stored, or the part before it.
struct CommitPart {
    const EntryBatch* entries;
    std::span<const LogLocation> places;  // one for each entry
};

// A page of entries, over a value that the caller keeps.
struct Page {
    uint64_t first = 0;
    std::string_view value;

    uint32_t u32(size_t at) const {
        uint32_t number = 0;
        std::memcpy(&number, value.data() + at, sizeof number);
        return number;
    }
    uint32_t count() const { return u32(0); }
    size_t header() const { return 4 + size_t{4} * count(); }
    size_t begin(uint32_t i) const { return header() + (i == 0 ? 0 : u32(size_t{4} * i)); }
    size_t end(uint32_t i) const { return header() + u32(4 + size_t{4} * i); }

    // Whether every entry lies within the value, one after another, none left over.
    bool is_well_formed() const;
};

// Reads a page of places, one after another. `last` is the place before; the first is added to an empty one. False if
// there is none, or its numbers are not whole.
bool take_place(std::string_view& page, LogLocation& last);

// Cuts a batch into pages.
class PageWriter {
  public:
    explicit PageWriter(const CommitPart& part);
    // The next page: its key, and its value in two parts. False if there is none.
    bool next();
    std::string key;
    std::string_view header;
    std::string_view entries;
    // The places of that page. Valid until the next call.
    const std::string& places();

  private:
    const EntryBatch& batch_;
    std::span<const LogLocation> places_;
    size_t next_ = 0;
    std::array<uint32_t, 1 + kPageEntries> numbers_;
    std::span<const LogLocation> places_of_page_;
    std::string places_value_;
};

}  // namespace upline
