// SPDX-License-Identifier: Apache-2.0
#include "projectors/projection.h"

#include <fmt/format.h>

#include <algorithm>

#include "events/check.h"
#include "projectors/visitors.h"

namespace upline {
namespace {

// What the position row says. The layout stands first, so that it can be read whatever else has changed.
struct StoredPosition {
    uint64_t layout = 0;
    ModelPosition at;
    std::string_view progress;  // varints, for the model that wrote them
};

Result<std::optional<StoredPosition>> decode_position(const std::optional<std::string>& row, const Model& model) {
    if (!row) return std::optional<StoredPosition>();
    const auto corrupt = [&model] {
        return Error{ErrorCode::kCorrupt, fmt::format("read model {}: its position cannot be read", model.name())};
    };
    StoredPosition stored;
    std::string_view rest = *row;
    const auto layout = take_varint(rest);
    if (!layout) return corrupt();
    stored.layout = *layout;
    if (stored.layout == model.layout()) {
        const auto size = take_varint(rest);
        const auto clock = take_varint(rest);
        if (!size || !clock) return corrupt();
        stored.at = {*size, static_cast<int64_t>(*clock)};
        stored.progress = rest;
    }
    return std::optional(stored);
}

Result<std::optional<std::string>> position_bytes(Table& table) {
    const std::string key = RowKey().bytes();
    UPLINE_TRY_ASSIGN(auto found, table.get_many(std::span(&key, 1)));
    return std::move(found.front());
}

// An entry names only what came before it. Rows are keyed by those names, so one that does not is refused here.
bool names_earlier_entries(const Entry& entry) {
    const auto earlier = [&entry](Sequence sequence) { return sequence < entry.sequence; };
    return std::ranges::all_of(entry.refs, [&](Sequence ref) { return ref == kNoSequence || earlier(ref); }) &&
           std::ranges::all_of(entry.posted(), [&](const Posting& posting) {
               return !is_user_account(posting.account) || earlier(posting.user);
           });
}

}  // namespace

Result<std::unique_ptr<Projection>> Projection::open(std::unique_ptr<Table> table, std::unique_ptr<Model> model,
                                                     EntrySource& walk, EntrySource& look_up, size_t delta_bytes) {
    std::unique_ptr<Projection> projection(
        new Projection(std::move(table), std::move(model), walk, look_up, delta_bytes));
    UPLINE_TRY(projection->load_position());
    return projection;
}

Status Projection::load_position() {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> row, position_bytes(*table_));
    UPLINE_TRY_ASSIGN(const std::optional<StoredPosition> stored, decode_position(row, *model_));
    if (!stored || stored->layout != model_->layout()) return start_anew();
    const auto corrupt = [this](std::string_view what) {
        return Error{ErrorCode::kCorrupt, fmt::format("read model {}: {}; rebuild the model", model_->name(), what)};
    };
    std::vector<uint64_t> progress;
    for (std::string_view rest = stored->progress; !rest.empty();) {
        const auto number = take_varint(rest);
        if (!number) return corrupt("its position ends early");
        progress.push_back(*number);
    }
    const Status resumed = model_->resume(*table_, earlier_, progress);
    if (!resumed.ok()) {
        if (resumed.error().code != ErrorCode::kCorrupt) return resumed;
        return corrupt(resumed.error().message);
    }
    stored_ = folded_ = stored->at;
    return ok_status();
}

Status Projection::start_anew() {
    UPLINE_TRY(table_->clear());
    deltas_.clear();
    stored_ = folded_ = {};
    return model_->resume(*table_, earlier_, {});
}

