// SPDX-License-Identifier: Apache-2.0
// The rows of `upline balances` and `upline export balances`.
#pragma once

#include "tools/queries/balances.h"
#include "tools/terminal/print.h"

namespace upline {

// Of the wanted users, what is not all zero, until the rows reach nobody.
void print_balance_rows(const State& state, RowPrinter& rows,
                        const std::function<bool(std::string_view program, const User&)>& wanted);

}  // namespace upline
