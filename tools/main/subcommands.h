// SPDX-License-Identifier: Apache-2.0
// The command line of `upline` in parts, a file each. Each adds its subcommands to the app; running one sets the exit
// code.
#pragma once

namespace CLI {
class App;
}

namespace upline {

void add_ledger(CLI::App& app, int& exit_code);     // demo, produce, run, redrive, status, replay, verify
void add_audit(CLI::App& app, int& exit_code);      // key, checkpoint, prove, check, publish, cosign, witness
void add_payouts(CLI::App& app, int& exit_code);    // payouts
void add_questions(CLI::App& app, int& exit_code);  // export, show, statement, explain, rejected, balances, revenue

}  // namespace upline
