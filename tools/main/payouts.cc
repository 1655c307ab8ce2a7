// SPDX-License-Identifier: Apache-2.0
// The command line of `upline payouts`.
#include <CLI/CLI.hpp>
#include <memory>

#include "tools/main/id_options.h"
#include "tools/main/log_options.h"
#include "tools/main/subcommands.h"
#include "tools/payouts/commands.h"

namespace upline {
namespace {

void add_common(CLI::App& command, PayoutsArgs& args) {
    command.add_option("--data", args.data, "The data folder")->required();
    command.add_option("--program", args.program, "Only of this program");
    command.add_option("--currency", args.currency, "Only in this currency");
    command.add_flag("--json", args.json, "Print the result as JSON");
}
void add_time(CLI::App& command, PayoutsArgs& args) {
    command.add_option("--at", args.at,
                       "As of this time (RFC 3339 with Z, not before the ledger's clock); default: now");
}
void add_log(CLI::App& command, LogArgs& log, bool required = true) {
    command.add_option("--log", log.url, kLogHelp)->required(required);
    add_log_properties(command, log);
}

}  // namespace

void add_payouts(CLI::App& app, int& exit_code) {
    auto* payouts = app.add_subcommand(
        "payouts", "A payout run: plan who is due, request it, write the bank's file, load the bank's answer");
    payouts->require_subcommand(1);

    const auto plan = std::make_shared<PayoutsPlanArgs>();
    auto* plan_command = payouts->add_subcommand("plan", "Who is due how much; with --all also who is not, and why");
    add_common(*plan_command, *plan);
    add_time(*plan_command, *plan);
    plan_command->add_flag("--all", plan->everybody, "Also those who are not due, with the reason");
    plan_command->add_option("--user", plan->user, "Why was this one paid, or not (of --program, or the default one)");
    const auto plan_ids = add_id_form(*plan_command);
    plan_command->callback([plan, plan_ids, &exit_code] {
        plan->user = id_argument("--user", plan->user, "user", *plan_ids);
        exit_code = payouts_plan(*plan);
    });

    const auto request = std::make_shared<PayoutsRequestArgs>();
    auto* request_command = payouts->add_subcommand(
        "request", "Append a PayoutRequested for everything due; a run asks once, however often");
    add_common(*request_command, *request);
    add_time(*request_command, *request);
    add_log(*request_command, request->log);
    request_command->add_option("--run", request->run, "The run's name, 1 to 64 of a-z 0-9 . _ -, as 2026-02")
        ->required();
    request_command->add_option("--method", request->method, "How it will be paid, as bank")->required();
    request_command->add_flag("--dry-run", request->dry_run, "Only say what would be requested");
    request_command->add_flag("--allow-lag", request->allow_lag, "Though the ledger has not applied all of the log");
    request_command->callback([request, &exit_code] { exit_code = payouts_request(*request); });

    const auto file = std::make_shared<PayoutsFileArgs>();
    auto* file_command = payouts->add_subcommand(
        "file", "Write a run's open payouts as pain.001.001.09 XML or CSV; the same bytes each time");
    add_common(*file_command, *file);
    file_command->add_option("--run", file->run, "The run's name")->required();
    file_command->add_option("--format", file->format, "pain.001 or csv")
        ->required()
        ->check(CLI::IsMember({"pain.001", "csv"}));
    file_command
        ->add_option("--payees", file->payees,
                     "CSV with the columns program,user,name,iban,bic,country: read now, never kept")
        ->required();
    file_command->add_option("--debtor", file->debtor, "Who pays: lines name=, iban=, bic= (for pain.001)");
    file_command->add_option("--out", file->out.path, "The file to write")->required();
    file_command->add_flag("--force", file->out.force, "Replace that file if it is there");
    file_command->add_option("--execution-date", file->execution_date,
                             "YYYY-MM-DD; default: the day of the last request");
    file_command->add_flag("--rest", file->rest, "Though some of the run have a result: those that have none");
    add_log(*file_command, file->log, false);
    const auto file_ids = add_id_form(*file_command);
    file_command->callback([file, file_ids, &exit_code] {
        file->ids = *file_ids;
        exit_code = payouts_file(*file);
    });

    const auto settle = std::make_shared<PayoutsSettleArgs>();
    auto* settle_command = payouts->add_subcommand(
        "settle", "Load a bank's result, CSV with the columns payout,status,reference,reason; a result counts once");
    settle_command->add_option("file", settle->file, "The result")->required();
    add_common(*settle_command, *settle);
    add_time(*settle_command, *settle);
    add_log(*settle_command, settle->log);
    settle_command->add_flag("--allow-lag", settle->allow_lag, "Though the ledger has not applied all of the log");
    settle_command->callback([settle, &exit_code] { exit_code = payouts_settle(*settle); });
}

}  // namespace upline
