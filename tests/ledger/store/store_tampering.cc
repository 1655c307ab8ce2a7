// SPDX-License-Identifier: Apache-2.0
#include "tests/ledger/store/store_tampering.h"

#include "events/base/bytes.h"
#include "ledger/store/entry_pages.h"
#include "ledger/store/merged_iterator.h"
#include "ledger/store/rocks.h"

namespace upline {

Status tamper(Store& store, std::string_view family, std::string_view key, std::string_view value) {
    UPLINE_TRY_ROCKS(store.db().Put({}, store.family(family), slice(key), slice(value)), "tamper");
    return ok_status();
}

Status remove_raw(Store& store, std::string_view family, std::string_view key) {
    UPLINE_TRY_ROCKS(store.db().Delete({}, store.family(family), slice(key)), "tamper");
    return ok_status();
}

Result<std::string> raw(const Store& store, std::string_view family, std::string_view key) {
    UPLINE_TRY_ASSIGN(std::optional<std::string> value, store.get(family, key));
    if (!value) return Error{ErrorCode::kNotFound, fmt::format("no such key in {}", family)};
    return std::move(*value);
}

Result<EntryPlace> entry_place(const Store& store, Sequence sequence) {
    MergedIterator it(store, {}, "entries");
    it.SeekForPrev(slice(be_bytes(sequence)));
    UPLINE_TRY_ROCKS(it.status(), "read of entries");
    const Error missing{ErrorCode::kNotFound, fmt::format("entry {} is missing", sequence)};
    if (!it.Valid()) return missing;
    const std::string key = it.key().ToString();
    const Page page{load_be<uint64_t>(key.data()), view(it.value())};
    if (!page.is_well_formed() || sequence - page.first >= page.count()) return missing;
    const auto i = static_cast<uint32_t>(sequence - page.first);
    UPLINE_TRY_ASSIGN(const std::optional<std::string> in_bulk, store.get("bulk_entries", key));
    return EntryPlace{in_bulk ? "bulk_entries" : "entries", key, page.begin(i), page.end(i) - page.begin(i)};
}

}  // namespace upline
