// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/model_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "ledger/store/packed_table.h"
#include "ledger/store/rows.h"
#include "projectors/memory_table.h"
#include "projectors/models/all.h"
#include "projectors/projection.h"

namespace upline {
namespace {

constexpr size_t kStep = size_t{1} << 16;  // entries that are folded between two looks at whether to go on
// Memory for rows that are being summed, as in the first run: with more of it, a row is written fewer times.
constexpr size_t kDeltaBudgetBytes = size_t{1} << 30;

}  // namespace

ModelChecks::ModelChecks(Store& store, uint64_t size, std::span<const Rules> versions)
    : size_(size), versions_(versions), threads_([this] { right_ = 0; }) {
    for (const auto make_model : kModels) {
        const std::unique_ptr<Model> model = make_model();
        Result<std::unique_ptr<Table>> stored = open_table(store, *model);
        std::optional<Result<ModelPosition>> position;
        if (stored.ok()) position = read_position(**stored, *model);
        models_.push_back({make_model, std::string(model->name()), std::move(stored), std::move(position),
                           store.scan_reader(), store.point_reader(), std::nullopt});
    }
    std::map<uint64_t, std::vector<ModelCheck*>> by_position;
    for (ModelCheck& model : models_)
        if (model.position && model.position->ok() && (*model.position)->size <= size)
            by_position[(*model.position)->size].push_back(&model);
    for (const auto& [position, group] : by_position) {
        EntrySource& walk = *walks_.emplace_back(store.scan_reader());
        threads_.start([this, &walk, together = group] { fold(together, walk); },
                       [together = group](const Error& error) {
                           for (ModelCheck* model : together) model->difference = error;
                       });
    }
}

void ModelChecks::fold(std::span<ModelCheck* const> models, EntrySource& walk) const {
    std::vector<std::unique_ptr<Projection>> again;
    std::vector<Projection*> together;
    Status status = ok_status();
    for (const ModelCheck* model : models) {
        std::unique_ptr<Model> rebuilt = model->make();
        auto table = std::make_unique<PackedTable>(std::make_unique<MemoryTable>(), rebuilt->page_bits());
        auto opened = Projection::open(std::move(table), std::move(rebuilt), *model->walk, *model->named,
                                       kDeltaBudgetBytes, UINT64_MAX, versions_);
        if (!opened.ok()) {
            status = opened.error();
            break;
        }
        again.push_back(std::move(*opened));
        together.push_back(again.back().get());
    }
    const uint64_t size = (*models.front()->position)->size;
    for (uint64_t folded = 0; status.ok() && folded < size;) {
        if (size > right_) return;
        folded = std::min<uint64_t>(size, folded + kStep);
        status = fold_together(together, walk, folded, kDeltaBudgetBytes);
    }
    for (size_t i = 0; status.ok() && i < models.size(); ++i) status = together[i]->flush();
    if (!status.ok() && models.size() > 1) {  // each by itself, because it may be the fault of one
        for (ModelCheck* const& model : models) fold(std::span(&model, 1), walk);
        return;
    }
    for (size_t i = 0; i < models.size(); ++i)
        models[i]->difference = status.ok()
                                    ? compare_tables(**models[i]->stored, together[i]->table(), together[i]->model())
                                    : Result<std::optional<Difference>>(status.error());
}

Status ModelChecks::finish(uint64_t right, Findings& findings, std::vector<std::string>& checked) {
    right_ = right;
    threads_.join();
    for (const ModelCheck& model : models_) UPLINE_TRY(report(model, right, findings, checked));
    return ok_status();
}

Status ModelChecks::report(const ModelCheck& model, uint64_t right, Findings& findings,
                           std::vector<std::string>& checked) const {
    if (!model.stored.ok()) {
        if (model.stored.error().code != ErrorCode::kNotFound) return model.stored.error();
        findings.add_not_checked(fmt::format("read model {}: there is none yet", model.name));
        return ok_status();
    }
    const Result<ModelPosition>& position = *model.position;
    if (!position.ok()) return findings.add_or_fail(std::nullopt, position.error());
    if (position->size > right) {
        if (right == size_)
            findings.add(std::nullopt, fmt::format("read model {} stands for {} entries, there are {}", model.name,
                                                   position->size, size_));
        else
            findings.add_not_checked(fmt::format("read model {}: it folds wrong entries", model.name));
        return ok_status();
    }
    const auto& difference = *model.difference;
    if (!difference.ok()) {
        const auto& [code, message] = difference.error();
        return findings.add_or_fail(std::nullopt, {code, message.starts_with("read model")
                                                             ? message
                                                             : fmt::format("read model {}: {}", model.name, message)});
    }
    if (*difference)
        findings.add(std::nullopt, fmt::format("read model {}: {}", model.name, (*difference)->what));
    else if (position->size < size_)
        findings.add_not_checked(
            fmt::format("read model {}: it stands for {} of {} entries so far", model.name, position->size, size_));
    else
        checked.push_back(model.name);
    return ok_status();
}

}  // namespace upline
