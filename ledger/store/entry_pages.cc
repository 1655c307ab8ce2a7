// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/entry_pages.h"

#include <algorithm>

#include "events/base/check.h"
#include "ledger/store/keys.h"

namespace upline {
namespace {

void append_varint(int64_t value, std::string& out) {
    uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    for (; zigzag >= 0x80; zigzag >>= 7) out.push_back(static_cast<char>(zigzag | 0x80));
    out.push_back(static_cast<char>(zigzag));
}

std::optional<int64_t> take_varint(std::string_view& bytes) {
    uint64_t zigzag = 0;
    for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        zigzag |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return static_cast<int64_t>(zigzag >> 1) ^ -static_cast<int64_t>(zigzag & 1);
    }
    return std::nullopt;
}

}  // namespace

bool Page::is_well_formed() const {
    if (value.size() < 4 || count() == 0 || count() > kPageEntries || value.size() < header()) return false;
    for (uint32_t i = 0; i < count(); ++i)
        if (end(i) < begin(i) || end(i) > value.size()) return false;
    return end(count() - 1) == value.size();
}

bool take_place(std::string_view& page, RecordPlace& last) {
    const auto offset = take_varint(page);
    const auto time = take_varint(page);
    if (!offset || !time) return false;
    add_to(last.offset, *offset);
    add_to(last.append_time_ms, *time);
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
    key = big_endian(batch_.first + next_);
    header = {reinterpret_cast<const char*>(numbers_.data()), 4 + 4 * count};
    entries = view(std::span(batch_.bytes).subspan(begin, batch_.ends[next_ + count - 1] - begin));
    places_of_page_ = places_.subspan(next_, count);
    next_ += count;
    return true;
}

const std::string& PageWriter::places() {
    places_value_.clear();
    RecordPlace previous;
    for (const RecordPlace& place : places_of_page_) {
        append_varint(place.offset - previous.offset, places_value_);
        append_varint(place.append_time_ms - previous.append_time_ms, places_value_);
        previous = place;
    }
    return places_value_;
}

}  // namespace upline
