// SPDX-License-Identifier: Apache-2.0
#include "tools/audit/audit.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "ledger/store/ledger_head.h"
#include "ledger/store/state_store.h"
#include "tools/audit/audited_ledger.h"
#include "tools/audit/chunk_pipeline.h"
#include "tools/audit/closing_checks.h"
#include "tools/audit/entry_walk.h"
#include "tools/audit/head_checks.h"
#include "tools/audit/model_checks.h"
#include "tools/audit/stray_keys.h"

namespace upline {
namespace {

class Audit {
  public:
    Audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints held,
          const AuditVersions& versions)
        : shard_(shard), log_(log), progress_(progress), held_(std::move(held)), versions_(versions) {}

    Result<AuditReport> report();

  private:
    Status check();
    // What the ledger says of itself, without its state; nullopt if that is not enough to go on.
    Result<std::optional<AuditedLedger>> open_ledger();
    // A log that cannot be this ledger's is a finding, and the audit goes on without it.
    Status open_log(const ShardInfo& info);
    // What can be said only where all entries are right.
    Status check_whole(const AuditedLedger& ledger, EntryWalk& walk, const CheckpointRoots& checkpoint_roots);
    void report_checkpoints(uint64_t size, const CheckpointRoots& checkpoint_roots);

    ReadShard& shard_;
    EventLog* log_;
    const Progress& progress_;
    HeldCheckpoints held_;
    AuditVersions versions_;
    std::optional<LedgerHead> ingest_head_;  // after the last ingest
    std::unique_ptr<LogReader> reader_;      // none without the log
    Findings findings_;
    AuditReport report_;
};

Result<AuditReport> Audit::report() {
    UPLINE_TRY(check());
    if (!log_) {
        findings_.add_not_checked(
            "without --log: that record hashes, offsets and append times are those of the log's records; that "
            "malformed, from_future and other refused events had to be refused");
        if (!report_.extends_old)
            findings_.add_not_checked(
                "a ledger rewritten as a whole and signed anew is caught only with --log, or with --since against a "
                "checkpoint kept somewhere else");
    }
    report_.findings = findings_.sorted();
    report_.not_checked = findings_.not_checked();
    return std::move(report_);
}

Status Audit::check() {
    report_.partition = shard_.partition;
    UPLINE_TRY_ASSIGN(std::optional<AuditedLedger> ledger, open_ledger());
    if (!ledger) return ok_status();
    Store& store = ledger->store;
    ModelChecks models(store, ledger->head.size, versions_.executed);
    std::optional<Result<std::optional<std::string>>> wrong_places;
    JoiningThreads places([] {});
    places.start([&] { wrong_places = check_places(store, ledger->head.size); },
                 [&](const Error& error) { wrong_places = error; });
    Result<std::unique_ptr<State>> state = load_state(store, versions_.executed);
    if (state.ok())
        ledger->state = std::move(*state);
    else
        UPLINE_TRY(findings_.add_or_fail(std::nullopt, state.error()));
    UPLINE_TRY(open_log(ledger->info));
    CheckpointRoots checkpoint_roots(std::move(held_.checkpoints));
    EntryWalk walk(*ledger, reader_.get(), checkpoint_roots);
    UPLINE_TRY(walk.run(progress_, findings_));
    if (walk.is_complete()) UPLINE_TRY(check_whole(*ledger, walk, checkpoint_roots));
    places.join();
    if (walk.is_complete()) UPLINE_TRY(findings_.add_if_any(*wrong_places));
    return models.finish(walk.right(), findings_, report_.read_models);
}

Result<std::optional<AuditedLedger>> Audit::open_ledger() {
    std::optional<AuditedLedger> none;
    Store& store = *shard_.store;
    const Result<std::optional<Head>> bulk = read_bulk_head(store);
    if (!bulk.ok()) {
        UPLINE_TRY(findings_.add_or_fail(std::nullopt, bulk.error()));
        return none;
    }
    if (*bulk) {
        ingest_head_ = (*bulk)->position;
        held_.checkpoints.push_back({.name = "the head of the last ingest",
                                     .checkpoint = {.size = ingest_head_->size, .root = ingest_head_->root},
                                     .is_own = true});
    }
    for (Finding& finding : held_.findings) findings_.add(finding.entry, std::move(finding.what));
    const Result<LedgerHead> head = store.position();
    if (!head.ok()) {
        UPLINE_TRY(findings_.add_or_fail(std::nullopt, head.error()));
        return none;
    }
    report_.size = head->size;
    const Result<std::optional<ShardInfo>> info = store.info();
    if (!info.ok()) {
        UPLINE_TRY(findings_.add_or_fail(std::nullopt, info.error()));
        return none;
    }
    if (!*info) {
        findings_.add(std::nullopt, "the shard's identity (partition and partition count) is missing");
        return none;
    }
    const ShardIdentity& identity = (*info)->identity;
    if (identity.partition_count == 0) {
        findings_.add(std::nullopt, "the shard's identity says that its log has no partition");
        return none;
    }
    if (identity.partition != shard_.partition)
        findings_.add(std::nullopt, fmt::format("the ledger in the folder of partition {} says it is of partition {}",
                                                shard_.partition, identity.partition));
    return std::optional(
        AuditedLedger{.store = store, .head = *head, .info = **info, .versions = versions_, .state = nullptr});
}

Status Audit::open_log(const ShardInfo& info) {
    if (!log_) return ok_status();
    if (log_->partition_count() != info.identity.partition_count) {
        findings_.add(std::nullopt, fmt::format("the ledger is of {} partitions, the log has {}",
                                                info.identity.partition_count, log_->partition_count()));
        log_ = nullptr;
        return ok_status();
    }
    if (!info.log_identity.empty() && !log_->identity().empty() && info.log_identity != log_->identity())
        findings_.add(std::nullopt, fmt::format("the ledger was made from log {}, this is log {}", info.log_identity,
                                                log_->identity()));
    UPLINE_TRY_ASSIGN(reader_, log_->open_reader(shard_.partition));
    return ok_status();
}

Status Audit::check_whole(const AuditedLedger& ledger, EntryWalk& walk, const CheckpointRoots& checkpoint_roots) {
    Store& store = ledger.store;
    const uint64_t size = ledger.head.size;
    report_.root = walk.checks().root();
    report_.outcomes = walk.checks().outcomes();
    check_head(ledger, walk.checks(), walk.entries(), findings_);
    if (ingest_head_ && ingest_head_->size < size) UPLINE_TRY(check_ingest_head(store, *ingest_head_, findings_));
    report_checkpoints(size, checkpoint_roots);
    UPLINE_TRY(check_kept_closings(store, walk.checks().books(), walk.execution().state(), size, findings_));
    UPLINE_TRY(walk.checks().check_remaining_tiles(findings_));
    UPLINE_TRY(findings_.add_if_any(find_stray_key(store, size)));
    for (const std::string& name : unknown_families(store))
        findings_.add_not_checked(fmt::format("column family {}: this program knows none of that name", name));
    if (reader_ && !findings_.first_wrong_entry()) UPLINE_TRY(check_log_end(*reader_, size, findings_));
    return ok_status();
}

void Audit::report_checkpoints(uint64_t size, const CheckpointRoots& checkpoint_roots) {
    for (const HeldCheckpoint* checkpoint : checkpoint_roots.extended(size, findings_)) {
        if (checkpoint->is_own) continue;
        ++report_.checkpoints;
        report_.extends_old = report_.extends_old || checkpoint->is_old;
    }
    report_.signers = held_.signers;
    for (std::string& text : held_.not_checked) findings_.add_not_checked(std::move(text));
}

}  // namespace

Result<AuditReport> audit(ReadShard& shard, EventLog* log, const Progress& progress, HeldCheckpoints checkpoints,
                          const AuditVersions& versions) {
    return Audit(shard, log, progress, std::move(checkpoints), versions).report();
}

}  // namespace upline
