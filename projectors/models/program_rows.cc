// SPDX-License-Identifier: Apache-2.0
#include "projectors/models/program_rows.h"

#include <vector>

#include "events/base/check.h"

namespace upline {
namespace {

RowKey row_of(Sequence program) {
    UPLINE_CHECK(program <= kMaxKeySequence, "an entry that fits a key");
    return {.high = uint64_t{ProgramRows::kKind} << 56 | program << 16, .low = 0};
}

}  // namespace

Status ProgramRows::resume(Table& table, EntryCache& earlier) {
    programs_.clear();
    last_ = nullptr;
    std::vector<Sequence> firsts;
    bool readable = true;
    UPLINE_TRY(table.scan(row_of(0).bytes().substr(0, 1), [&](std::string_view key, std::string_view /*value*/) {
        const std::optional<RowKey> row = RowKey::parse(key);
        if (row && row->high >> 56 != kKind) return false;
        readable = row.has_value();
        if (readable) firsts.push_back(row->high >> 16 & kMaxKeySequence);
        return readable;
    }));
    if (!readable) return Error{ErrorCode::kCorrupt, "the row of a program cannot be read"};
    for (const Sequence first : firsts) {
        UPLINE_TRY_ASSIGN(const Entry* entry, earlier.entry(first));
        programs_.emplace(entry->program, first);
    }
    return ok_status();
}

Sequence ProgramRows::add(const Entry& entry, Deltas& deltas) {
    if (const std::optional<Sequence> known = find(entry.program)) return *known;
    deltas.touch(row_of(entry.sequence), 1)[0] = 1;
    last_ = &*programs_.emplace(entry.program, entry.sequence).first;
    return entry.sequence;
}

std::optional<Sequence> ProgramRows::find(std::string_view program) {
    if (last_ && last_->first == program) return last_->second;
    const auto found = programs_.find(program);
    if (found == programs_.end()) return std::nullopt;
    last_ = &*found;
    return found->second;
}

}  // namespace upline
