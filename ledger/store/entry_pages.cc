// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/entry_pages.h"

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/check.h"

namespace upline {
bool Page::is_well_formed() const {
    if (value.size() < 4 || count() == 0 || count() > kPageEntries || value.size() < header()) return false;
    for (uint32_t i = 0; i < count(); ++i)
        if (end(i) < begin(i) || end(i) > value.size()) return false;
    return end(count() - 1) == value.size();
}

bool take_place(std::string_view& page, LogLocation& last) {
    const auto offset = take_zigzag_varint(page);
    const auto time = take_zigzag_varint(page);
    if (!offset || !time) return false;
    wrapping_add(last.offset, *offset);
    wrapping_add(last.append_time_ms, *time);
    return true;
}

PageWriter::PageWriter(const CommitPart& part) : batch_(*part.entries), places_(part.places) {
    UPLINE_CHECK(places_.size() == batch_.size(), "a place for each entry");
}

bool PageWriter::next() {
    if (next_ == batch_.size()) return false;
    const size_t count = std::min(kPageEntries, batch_.size() - next_);
    const uint32_t begin = next_ == 0 ? 0 : batch_.ends[next_ - 1];
    numbers_[0] = static_cast<uint32_t>(count);
    for (size_t i = 0; i < count; ++i) numbers_[1 + i] = batch_.ends[next_ + i] - begin;
    key = be_bytes(batch_.first + next_);
    header = {reinterpret_cast<const char*>(numbers_.data()), 4 + 4 * count};
    entries = {reinterpret_cast<const char*>(batch_.bytes.data()) + begin, batch_.ends[next_ + count - 1] - begin};
    places_of_page_ = places_.subspan(next_, count);
    next_ += count;
    return true;
}

const std::string& PageWriter::places() {
    places_value_.clear();
    LogLocation previous;
    for (const LogLocation& place : places_of_page_) {
        append_zigzag_varint(place.offset - previous.offset, places_value_);
        append_zigzag_varint(place.append_time_ms - previous.append_time_ms, places_value_);
        previous = place;
    }
    return places_value_;
}

}  // namespace upline
