// SPDX-License-Identifier: Apache-2.0
#include "projectors/projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "events/base/async.h"
#include "events/base/bytes.h"
#include "events/base/check.h"
#include "projectors/overlay_table.h"
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
                                                     EntrySource& walk, EntrySource& point_reader, size_t delta_bytes,
                                                     uint64_t entries, std::span<const Rules> versions) {
    std::unique_ptr<Projection> projection(
        new Projection(std::move(table), std::move(model), walk, point_reader, delta_bytes, versions));
    UPLINE_TRY(projection->load_position(entries));
    return projection;
}

Status Projection::load_position(uint64_t entries) {
    UPLINE_TRY_ASSIGN(const std::optional<std::string> row, position_bytes(*table_));
    UPLINE_TRY_ASSIGN(const std::optional<StoredPosition> stored, decode_position(row, *model_));
    if (!stored || stored->layout != model_->layout() || stored->at.size > entries) return start_anew();
    const auto corrupt = [this](std::string_view what) {
        return Error{ErrorCode::kCorrupt, fmt::format("read model {}: {}; rebuild the model", model_->name(), what)};
    };
    std::vector<uint64_t> progress;
    for (std::string_view rest = stored->progress; !rest.empty();) {
        const auto number = take_varint(rest);
        if (!number) return corrupt("its position ends early");
        progress.push_back(*number);
    }
    Status resumed = model_->resume(*table_, earlier_, progress);
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
    return fold_together(std::array{this}, entries_, size, delta_bytes_);
}

Status fold_together(std::span<Projection* const> projections, EntrySource& walk, uint64_t size, size_t delta_bytes,
                     const std::function<void(const Entry&)>& seen) {
    UPLINE_CHECK(size <= kMaxKeySequence, "entries that keys can name");
    uint64_t first = size;
    for (const Projection* projection : projections) {
        const uint64_t folded = projection->folded_.size;
        if (folded > size)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("read model {} stands for {} entries, but there are only {}: a part of the "
                                     "database is gone; make the ledger anew with `upline replay`",
                                     projection->model_->name(), folded, size)};
        first = std::min(first, folded);
    }
    Entry entry;
    for (uint64_t sequence = first; sequence < size; ++sequence) {
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, walk.entry(sequence));
        const Status decoded = decode_entry(bytes, entry);
        if (!decoded.ok())
            return Error{decoded.error().code, fmt::format("entry {}: {}", sequence, decoded.error().message)};
        if (entry.sequence != sequence)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {} stands where entry {} belongs", entry.sequence, sequence)};
        if (!names_earlier_entries(entry))
            return Error{ErrorCode::kCorrupt, fmt::format("entry {} names an entry that is not before it", sequence)};
        if (seen) seen(entry);
        size_t bytes_held = 0;
        for (Projection* projection : projections) {
            // One that was stored later than others has these entries behind it.
            if (projection->folded_.size == sequence) {
                UPLINE_TRY(projection->model_->fold(entry, projection->earlier_, projection->deltas_));
                projection->folded_ = {sequence + 1, entry.clock_us};
            }
            bytes_held += projection->deltas_.bytes();
        }
        if (bytes_held > delta_bytes / 2)
            for (Projection* projection : projections) UPLINE_TRY(projection->begin_store());
    }
    return ok_status();
}

// What deltas make of stored rows, the position first among them: its key is the least.
class Projection::Merge final : public RowChanges {
  public:
    Merge(const Model& model, Deltas& deltas, std::string position_row)
        : model_(model), walk_(deltas), position_row_(std::move(position_row)) {}

    std::optional<std::string_view> next() override {
        if (at_position_ && !key_.empty()) at_position_ = false;
        if (!at_position_ && !walk_.next()) return std::nullopt;
        key_ = (at_position_ ? RowKey() : walk_.key()).bytes();
        return key_;
    }
    Status change(std::optional<std::string_view> stored, std::string& value) override {
        if (at_position_) {
            value += position_row_;
            return ok_status();
        }
        if (!walk_.visitors().empty()) {
            std::optional<VisitorSet> set = stored ? VisitorSet::decode(*stored) : VisitorSet();
            if (!set) return corrupt();
            set->unite(walk_.visitors());
            value += set->encode();
            return ok_status();
        }
        if (stored && !walk_.sums().add(*stored)) return corrupt();
        walk_.sums().append_to(value);
        return ok_status();
    }

  private:
    Error corrupt() const {
        return {ErrorCode::kCorrupt, fmt::format("read model {}: the row \"{}\" cannot be read; rebuild the model",
                                                 model_.name(), model_.describe(walk_.key()))};
    }
    const Model& model_;
    Deltas::Walk walk_;
    std::string position_row_;
    bool at_position_ = true;
    std::string key_;
};

Status Projection::begin_store() {
    UPLINE_TRY(end_store());
    if (folded_ == stored_) return ok_status();
    UPLINE_TRY(model_->finish_at(entries_, earlier_, folded_, deltas_));
    std::swap(deltas_, deltas_in_store_);
    in_store_ = folded_;
    store_ = run_async([this, row = position_row()] {
        Merge merge(*model_, deltas_in_store_, row);
        return table_->change(merge);
    });
    return ok_status();
}

Status Projection::end_store() {
    if (!store_.valid()) return ok_status();
    UPLINE_TRY(store_.get());
    stored_ = in_store_;
    deltas_in_store_.clear();
    return ok_status();
}

Status Projection::flush() {
    UPLINE_TRY(begin_store());
    return end_store();
}

Status Projection::rebuild() {
    UPLINE_TRY(end_store());
    const uint64_t size = folded_.size;
    UPLINE_TRY(start_anew());
    UPLINE_TRY(fold_to(size));
    return flush();
}

std::string Projection::position_row() {
    std::string out;
    append_varint(model_->layout(), out);
    append_varint(folded_.size, out);
    append_varint(static_cast<uint64_t>(folded_.clock_us), out);
    for (const uint64_t number : model_->progress()) append_varint(number, out);
    return out;
}

Result<std::unique_ptr<Table>> rows_at(std::unique_ptr<Table> stored, std::unique_ptr<Model> model, EntrySource& walk,
                                       EntrySource& point_reader, const ModelPosition& at,
                                       std::span<const Rules> versions) {
    if (stored) {
        const Result<ModelPosition> position = read_position(*stored, *model);
        if (position.ok() && *position == at) return stored;
    }
    UPLINE_TRY_ASSIGN(const std::unique_ptr<Projection> projection,
                      Projection::open(std::make_unique<OverlayTable>(std::move(stored)), std::move(model), walk,
                                       point_reader, Projection::kDeltaBytes, at.size, versions));
    UPLINE_TRY(projection->fold_to(at.size));
    UPLINE_TRY(projection->end_store());
    if (at.clock_us < projection->folded_.clock_us)
        return Error{ErrorCode::kCorrupt, fmt::format("the clock of entry {} is after the ledger's", at.size - 1)};
    projection->folded_.clock_us = at.clock_us;
    UPLINE_TRY(projection->flush());
    return std::move(projection->table_);
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
