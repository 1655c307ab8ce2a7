// SPDX-License-Identifier: Apache-2.0
// The command line of `upline`. CLI11 reads it: a parser by hand would be ours to maintain.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>

#include "ledger/core/rules.h"
#include "ledger/store/data_folder.h"
#include "tools/main/subcommands.h"
#include "tools/main/version_generated.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

constexpr const char* kAbout =
    "An event-sourced commission ledger: events in a log, double entries in a ledger, every entry in a Merkle tree.\n"
    "Start with `upline demo`.";

int main_of(int argc, char** argv) {
    CLI::App app(kAbout, "upline");
    app.set_version_flag("--version", fmt::format("upline {}, data folder format {}, rules up to version {}", kVersion,
                                                  kDataFormat, rules_versions().back().version));
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 done, 1 a negative answer (a bad line, a finding, a difference), 2 could not.\n"
        "`upline COMMAND --help` says more about each.");
    int exit_code = kExitDone;

    add_ledger(app, exit_code);
    add_audit(app, exit_code);
    add_payouts(app, exit_code);
    add_questions(app, exit_code);

    const auto is_asked_for = [&](const CLI::App* command) { return command->check_name(argv[1]); };
    if (argc > 1 && argv[1][0] != '-' && std::ranges::none_of(app.get_subcommands({}), is_asked_for))
        return print_error(
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
    std::signal(SIGPIPE, SIG_IGN);  // `upline export … | head` ends in a failed write, which is reported and not fatal
    try {
        const int exit_code = upline::main_of(argc, argv);
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
            return upline::print_error(
                {upline::ErrorCode::kUnavailable, "standard output did not take all of the answer"});
        return exit_code;
    } catch (const std::exception& error) {
        // The standard library's: no memory, a TMPDIR that is no folder.
        return upline::print_error({upline::ErrorCode::kUnavailable, error.what()});
    }
}
