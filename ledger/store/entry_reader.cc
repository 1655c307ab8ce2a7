// SPDX-License-Identifier: Apache-2.0
#include "ledger/store/entry_reader.h"

#include "events/base/bytes.h"

namespace upline {
namespace {

Error overlap(uint64_t sequence) {
    return {ErrorCode::kCorrupt, fmt::format("entry {}: pages overlap", sequence)};
}

}  // namespace

Result<std::span<const std::byte>> EntryReader::entry(uint64_t sequence) {
    if (!holds(sequence)) UPLINE_TRY(seek(sequence));
    const auto i = static_cast<uint32_t>(sequence - page_.first);
    return std::as_bytes(std::span(page_.value.substr(page_.begin(i), page_.end(i) - page_.begin(i))));
}

Status EntryReader::seek(uint64_t sequence) {
    // The next page in this iterator's view, else a new view.
    const bool follows = iterator_ && !page_.value.empty() && sequence == page_.first + page_.count();
    page_.value = {};
    if (follows) {
        iterator_->Next();
        if (iterator_->Valid()) {
            UPLINE_TRY(take());
            // Else a scan and a point read could be given different bytes for one entry.
            if (page_.first < sequence) return overlap(sequence);
            if (page_.first == sequence) return ok_status();
            page_.value = {};  // a view of one family that is older than that of the other
        }
    } else if (order_ == Order::kAny && iterator_) {
        UPLINE_TRY(seek_for_previous(sequence));
        if (holds(sequence)) return ok_status();
    }
    const bool ascending = order_ == Order::kAscending;
    if (ascending && files_ < kReadAhead)
        files_ = bytes_of_files(store_.db(), store_.family("entries")) +
                 bytes_of_files(store_.db(), store_.family("bulk_entries"));
    iterator_.emplace(store_, ascending ? scan_options(files_) : rocksdb::ReadOptions(), "entries");
    UPLINE_TRY(seek_for_previous(sequence));
    if (follows && holds(sequence) && page_.first != sequence) return overlap(sequence);
    if (holds(sequence)) return ok_status();
    page_.value = {};
    return Error{ErrorCode::kNotFound, fmt::format("entry {} is missing", sequence)};
}

Status EntryReader::seek_for_previous(uint64_t sequence) {
    page_.value = {};
    iterator_->SeekForPrev(slice(be_bytes(sequence)));
    if (iterator_->Valid()) UPLINE_TRY(take());
    UPLINE_TRY_ROCKS(iterator_->status(), fmt::format("entry {} cannot be read", sequence));
    return ok_status();
}

Status EntryReader::take() {
    const std::string_view key = view(iterator_->key());
    page_.first = key.size() == 8 ? load_be<uint64_t>(key.data()) : UINT64_MAX;
    page_.value = view(iterator_->value());
    if (key.size() == 8 && page_.is_well_formed()) return ok_status();
    page_.value = {};
    return Error{ErrorCode::kCorrupt, fmt::format("entry {}: its page is not in the form of one", page_.first)};
}

}  // namespace upline
