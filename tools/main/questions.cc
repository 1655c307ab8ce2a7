// SPDX-License-Identifier: Apache-2.0
// The command line of the questions people ask: export, show, statement, explain, rejected, balances, revenue.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "tools/main/id_options.h"
#include "tools/main/refusal_options.h"
#include "tools/main/subcommands.h"
#include "tools/queries/ledger_queries.h"
#include "tools/reports/commands.h"

namespace upline {

void add_questions(CLI::App& app, int& exit_code) {
    constexpr const char* kData = "The data folder";
    constexpr const char* kProgram = "The program the id belongs to";
    constexpr const char* kJson = "Print the result as JSON";

    const auto export_args = std::make_shared<ExportArgs>();
    auto* export_command = app.add_subcommand("export", "Print balances, entries or read models as rows");
    export_command->add_option("what", export_args->what, "balances, entries, payouts or sites")
        ->required()
        ->check(CLI::IsMember({"balances", "entries", "payouts", "sites"}));
    export_command->add_option("--data", export_args->data, kData)->required();
    const auto export_format = std::make_shared<std::string>("jsonl");
    export_command->add_option("--format", *export_format, "jsonl or csv")
        ->check(CLI::IsMember({"jsonl", "csv"}))
        ->capture_default_str();
    export_command->callback([export_args, export_format, &exit_code] {
        export_args->csv = *export_format == "csv";
        exit_code = export_rows(*export_args);
    });

    const auto show_args = std::make_shared<ShowArgs>();
    auto* show_command =
        app.add_subcommand("show", "Show one user, transaction, website, payout or event, or the head of the ledger");
    show_command
        ->add_option("what", show_args->what, "user, transaction, website, payout, event (accepted or refused) or head")
        ->required()
        ->check(CLI::IsMember({"user", "transaction", "website", "payout", "event", "head"}));
    show_command->add_option(
        "id", show_args->id,
        "Its UUID (head needs none); of an event also PARTITION@OFFSET, its record's place in the log");
    show_command->add_option("--program", show_args->program, kProgram)->capture_default_str();
    show_command->add_option("--data", show_args->data, kData)->required();
    show_command->add_flag("--json", show_args->json, kJson);
    const auto show_ids = add_id_form(*show_command);
    show_command->callback([show_args, show_ids, &exit_code] {
        if (show_args->what != "head" && show_args->id.empty())
            throw CLI::ValidationError("id", fmt::format("show {} needs an id", show_args->what));
        const bool by_place = show_args->what == "event" && is_record_place(show_args->id);
        if (show_args->what == "event" && !by_place)
            show_args->id = event_id_argument("id", show_args->id, *show_ids);
        else if (!by_place)
            show_args->id = id_argument("id", show_args->id, show_args->what, *show_ids);
        exit_code = show(*show_args);
    });

    const auto statement_args = std::make_shared<StatementArgs>();
    auto* statement_command = app.add_subcommand(
        "statement", "What moved a user's balances, from opening to closing; reads every entry since the signup");
    statement_command->add_option("user", statement_args->user, "The user's UUID")->required();
    statement_command->add_option("--data", statement_args->data, kData)->required();
    statement_command->add_option("--program", statement_args->program, kProgram)->capture_default_str();
    statement_command->add_option("--currency", statement_args->currency, "Only this one");
    statement_command->add_option("--from", statement_args->from,
                                  "Ledger time (RFC 3339 with Z) or UTC day it begins with");
    statement_command->add_option("--to", statement_args->to, "Ledger time or UTC day it ends before");
    const auto statement_format = std::make_shared<std::string>("text");
    statement_command->add_option("--format", *statement_format, "text, jsonl or csv")
        ->check(CLI::IsMember({"text", "jsonl", "csv"}))
        ->capture_default_str();
    statement_command->add_flag("--json", statement_args->json, "The same as --format jsonl");
    const auto statement_ids = add_id_form(*statement_command);
    statement_command->callback([statement_args, statement_ids, statement_format, &exit_code] {
        statement_args->user = id_argument("user", statement_args->user, "user", *statement_ids);
        statement_args->json |= *statement_format == "jsonl";
        statement_args->csv = *statement_format == "csv";
        exit_code = statement(*statement_args);
    });

    const auto explain_args = std::make_shared<ExplainArgs>();
    auto* explain_command =
        app.add_subcommand("explain", "Why a sale was split as it was, to the cent, and what refunds took back");
    explain_command->add_option("transaction", explain_args->transaction, "The sale's UUID")->required();
    explain_command->add_option("--data", explain_args->data, kData)->required();
    explain_command->add_option("--program", explain_args->program, kProgram)->capture_default_str();
    explain_command->add_flag("--json", explain_args->json, kJson);
    const auto explain_ids = add_id_form(*explain_command);
    explain_command->callback([explain_args, explain_ids, &exit_code] {
        explain_args->transaction = id_argument("transaction", explain_args->transaction, "transaction", *explain_ids);
        exit_code = explain(*explain_args);
    });

    const auto rejected_args = std::make_shared<RejectedArgs>();
    auto* rejected_command = app.add_subcommand("rejected", "List the events that were refused, all but duplicates");
    add_refusal_choice(*rejected_command, rejected_args->chosen);
    rejected_command->add_option("--partition", rejected_args->partition, "Only of this one")
        ->check(CLI::NonNegativeNumber);
    rejected_command->add_option("--format", rejected_args->format, "text, jsonl or csv")
        ->check(CLI::IsMember({"text", "jsonl", "csv"}))
        ->capture_default_str();
    rejected_command->add_flag_function(
        "--json", [rejected_args](int64_t) { rejected_args->format = "jsonl"; }, "The same as --format jsonl");
    rejected_command->callback([rejected_args, &exit_code] { exit_code = rejected(*rejected_args); });

    const auto balances_args = std::make_shared<BalancesArgs>();
    auto* balances_command = app.add_subcommand(
        "balances",
        "Every balance, now or as of a time or an entry; exact, by folding entries from the stored state "
        "if it is early enough, else from the first one");
    balances_command->add_option("--data", balances_args->data, kData)->required();
    balances_command->add_option(
        "--as-of", balances_args->as_of,
        "A time (RFC 3339 with Z, or a UTC day): all that was before it, in ledger time, as in a statement that "
        "ends there; or an entry's number: after it");
    balances_command->add_option("--partition", balances_args->partition, "Of an entry's number, if there are several")
        ->check(CLI::NonNegativeNumber);
    balances_command->add_option("--user", balances_args->user, "Only this one's");
    balances_command->add_option("--program", balances_args->program, "Only of this program");
    const auto balances_format = std::make_shared<std::string>("jsonl");
    balances_command->add_option("--format", *balances_format, "jsonl or csv")
        ->check(CLI::IsMember({"jsonl", "csv"}))
        ->capture_default_str();
    balances_command->add_flag_function(
        "--json", [balances_format](int64_t) { *balances_format = "jsonl"; }, "The same as --format jsonl");
    const auto balances_ids = add_id_form(*balances_command);
    balances_command->callback([balances_args, balances_ids, balances_format, &exit_code] {
        balances_args->user = id_argument("--user", balances_args->user, "user", *balances_ids);
        balances_args->csv = *balances_format == "csv";
        exit_code = balances(*balances_args);
    });

    const auto revenue_args = std::make_shared<RevenueArgs>();
    auto* revenue_command = app.add_subcommand(
        "revenue", "What came in and where it went; adds up to the ledger, or says where not and exits with 1");
    revenue_command->add_option("--data", revenue_args->data, kData)->required();
    revenue_command
        ->add_option("--by", revenue_args->by, "stream, source, program, day or month; several as stream,month")
        ->delimiter(',')
        ->check(CLI::IsMember({"stream", "source", "program", "day", "month"}))
        ->default_str("stream");
    revenue_command->add_option("--program", revenue_args->program, "Only this one");
    revenue_command->add_option("--currency", revenue_args->currency, "Only this one");
    revenue_command->add_option("--from", revenue_args->from, "The first UTC day");
    revenue_command->add_option("--to", revenue_args->to, "The UTC day it ends before");
    revenue_command->add_option("--format", revenue_args->format, "text, jsonl or csv")
        ->check(CLI::IsMember({"text", "jsonl", "csv"}))
        ->capture_default_str();
    const auto revenue_json = std::make_shared<bool>(false);
    revenue_command->add_flag("--json", *revenue_json, "The same as --format jsonl");
    revenue_command->callback([revenue_args, revenue_json, &exit_code] {
        if (revenue_args->by.empty()) revenue_args->by = {"stream"};
        if (*revenue_json) revenue_args->format = "jsonl";
        exit_code = revenue(*revenue_args);
    });
}

}  // namespace upline