Status Projection::fold_to(uint64_t size) {
    UPLINE_CHECK(size <= kMaxKeySequence, "entries that keys can name");
    if (folded_.size > size)
        return Error{ErrorCode::kCorrupt, fmt::format("read model {} stands for {} entries, there are {}",
                                                      model_->name(), folded_.size, size)};
    while (folded_.size < size) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, entries_.entry(folded_.size));
        const Status decoded = decode_entry(bytes, entry_);
        if (!decoded.ok())
            return Error{decoded.error().code, fmt::format("entry {}: {}", folded_.size, decoded.error().message)};
        if (entry_.sequence != folded_.size)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {} stands where entry {} belongs", entry_.sequence, folded_.size)};
        if (!names_earlier_entries(entry_))
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {} names an entry that is not before it", folded_.size)};
        UPLINE_TRY(model_->fold(entry_, earlier_, deltas_));
        folded_ = {folded_.size + 1, entry_.clock_us};
        if (deltas_.bytes() > delta_bytes_) UPLINE_TRY(flush());
    }
    return ok_status();
}

Status Projection::flush() {
    if (folded_ == stored_) return ok_status();
    UPLINE_TRY(model_->settle(entries_, earlier_, folded_, deltas_));
    const std::vector<Deltas::Row>& rows = deltas_.sorted();
    std::vector<Table::Write> writes;
    writes.reserve(rows.size() + 1);
    constexpr size_t kReadAtOnce = 4096;
    std::vector<std::string> keys;
    for (size_t first = 0; first < rows.size(); first += kReadAtOnce) {
        const auto chunk = std::span(rows).subspan(first, std::min(kReadAtOnce, rows.size() - first));
        keys.clear();
        for (const Deltas::Row& row : chunk) keys.push_back(row.key.bytes());
        UPLINE_TRY_ASSIGN(const auto stored, table_->get_many(keys));
        for (size_t i = 0; i < chunk.size(); ++i) {
            UPLINE_TRY_ASSIGN(auto value, merge(chunk[i], stored[i]));
            if (value != stored[i]) writes.push_back({std::move(keys[i]), std::move(value)});
        }
    }
    writes.push_back({RowKey().bytes(), position_row()});
    UPLINE_TRY(table_->write(writes));
    stored_ = folded_;
    deltas_.clear();
    return ok_status();
}

Status Projection::rebuild() {
    const uint64_t size = folded_.size;
    UPLINE_TRY(start_anew());
    UPLINE_TRY(fold_to(size));
    return flush();
}

// The row's value with the delta merged in; nullopt when there is then no row.
Result<std::optional<std::string>> Projection::merge(const Deltas::Row& row, const std::optional<std::string>& stored) {
    const auto corrupt = [&] {
        return Error{ErrorCode::kCorrupt, fmt::format("read model {}: the row \"{}\" cannot be read; rebuild the model",
                                                      model_->name(), model_->describe(row.key))};
    };
    if (row.counters.empty()) {
        std::optional<VisitorSet> set = stored ? VisitorSet::decode(*stored) : VisitorSet();
        if (!set) return corrupt();
        set->unite(row.visitors);
        return std::optional(set->encode());
    }
    stored_counters_.clear();
    if (stored && !decode_counters(*stored, stored_counters_)) return corrupt();
    added_.clear();
    for (size_t i = 0; i < row.counters.size(); ++i) added_.push_back({static_cast<uint32_t>(i), row.counters[i]});
    added_.insert(added_.end(), row.higher.begin(), row.higher.end());
    add_counters(stored_counters_, added_, merged_);
    if (merged_.empty()) return std::optional<std::string>();
    return std::optional(encode_counters(merged_));
}

std::string Projection::position_row() {
    std::string out;
    append_varint(model_->layout(), out);
    append_varint(folded_.size, out);
    append_varint(static_cast<uint64_t>(folded_.clock_us), out);
    for (const uint64_t number : model_->progress()) append_varint(number, out);
    return out;
}

Result<ModelPosition> read_position(Table& table, const Model& model) {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> row, position_bytes(table));
    UPLINE_TRY_ASSIGN(const std::optional<StoredPosition> stored, decode_position(row, model));
    if (!stored) return ModelPosition{};
    if (stored->layout != model.layout())
        return Error{ErrorCode::kConflict,
                     fmt::format("read model {} has layout {}, this program's is {}: the next run "
                                 "builds it anew",
                                 model.name(), stored->layout, model.layout())};
    return stored->at;
}

}  // namespace upline
