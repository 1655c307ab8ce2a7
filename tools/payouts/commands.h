// SPDX-License-Identifier: Apache-2.0
// The words of `upline payouts`: what each is asked. Each returns the exit code: 0 done, 1 a negative answer,
// 2 could not.
#pragma once

#include <string>

#include "events/ids.h"
#include "tools/terminal/log_args.h"
#include "tools/terminal/output_file.h"

namespace upline {

// What the four words of `payouts` have in common.
struct PayoutsArgs {
    std::string data;
    std::string program;   // empty: all
    std::string currency;  // empty: all
    std::string at;        // RFC 3339; empty: now
    bool json = false;
};

struct PayoutsPlanArgs : PayoutsArgs {
    std::string user;        // of `program`, or of the default one; empty: all
    bool everybody = false;  // also those who are not due
};
int payouts_plan(const PayoutsPlanArgs& args);

struct PayoutsRequestArgs : PayoutsArgs {
    LogArgs log;
    std::string run;
    std::string method;
    bool dry_run = false;
    bool allow_lag = false;
};
int payouts_request(const PayoutsRequestArgs& args);

struct PayoutsFileArgs : PayoutsArgs {
    LogArgs log;  // empty url: without
    bool rest = false;
    std::string run;
    std::string format;  // pain.001, csv
    std::string payees;
    IdForm ids = IdForm::kUuid;  // of the payees
    std::string debtor;          // of pain.001 only
    OutputFile out;
    std::string execution_date;  // YYYY-MM-DD; empty: the day of the run's last request
};
int payouts_file(const PayoutsFileArgs& args);

struct PayoutsSettleArgs : PayoutsArgs {
    LogArgs log;
    std::string file;
    bool allow_lag = false;
};
int payouts_settle(const PayoutsSettleArgs& args);

}  // namespace upline
