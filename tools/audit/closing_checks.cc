// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/closing_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ledger/core/closing.h"
#include "ledger/store/raw_iterator.h"
#include "tools/audit/stray_keys.h"

namespace upline {
namespace {

constexpr size_t kMaxLeaves = 1285;  // in a part of a closing

struct KeptLeaves {
    uint64_t program = 0;   // its index
    Sequence sequence = 0;  // of the newest closing that a part of them is of
    bool whole = true;      // all parts are of that one
    std::vector<std::byte> leaves;
};

// Calls f(kept) for each program of which leaves are kept. kCorrupt at what is no part of any.
Status for_each_kept_closing(Store& store, const std::function<void(const KeptLeaves&)>& f) {
    const auto walk = iterate(store, "closings");
    std::optional<KeptLeaves> kept;
    uint32_t parts = 0;
    for (;;) {
        UPLINE_TRY_ASSIGN(const auto row, walk->next());
        if (!row) break;
        const std::optional<uint64_t> known_key = parse_key(row->key);
        const uint64_t key = known_key.value_or(0);
        if (kept && kept->program != key >> 32) {
            f(*kept);
            kept.reset();
        }
        if (!kept) parts = 0;
        // Every part but the last is full.
        if (!known_key || static_cast<uint32_t>(key) != parts ||
            (kept && kept->leaves.size() != parts * kMaxLeaves * kBalanceLeafBytes))
            return Error{ErrorCode::kCorrupt, stray_key_text("closings", row->key)};
        if (row->value.size() < sizeof(Sequence) || (row->value.size() - sizeof(Sequence)) % kBalanceLeafBytes != 0)
            return Error{ErrorCode::kCorrupt,
                         fmt::format("closings: the leaves kept of program {} are misshapen", key >> 32)};
        Sequence sequence = 0;
        std::memcpy(&sequence, row->value.data(), sizeof sequence);
        if (!kept) kept = KeptLeaves{.program = key >> 32, .sequence = sequence, .whole = true, .leaves = {}};
        kept->whole = kept->whole && sequence == kept->sequence;
        kept->sequence = std::max(kept->sequence, sequence);
        const auto leaves = std::as_bytes(std::span(row->value.substr(sizeof sequence)));
        kept->leaves.insert(kept->leaves.end(), leaves.begin(), leaves.end());
        ++parts;
    }
    if (kept) f(*kept);
    return ok_status();
}

}  // namespace

// A writer stores the leaves just before their entry. So there may be leaves of an entry that is still to come, all or
// a part of them.
Status check_kept_closings(Store& store, const AuditBooks& books, const State& state, uint64_t size,
                           Findings& findings) {
    std::set<std::string, std::less<>> kept_of;
    const Status walked = for_each_kept_closing(store, [&](const KeptLeaves& kept) {
        const bool known = kept.program < state.programs().size();
        const std::string name =
            known ? std::string(state.programs()[kept.program].name()) : fmt::format("number {}", kept.program);
        kept_of.insert(name);
        const auto last = books.last_closings().find(name);
        if (kept.sequence >= size)
            findings.add_not_checked(fmt::format(
                "closing of program {}: leaves are kept of entry {}, which is still to come", name, kept.sequence));
        else if (!known || last == books.last_closings().end() || last->second.sequence != kept.sequence)
            findings.add(std::nullopt,
                         fmt::format("leaves are kept of entry {}, which is not the last closing of program {}",
                                     kept.sequence, name));
        else if (!kept.whole || closing_root(kept.leaves) != last->second.root)
            findings.add(std::nullopt,
                         fmt::format("the leaves kept of the closing of entry {} do not give its root", kept.sequence));
    });
    if (!walked.ok()) return findings.add_or_fail(std::nullopt, walked.error());
    for (const auto& [name, closing] : books.last_closings())
        if (!kept_of.contains(name))
            findings.add(std::nullopt,
                         fmt::format("the leaves of the closing of entry {} are missing", closing.sequence));
    return ok_status();
}

}  // namespace upline
