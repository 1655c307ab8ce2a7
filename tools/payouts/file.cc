// SPDX-License-Identifier: Apache-2.0
// `upline payouts file`: a run's open payouts as the bank takes them. The ledger knows ids alone; names and accounts
// are read at this moment from a file of the operator's, and are in no log and no data folder.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>

#include "events/base/files.h"
#include "events/base/text.h"
#include "events/ids.h"
#include "events/values/time.h"
#include "tools/payouts/commands.h"
#include "tools/payouts/csv.h"
#include "tools/payouts/pain001.h"
#include "tools/payouts/payouts.h"
#include "tools/queries/user.h"
#include "tools/terminal/print.h"

namespace upline {
namespace {

constexpr std::array<std::string_view, 6> kPayeeColumns = {"program", "user", "name", "iban", "bic", "country"};

using PayeeKey = std::pair<std::string, Uuid>;

Result<std::map<PayeeKey, BankParty>> read_payees(const std::string& path, IdForm ids) {
    UPLINE_TRY_ASSIGN(const std::vector<CsvRow> rows, read_csv(path, kPayeeColumns));
    std::map<PayeeKey, BankParty> payees;
    for (const CsvRow& row : rows) {
        const auto wrong = [&](const std::string& what) {
            return Error{ErrorCode::kInvalid, fmt::format("{}:{}: {}", path, row.line, what)};
        };
        if (!row.wrong.empty()) return wrong(row.wrong);
        const Result<Uuid> user = parse_id(row.cells[1], "user", ids);
        if (!user.ok()) return wrong("user: " + user.error().message);
        BankParty party{row.cells[2], row.cells[3], row.cells[4], row.cells[5]};
        const Status checked = check_party(party);
        if (!checked.ok()) return wrong(checked.error().message);
        const std::string program = row.cells[0].empty() ? std::string(kDefaultProgram) : row.cells[0];
        if (!payees.emplace(PayeeKey{program, *user}, std::move(party)).second)
            return wrong(fmt::format("user {} of program {} stands here a second time", row.cells[1], program));
    }
    return payees;
}

// Lines key=value; blank ones and those that begin with # are passed over.
Result<BankParty> read_debtor(const std::string& path) {
    UPLINE_TRY_ASSIGN(const std::string text, read_whole_file(path));
    BankParty debtor;
    uint64_t number = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        const size_t equals = line.find('=');
        const std::string_view key = line.substr(0, equals);
        std::string* field = key == "name"      ? &debtor.name
                             : key == "iban"    ? &debtor.iban
                             : key == "bic"     ? &debtor.bic
                             : key == "country" ? &debtor.country
                                                : nullptr;
        if (!field || equals == std::string_view::npos)
            return Error{ErrorCode::kInvalid, fmt::format("{}:{}: {} is none of name=, iban=, bic=, country=", path,
                                                          number, quote_for_message(line))};
        *field = line.substr(equals + 1);
    }
    const Status checked = check_party(debtor);
    if (!checked.ok()) return Error{ErrorCode::kInvalid, fmt::format("{}: {}", path, checked.error().message)};
    return debtor;
}

struct Run {
    std::vector<RequestedPayout> open;  // without a result, by program, user and currency
    uint64_t answered = 0;              // with one
    int64_t asked_us = 0;               // when the last of the open ones was requested
};

Result<Run> find_run(std::vector<PayoutShard>& shards, const PayoutsFileArgs& args, std::optional<Currency> currency) {
    UPLINE_TRY_ASSIGN(auto payouts, requested_payouts(shards, args.program, [&](const RequestedPayout& payout) {
                          return (!currency || payout.currency == *currency) && is_of_run(payout, args.run);
                      }));
    Run run;
    Entry entry;
    for (RequestedPayout& payout : payouts) {
        LedgerReader& ledger = *payout.shard->ledger;
        UPLINE_TRY_ASSIGN(const PayoutStatus status, payout_status(ledger, payout.entry));
        if (status != PayoutStatus::kRequested) {
            ++run.answered;
            continue;
        }
        UPLINE_TRY(ledger.read(payout.entry, entry));
        run.asked_us = std::max(run.asked_us, entry.occurred_at_us);
        run.open.push_back(std::move(payout));
    }
    std::ranges::sort(run.open, {},
                      [](const RequestedPayout& one) { return std::tuple(one.program, one.user, one.currency); });
    return run;
}

// Another set of payouts is another message: a bank takes a MsgId once.
std::string message_id_of(const Run& run) {
    std::string ids = "payment-file";
    for (const RequestedPayout& one : run.open) ids += "/" + to_string(one.id);
    return end_to_end_id(uuid5(kIdNamespace, ids));
}

std::string csv_of(const PaymentFile& file, const std::vector<RequestedPayout>& open) {
    std::string out = "payout,program,user,name,iban,bic,country,amount,currency,execution_date\n";
    for (size_t i = 0; i < open.size(); ++i) {
        const CreditTransfer& transfer = file.transfers[i];
        const std::string amount = format_amount(transfer.amount, transfer.currency);
        for (const std::string& cell :
             {to_string(transfer.payout), open[i].program, to_string(open[i].user), transfer.payee.name,
              transfer.payee.iban, transfer.payee.bic, transfer.payee.country, amount,
              std::string(transfer.currency.text()), format_day(file.execution_day)}) {
            append_csv_cell(cell, out);
            out += ',';
        }
        out.back() = '\n';
    }
    return out;
}

void tell_changed_name(const std::string& whose, const BankParty& party) {
    if (const std::string text = bank_text(party.name).text; text != party.name)
        fmt::print(stderr, "upline: {}'s name is written as \"{}\", in the letters banks take\n", whose, text);
}

// Fills in the payees; counts those that cannot be paid, and says why.
uint64_t add_transfers(const PayoutsFileArgs& args, const Run& run, const std::map<PayeeKey, BankParty>& payees,
                       PaymentFile& file) {
    uint64_t unpayable = 0;
    for (const RequestedPayout& one : run.open) {
        const auto payee = payees.find({one.program, one.user});
        const bool readable = payee == payees.end() || args.format == "csv" || bank_text(payee->second.name).readable;
        if (payee == payees.end() || !readable) {
            ++unpayable;
            fmt::print(
                stderr, "upline: {}: {} user {} of program {}\n", args.payees,
                readable ? "no payee for" : "a name in letters that no bank takes: write it in Latin letters, of",
                to_string(one.user), one.program);
            continue;
        }
        file.transfers.push_back({one.id, one.amount, one.currency, payee->second});
    }
    return unpayable;
}

Result<int> refuse(const std::string& why) {
    fmt::print(stderr, "upline: {}\n", why);
    return kExitNegative;
}

Result<int> write_payment_file(const PayoutsFileArgs& args) {
    UPLINE_TRY(check_run_name(args.run));
    UPLINE_TRY_ASSIGN(const std::optional<Currency> currency, currency_asked_for(args.currency));
    UPLINE_TRY_ASSIGN(const auto payees, read_payees(args.payees, args.ids));
    const bool as_csv = args.format == "csv";
    PaymentFile file{.run = args.run};
    if (!as_csv) {
        if (args.debtor.empty()) return Error{ErrorCode::kInvalid, "pain.001 needs --debtor: who pays"};
        UPLINE_TRY_ASSIGN(file.debtor, read_debtor(args.debtor));
        if (!bank_text(file.debtor.name).readable)
            return Error{ErrorCode::kInvalid, fmt::format("{}: name: write it in Latin letters", args.debtor)};
    }
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, open_payout_shards(args.data, args.program));
    if (!args.log.url.empty()) {
        LogOptions options;
        options.properties = args.log.properties;
        UPLINE_TRY_ASSIGN(const std::unique_ptr<EventLog> log, open_log(args.log.url, options));
        UPLINE_TRY(check_log(*log, shards));
        UPLINE_TRY_ASSIGN(const std::optional<uint32_t> behind, lagging_partition(*log, shards));
        if (behind) return refuse("the ledger has not applied all of the log: run `upline run --once` first");
    }
    UPLINE_TRY_ASSIGN(const Run run, find_run(shards, args, currency));
    if (run.open.empty())
        return refuse(fmt::format("run {} has no open payouts in this ledger; {}", args.run,
                                  run.answered > 0
                                      ? "all of them have a result"
                                      : "request them with `upline payouts request`, then `upline run --once`"));
    // Who has an answer was sent before, and so were the others: they may be on their way.
    if (run.answered > 0 && !args.rest)
        return refuse(
            fmt::format("{} payouts of run {} have a result, so it was sent before, and {} have none yet: "
                        "they may be on their way. If the bank never had them, write them with --rest",
                        with_commas(run.answered), args.run, with_commas(run.open.size())));
    file.message_id = message_id_of(run);
    file.created_us = run.asked_us;
    file.execution_day = run.asked_us / kUsPerDay;
    if (!args.execution_date.empty()) {
        UPLINE_TRY_ASSIGN(const int64_t us, parse_moment(args.execution_date));
        file.execution_day = us / kUsPerDay;
    }
    if (const uint64_t unpayable = add_transfers(args, run, payees, file); unpayable > 0)
        return refuse(fmt::format("{} payees are missing or have no name a bank takes; nothing was written",
                                  with_commas(unpayable)));
    if (!as_csv) {
        tell_changed_name("the debtor", file.debtor);
        for (const CreditTransfer& transfer : file.transfers)
            tell_changed_name(fmt::format("payout {}", to_string(transfer.payout)), transfer.payee);
    }
    UPLINE_TRY(
        write_output(args.out, as_csv ? csv_of(file, run.open) : pain001_xml(file), 0600, {args.payees, args.debtor}));
    PayoutSums sums;
    for (const CreditTransfer& transfer : file.transfers) sums[transfer.currency].add(transfer.amount);
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.text("file", args.out.path);
        row.text("message_id", file.message_id);
        row.number("payouts", static_cast<int64_t>(file.transfers.size()));
        row.text("control_sum", control_sum(file.transfers));
        row.json("sums", sums_json(sums));
        row.end_row();
        return kExitDone;
    }
    fmt::print("{}: {} payouts of run {}\n", args.out.path, with_commas(file.transfers.size()), args.run);
    for (const auto& [code, sum] : sums)
        fmt::print("  {} {} in {} payouts\n", sum_text(sum, code), code.text(), with_commas(sum.payouts));
    return kExitDone;
}

}  // namespace

int payouts_file(const PayoutsFileArgs& args) {
    const Result<int> code = write_payment_file(args);
    return code.ok() ? *code : print_error(code.error());
}

}  // namespace upline
