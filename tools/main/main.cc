// SPDX-License-Identifier: Apache-2.0
// The command line of `upline`. CLI11 reads it, since a hand-written parser would be ours to keep for ever.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <fstream>

#include "tools/audit/commands.h"
#include "tools/demo/commands.h"
#include "tools/main/subcommands.h"
#include "tools/node/commands.h"
#include "tools/reports/commands.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

constexpr const char* kAbout =
    "An event-sourced commission ledger: events in a log, double entries in a ledger, every entry in a Merkle tree.\n"
    "Start with `upline demo`.";
constexpr const char* kUrlHelp = "The event log: file:DIR or kafka://host:port[,host:port]/topic";

// key=value pairs: -X, and the lines of --config (blank ones and those that begin with # are skipped).
class LogOptionsOf {
  public:
    LogOptionsOf(CLI::App& command, LogArgs& log) : log_(log) {
        command.add_option("-X", pairs_, "A librdkafka property, key=value; may be repeated")
            ->type_name("KEY=VALUE")
            ->allow_extra_args(false);
        command.add_option("--config", file_, "A file of librdkafka properties, key=value a line")
            ->check(CLI::ExistingFile);
    }
    void collect() {
        if (!file_.empty()) {
            std::ifstream in(file_);
            for (std::string line; std::getline(in, line);)
                if (!line.empty() && line[0] != '#') add(line);
        }
        for (const std::string& pair : pairs_) add(pair);
    }

  private:
    void add(const std::string& pair) {
        const size_t equals = pair.find('=');
        if (equals == std::string::npos || equals == 0)
            throw CLI::ValidationError("-X", fmt::format("\"{}\" is not key=value", pair));
        log_.properties.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
    LogArgs& log_;
    std::vector<std::string> pairs_;
    std::string file_;
};

int main_of(int argc, char** argv) {
    CLI::App app(kAbout, "upline");
    app.set_version_flag("--version", "upline 0.1.0, data folder format 4, rules up to version 1");
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 done, 1 a negative answer (a bad line, a finding, a difference), 2 could not.\n"
        "`upline COMMAND --help` says more about each.");
    int exit_code = kExitDone;

    DemoArgs demo_args;
    auto* demo_command = app.add_subcommand("demo", "The whole story on generated data, in a temporary folder");
    demo_command->add_option("--keep", demo_args.keep, "Leave the log and the ledger in this new folder");
    demo_command->callback([&] { exit_code = demo(demo_args); });

