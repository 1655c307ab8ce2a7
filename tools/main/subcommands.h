// SPDX-License-Identifier: Apache-2.0
// The parts of the command line (main.cc) that have a file of their own. Each adds its subcommands to the app; running
// one sets the exit code.
#pragma once

namespace CLI {
class App;
}

namespace upline {

void add_questions(CLI::App& app, int& exit_code);
void add_audit(CLI::App& app, int& exit_code);
void add_payouts(CLI::App& app, int& exit_code);

}  // namespace upline
