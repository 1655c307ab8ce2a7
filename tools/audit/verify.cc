// SPDX-License-Identifier: Apache-2.0
// `upline verify`: prints what the auditor (tools/audit/audit.h) found, for people and as JSON.
#include <fmt/format.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "tools/audit/audit.h"
#include "tools/audit/commands.h"
#include "tools/terminal/json_writer.h"
#include "tools/terminal/outcome_text.h"
#include "tools/terminal/print.h"
#include "tools/transparency/checkpoints.h"

namespace upline {
namespace {

std::string finding_text(const Finding& finding) {
    return finding.entry ? fmt::format("entry {}: {}", *finding.entry, finding.what) : finding.what;
}

std::string json_texts(const std::vector<std::string>& texts) {
    return json_list(texts, [](JsonWriter& json, const std::string& text) { json.text(text); });
}

void print_json(const AuditReport& report, bool with_log) {
    std::string line;
    JsonWriter json(line);
    json.begin_object();
    json.number("partition", report.partition);
    json.number("size", report.size);
    json.text("root", to_hex(report.root));
    json.raw("outcomes", outcomes_json(report.outcomes));
    json.boolean("ok", report.findings.empty());
    json.boolean("log", with_log);
    json.raw("findings", json_objects(report.findings, [](JsonWriter& of_one, const Finding& finding) {
                 of_one.raw("entry", finding.entry ? std::to_string(*finding.entry) : "null");
                 of_one.text("what", finding.what);
             }));
    json.raw("read_models", json_texts(report.read_models));
    json.number("checkpoints", report.checkpoints);
    json.raw("signers", json_texts(report.signers));
    json.raw("not_checked", json_texts(report.not_checked));
    json.end_object();
    fmt::print("{}\n", line);
}

void print_text(const AuditReport& report, bool with_log) {
    const Style& s = style();
    if (report.findings.empty()) {
        fmt::print("{}ok{}      partition {}: {} entries, root {}\n", s.green, s.plain, report.partition,
                   with_commas(report.size), to_hex(report.root));
        fmt::print("        {}\n", outcomes_text(report.outcomes));
        fmt::print(
            "        every entry hashes into the tree, executes again {} to the same bytes, sums to zero;\n"
            "        balances are the sums of postings; read models{} are the fold of entries\n",
            with_log ? "from its record in the log" : "from its facts",
            report.read_models.empty() ? "" : fmt::format(" ({})", fmt::join(report.read_models, ", ")));
        if (report.checkpoints > 0)
            fmt::print("        it extends {} checkpoints{}{}\n", with_commas(report.checkpoints),
                       report.signers.empty() ? "" : fmt::format(", signed by {}", fmt::join(report.signers, ", ")),
                       report.extends_old ? ", the one from earlier among them" : "");
    } else {
        fmt::print("{}WRONG{}   partition {}: {}\n", s.red, s.plain, report.partition,
                   finding_text(report.findings.front()));
        for (size_t i = 1; i < report.findings.size(); ++i)
            fmt::print("        also {}\n", finding_text(report.findings[i]));
        if (report.findings.front().entry)
            fmt::print("        entries before {} are as they should be\n", *report.findings.front().entry);
    }
    for (const std::string& text : report.not_checked)
        fmt::print("{}        not checked, {}{}\n", s.dim, text, s.plain);
}

// The checkpoints an auditor has kept. A wrong one is an error of the auditor's, and no finding against the ledger.
Result<std::vector<HeldCheckpoint>> read_since(const std::vector<std::string>& files,
                                               const std::vector<note::VerifierKey>& vkeys,
                                               const std::vector<ReadShard>& shards) {
    std::vector<HeldCheckpoint> since;
    for (const std::string& file : files) {
        UPLINE_TRY_ASSIGN(const std::string bytes, read_file(file, note::kMaxNoteBytes));
        const auto parsed = parse_checkpoint(bytes);
        if (!parsed.ok())
            return Error{ErrorCode::kInvalid, fmt::format("--since {}: {}", file, parsed.error().message)};
        std::vector<std::string> signers;
        if (const auto wrong = check_signatures(*parsed, vkeys, signers))
            return Error{ErrorCode::kInvalid, fmt::format("--since {}: {}", file, *wrong)};
        const std::string& origin = parsed->checkpoint.origin;
        if (std::ranges::none_of(
                shards, [&](const ReadShard& shard) { return origin.ends_with(fmt::format("/{}", shard.partition)); }))
            return Error{ErrorCode::kInvalid,
                         fmt::format("--since {}: it is of {}, and no ledger here is", file, origin)};
        since.push_back({fmt::format("--since {}", file), parsed->checkpoint, true});
    }
    return since;
}

// Partitions of the log without a ledger in this folder are no finding, because they may be on other machines. They are
// told as not checked.
Result<std::string> partitions_elsewhere(std::vector<ReadShard>& shards) {
    UPLINE_TRY_ASSIGN(const std::optional<ShardInfo> info, shards.front().store->info());
    if (!info || info->identity.partition_count <= shards.size()) return std::string();
    return fmt::format("the other {} of the log's {} partitions: their ledgers are not in this folder",
                       info->identity.partition_count - shards.size(), info->identity.partition_count);
}

}  // namespace

int verify(const VerifyArgs& args) {
    auto shards = open_for_reading(args.data);
    if (!shards.ok()) return print_error(shards.error());
    std::unique_ptr<EventLog> log;
    if (!args.log.url.empty()) {
        LogOptions options;
        options.properties = args.log.properties;
        auto opened = open_log(args.log.url, options);
        if (!opened.ok()) return print_error(opened.error());
        log = std::move(*opened);
    }
    const auto vkeys = read_verifier_keys(args.vkeys);
    if (!vkeys.ok()) return print_error(vkeys.error());
    const auto since = read_since(args.since, *vkeys, *shards);
    if (!since.ok()) return print_error(since.error());
    const auto elsewhere = partitions_elsewhere(*shards);
    bool wrong = false;
    for (ReadShard& shard : *shards) {
        std::optional<ProgressBar> progress(fmt::format("verify partition {}", shard.partition));
        auto held = read_checkpoints(args.data, shard.partition, *vkeys, *since);
        if (!held.ok()) return print_error(held.error());
        // After the checkpoints: a writer that goes on may sign more entries than were read before.
        const Status caught_up = catch_up(*shard.store);
        if (!caught_up.ok()) return print_error(caught_up.error());
        auto report = audit(shard, log.get(), progress->callback(), std::move(*held));
        progress.reset();
        if (!report.ok()) return print_error(report.error());
        if (elsewhere.ok() && !elsewhere->empty() && &shard == &shards->back())
            report->not_checked.push_back(*elsewhere);
        wrong = wrong || !report->findings.empty();
        if (args.json)
            print_json(*report, log != nullptr);
        else
            print_text(*report, log != nullptr);
    }
    return wrong ? kExitNegative : kExitDone;
}

}  // namespace upline
