// SPDX-License-Identifier: Apache-2.0
// The command line of what fills a ledger from a log, and checks it against one: demo, produce, run, redrive,
// status, replay, verify.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/audit/commands.h"
#include "tools/demo/commands.h"
#include "tools/main/id_options.h"
#include "tools/main/log_options.h"
#include "tools/main/refusal_options.h"
#include "tools/main/subcommands.h"
#include "tools/node/commands.h"
#include "tools/terminal/stop_signal.h"

namespace upline {
namespace {

constexpr const char* kJson = "Print the result as JSON";

void add_produce(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<ProduceArgs>();
    auto* command = app.add_subcommand("produce", "Append events (JSON Lines) to the log");
    command->add_option("file", args->file, "A file of one event a line; - is standard input")->capture_default_str();
    command->add_option("--log", args->log.url, kLogHelp)->required();
    const auto on_error = std::make_shared<std::string>("stop");
    command
        ->add_option("--on-error", *on_error,
                     "At a bad line: stop (those before it are produced), or skip it and go on; exit code 1 either way")
        ->check(CLI::IsMember({"stop", "skip"}))
        ->capture_default_str();
    const auto ids = add_id_form(*command);
    auto* wait =
        command->add_flag("--wait", args->wait,
                          "At the end, tell the outcome of each event in the ledger of --data; exit code 1 if one was "
                          "refused. Applies a log that is a folder if no `run` does");
    auto* data = command->add_option("--data", args->data, "The data folder whose outcomes are told");
    wait->needs(data);
    data->needs(wait);
    command
        ->add_option("--partitions", args->partitions,
                     "If there is no such log yet, make it with so many partitions (file: default 1)")
        ->check(CLI::Range(1, 100'000));
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    command->callback([args, on_error, ids, &exit_code] {
        args->skip_bad_lines = *on_error == "skip";
        args->ids = *ids;
        exit_code = produce(*args);
    });
}

// Hidden: tests set these, so that a small log stores its state often and is committed both ways.
void add_shard_options(CLI::App& command, ShardOptions& shard) {
    command.add_option("--state-interval", shard.state_interval)->envname("UPLINE_STATE_INTERVAL")->group("");
    command.add_option("--ingest-bytes", shard.ingest_bytes)->envname("UPLINE_INGEST_BYTES")->group("");
}

void add_run(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<RunArgs>();
    auto* command = app.add_subcommand("run", "Feed the ledger and its read models from the log");
    command->add_option("--log", args->log.url, kLogHelp)->required();
    command->add_option("--data", args->data, "The data folder; made if there is none")->required();
    auto* once =
        command->add_flag("--once", args->once, "Stop at the end of the log; exit code 2 if stopped before it");
    command->add_flag("--strict", args->strict, "With --once: exit code 1 if any event was refused, but duplicates")
        ->needs(once);
    command->add_option("--partitions", args->partitions, "Only these, as 0,3,5; default: all of the log")
        ->delimiter(',');
    command->add_option("--batch", args->batch_records, "Events a batch at most; no root depends on it")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    command->add_option("--key", args->key, "Sign checkpoints with this private key (`upline key new`)")
        ->type_name("FILE");
    command
        ->add_option("--checkpoint-interval", args->checkpoint_seconds,
                     "Sign when the last checkpoint is so many seconds old, and at the end")
        ->check(CLI::Range(1, 86'400))
        ->capture_default_str();
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    add_shard_options(*command, args->shard);
    command->callback([args, &exit_code] {
        const StopSignal signal;
        exit_code = run(*args, signal.token());
    });
}

void add_replay(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<ReplayArgs>();
    auto* command = app.add_subcommand("replay", "Make the ledger again from the log, in a new folder");
    command->add_option("--log", args->log.url, kLogHelp)->required();
    command->add_option("--data", args->data, "A new or empty folder")->required();
    command->add_option("--compare", args->compare, "Then compare with this data folder; exit code 1 if they differ");
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    add_shard_options(*command, args->shard);
    command->callback([args, &exit_code] { exit_code = replay(*args); });
}

void add_redrive(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<RedriveArgs>();
    auto* command = app.add_subcommand(
        "redrive", "Append the records of refused events once more, as of a refund that came before its sale");
    command->add_option("id", args->id, "Only the event of this id (a UUID)");
    command->add_option("--log", args->log.url, kLogHelp)->required();
    add_refusal_choice(*command, args->chosen);
    command->add_flag("--yes", args->yes, "Do not ask");
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    const auto ids = add_id_form(*command);
    command->callback([args, ids, &exit_code] {
        args->id = event_id_argument("id", args->id, *ids);
        exit_code = redrive(*args);
    });
}

void add_status(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<StatusArgs>();
    auto* command = app.add_subcommand("status", "Where each ledger stands, and how far it is behind its log");
    command->add_option("--data", args->data, "The data folder")->required();
    command->add_option("--log", args->log.url, "The event log it is fed from, to tell how far it is behind");
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    command->callback([args, &exit_code] { exit_code = status(*args); });
}

void add_verify(CLI::App& app, int& exit_code) {
    const auto args = std::make_shared<VerifyArgs>();
    auto* command = app.add_subcommand("verify", "Check a ledger without trusting who runs it");
    command->add_option("--data", args->data, "The data folder")->required();
    command->add_option("--log", args->log.url, "Also re-execute every record of this event log");
    command
        ->add_option("--vkey", args->vkeys,
                     "Check the signatures of checkpoints: a verifier line, or a file of them; may be repeated")
        ->allow_extra_args(false)
        ->type_name("LINE|FILE");
    command
        ->add_option("--since", args->since, "A checkpoint from earlier that the ledger must extend; may be repeated")
        ->allow_extra_args(false)
        ->type_name("FILE");
    command->add_flag("--json", args->json, kJson);
    add_log_properties(*command, args->log);
    command->callback([args, &exit_code] { exit_code = verify(*args); });
}

}  // namespace

void add_ledger(CLI::App& app, int& exit_code) {
    const auto demo_args = std::make_shared<DemoArgs>();
    auto* demo_command = app.add_subcommand("demo", "The whole story on generated data, in a temporary folder");
    demo_command->add_option("--keep", demo_args->keep, "Leave the log and the ledger in this new folder");
    demo_command->callback([demo_args, &exit_code] { exit_code = demo(*demo_args); });
    add_produce(app, exit_code);
    add_run(app, exit_code);
    add_redrive(app, exit_code);
    add_status(app, exit_code);
    add_replay(app, exit_code);
    add_verify(app, exit_code);
}

}  // namespace upline
