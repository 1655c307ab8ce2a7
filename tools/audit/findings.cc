// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/findings.h"

#include <algorithm>
#include <utility>

#include "tools/terminal/print.h"

namespace upline {

void Findings::add(std::optional<Sequence> entry, std::string what) {
    constexpr size_t kMaxFindings = 10;
    if (!entry && findings_.size() >= kMaxFindings) return;
    if (entry) first_wrong_entry_ = std::min(*entry, first_wrong_entry_.value_or(*entry));
    findings_.push_back({entry, printable(std::move(what))});
}

Status Findings::add_or_fail(std::optional<Sequence> entry, const Error& error) {
    if (error.code == ErrorCode::kUnavailable) return error;
    add(entry, error.message);
    return ok_status();
}

Status Findings::add_if_any(const Result<std::optional<std::string>>& wrong) {
    if (!wrong.ok()) return add_or_fail(std::nullopt, wrong.error());
    if (*wrong) add(std::nullopt, **wrong);
    return ok_status();
}

void Findings::add_not_checked(std::string what) {
    not_checked_.push_back(printable(std::move(what)));
}

void Findings::append(Findings later) {
    for (Finding& finding : later.findings_) add(finding.entry, std::move(finding.what));
    for (std::string& what : later.not_checked_) add_not_checked(std::move(what));
}

void Findings::clear() {
    *this = {};
}

std::vector<Finding> Findings::sorted() const {
    std::vector<Finding> sorted = findings_;
    std::ranges::stable_sort(sorted, {}, [](const Finding& finding) { return finding.entry.value_or(UINT64_MAX); });
    return sorted;
}

}  // namespace upline
