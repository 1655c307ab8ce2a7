// SPDX-License-Identifier: Apache-2.0
#include "tools/main/refusal_options.h"

#include <CLI/CLI.hpp>

namespace upline {

void add_refusal_choice(CLI::App& command, RefusalChoice& chosen) {
    command.add_option("--data", chosen.data, "The data folder")->required();
    command.add_option("--program", chosen.program, "Only of this one");
    command.add_option("--type", chosen.type, "Only of this type, as TransactionRefunded");
    command.add_option("--outcome", chosen.outcome, "Only with this outcome, as over_refund");
    command.add_option("--from", chosen.from, "Ledger time (RFC 3339) or UTC day it begins with");
    command.add_option("--to", chosen.to, "Ledger time or UTC day it ends before");
}

}  // namespace upline
