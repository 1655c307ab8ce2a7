// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/entry_walk.h"

#include <fmt/format.h>

#include "ledger/core/state_storage.h"
#include "ledger/store/state_segments.h"
#include "tools/audit/chunk_reader.h"
#include "tools/audit/state_checks.h"
#include "tools/audit/tile_checks.h"

namespace upline {

EntryWalk::EntryWalk(const AuditedLedger& ledger, LogReader* log, CheckpointRoots& checkpoint_roots)
    : ledger_(ledger),
      log_(log),
      entries_(ledger.store.scan_reader()),
      checks_(ledger, log != nullptr, checkpoint_roots),
      execution_(ledger, log != nullptr),
      rules_(&ledger.versions.executed.front()) {}

Status EntryWalk::run(const Progress& progress, Findings& findings) {
    if (!is_complete()) {
        ChunkPipeline pipeline;
        ChunkReader reader(ledger_, *entries_, log_, pipeline);
        UPLINE_TRY(pipeline.run({
            .read = [&](Chunk& chunk) { reader.read(chunk); },
            .prepare = [&](Chunk& chunk) { prepare_chunk(chunk, log_ ? rules_.load() : nullptr, ledger_.store); },
            .check = [&](Chunk& chunk) { checks_.check(chunk); },
            .execute = [&](Chunk& chunk) -> Result<bool> {
                if (progress) progress(right_, ledger_.head.size);
                return execute(chunk, findings);
            },
        }));
    }
    if (is_complete() && right_ == ledger_.state_size())
        return check_stored_state(compare_balances(checks_.books(), *ledger_.state), findings);
    return ok_status();
}

Result<bool> EntryWalk::execute(Chunk& chunk, Findings& findings) {
    if (chunk.error) return *chunk.error;
    if (right_ == ledger_.state_size()) UPLINE_TRY(check_stored_state(chunk.books_wrong, findings));
    findings.append(std::move(chunk.findings));
    UPLINE_TRY(execution_.execute(chunk, findings));
    if (execution_.rules()) rules_ = execution_.rules();
    if (!findings.first_wrong_entry()) {
        right_ += chunk.ends.size();
        return !chunk.last;
    }
    if (chunk.open_leaves)
        UPLINE_TRY(check_last_leaves(std::move(*chunk.open_leaves), ledger_.store, ledger_.head.size, findings));
    findings.add_not_checked(fmt::format("what follows the first wrong entry: the entries after {}, and balances",
                                         *findings.first_wrong_entry()));
    return false;
}

Status EntryWalk::check_stored_state(const std::optional<std::string>& books_wrong, Findings& findings) {
    if (books_wrong) findings.add(std::nullopt, *books_wrong);
    const Status matured = execution_.mature();
    if (!matured.ok()) {
        findings.add(std::nullopt, matured.error().message);
        return ok_status();
    }
    check_state(*ledger_.state, execution_.state(), findings);
    return check_entity_ids(ledger_.store, StateStorage(*ledger_.state).stored()[kEntityIdsKind], execution_.state(),
                            findings);
}

}  // namespace upline