    ProduceArgs produce_args;
    auto* produce_command = app.add_subcommand("produce", "Append events (JSON Lines) to the log");
    produce_command->add_option("file", produce_args.file, "A file of one event a line; - is standard input")
        ->capture_default_str();
    produce_command->add_option("--log", produce_args.log.url, kUrlHelp)->required();
    std::string on_error = "stop";
    produce_command
        ->add_option("--on-error", on_error,
                     "At a bad line: stop (those before it are produced), or skip it and go on; exit code 1 either way")
        ->check(CLI::IsMember({"stop", "skip"}))
        ->capture_default_str();
    std::string ids = "uuid";
    produce_command
        ->add_option("--ids", ids, "uuid: ids are UUIDs; uuid5: any other text becomes a UUIDv5 (see events/README.md)")
        ->check(CLI::IsMember({"uuid", "uuid5"}))
        ->capture_default_str();
    produce_command
        ->add_option("--partitions", produce_args.partitions,
                     "If there is no such log yet, make it with so many partitions (file: default 1)")
        ->check(CLI::Range(1, 100'000));
    produce_command->add_flag("--json", produce_args.json, "Print the result as JSON");
    LogOptionsOf produce_log(*produce_command, produce_args.log);
    produce_command->callback([&] {
        produce_log.collect();
        produce_args.skip_bad_lines = on_error == "skip";
        produce_args.map_ids_to_uuid5 = ids == "uuid5";
        exit_code = produce(produce_args);
    });

    RunArgs run_args;
    auto* run_command = app.add_subcommand("run", "Feed the ledger and its read models from the log");
    run_command->add_option("--log", run_args.log.url, kUrlHelp)->required();
    run_command->add_option("--data", run_args.data, "The data folder; made if there is none")->required();
    run_command->add_flag("--once", run_args.once, "Stop at the end of the log");
    run_command->add_option("--partitions", run_args.partitions, "Only these, as 0,3,5; default: all of the log")
        ->delimiter(',');
    run_command->add_option("--batch", run_args.batch_records, "Events a batch at most; no root depends on it")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    run_command->add_option("--key", run_args.key, "Sign checkpoints with this private key (`upline key new`)")
        ->type_name("FILE");
    run_command
        ->add_option("--checkpoint-interval", run_args.checkpoint_seconds,
                     "Sign when the last checkpoint is so many seconds old, and at the end")
        ->check(CLI::Range(1, 86'400))
        ->capture_default_str();
    run_command->add_flag("--json", run_args.json, "Print the result as JSON");
    LogOptionsOf run_log(*run_command, run_args.log);
    run_command->callback([&] {
        run_log.collect();
        exit_code = run(run_args);
    });

    ReplayArgs replay_args;
    auto* replay_command = app.add_subcommand("replay", "Make the ledger anew from the log, in a new folder");
    replay_command->add_option("--log", replay_args.log.url, kUrlHelp)->required();
    replay_command->add_option("--data", replay_args.data, "A new or empty folder")->required();
    replay_command->add_option("--compare", replay_args.compare,
                               "Then compare with this data folder; exit code 1 if they differ");
    replay_command->add_flag("--json", replay_args.json, "Print the result as JSON");
    LogOptionsOf replay_log(*replay_command, replay_args.log);
    replay_command->callback([&] {
        replay_log.collect();
        exit_code = replay(replay_args);
    });

    VerifyArgs verify_args;
    auto* verify_command = app.add_subcommand("verify", "Check a ledger without trusting who runs it");
    verify_command->add_option("--data", verify_args.data, "The data folder")->required();
    verify_command->add_option("--log", verify_args.log.url, "Also re-execute every record of this event log");
    verify_command
        ->add_option("--vkey", verify_args.vkeys,
                     "Check the signatures of checkpoints: a verifier line, or a file of them; may be repeated")
        ->allow_extra_args(false)
        ->type_name("LINE|FILE");
    verify_command
        ->add_option("--since", verify_args.since,
                     "A checkpoint from earlier that the ledger must extend; may be repeated")
        ->allow_extra_args(false)
        ->type_name("FILE");
    verify_command->add_flag("--json", verify_args.json, "Print the result as JSON");
    LogOptionsOf verify_log(*verify_command, verify_args.log);
    verify_command->callback([&] {
        verify_log.collect();
        exit_code = verify(verify_args);
    });

    ExportArgs export_args;
    auto* export_command = app.add_subcommand("export", "Print balances, entries or read models as rows");
    export_command->add_option("what", export_args.what, "balances, entries, payouts or sites")
        ->required()
        ->check(CLI::IsMember({"balances", "entries", "payouts", "sites"}));
    export_command->add_option("--data", export_args.data, "The data folder")->required();
    std::string format = "jsonl";
    export_command->add_option("--format", format, "jsonl or csv")
        ->check(CLI::IsMember({"jsonl", "csv"}))
        ->capture_default_str();
    export_command->callback([&] {
        export_args.csv = format == "csv";
        exit_code = export_rows(export_args);
    });

    ShowArgs show_args;
    auto* show_command =
        app.add_subcommand("show", "Show one user, transaction, website or payout, or the head of the ledger");
    show_command->add_option("what", show_args.what, "user, transaction, website, payout or head")
        ->required()
        ->check(CLI::IsMember({"user", "transaction", "website", "payout", "head"}));
    show_command->add_option("id", show_args.id, "Its UUID (head needs none)");
    show_command->add_option("--program", show_args.program, "The program the id belongs to")->capture_default_str();
    show_command->add_option("--data", show_args.data, "The data folder")->required();
    show_command->add_flag("--json", show_args.json, "Print the result as JSON");
    show_command->callback([&] {
        if (show_args.what != "head" && show_args.id.empty())
            throw CLI::ValidationError("id", fmt::format("show {} needs an id", show_args.what));
        exit_code = show(show_args);
    });

    add_audit(app, exit_code);
    add_payouts(app, exit_code);
    add_questions(app, exit_code);

    const auto is_asked_for = [&](const CLI::App* command) { return command->check_name(argv[1]); };
    if (argc > 1 && argv[1][0] != '-' && std::ranges::none_of(app.get_subcommands({}), is_asked_for))
        return complain(
            {ErrorCode::kInvalid, fmt::format("there is no command \"{}\"; `upline --help` lists them", argv[1])});
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kExitDone : kExitCouldNot;
    }
    return exit_code;
}

}  // namespace
}  // namespace upline

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // `upline export … | head` ends in a failed write, which is told and not fatal
    try {
        const int exit_code = upline::main_of(argc, argv);
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
            return upline::complain(
                {upline::ErrorCode::kUnavailable, "standard output did not take all of the answer"});
        return exit_code;
    } catch (const std::exception& error) {
        // The standard library's: memory that is not to be had, a TMPDIR that is no folder.
        return upline::complain({upline::ErrorCode::kUnavailable, error.what()});
    }
}
