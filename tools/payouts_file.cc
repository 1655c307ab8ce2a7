// SPDX-License-Identifier: Apache-2.0
// `upline payouts file`: a run's open payouts as the bank takes them. The ledger knows ids alone; names and accounts
// are read at this moment from a file of the operator's, and are in no log and no data folder.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <tuple>

#include "events/json.h"
#include "events/time.h"
#include "tools/commands.h"
#include "tools/csv.h"
#include "tools/pain001.h"
#include "tools/payouts.h"
#include "tools/print.h"
#include "tools/reading.h"

namespace upline {
namespace {

constexpr std::array<std::string_view, 6> kPayeeColumns = {"program", "user", "name", "iban", "bic", "country"};

using PayeeKey = std::pair<std::string, Uuid>;

Result<std::map<PayeeKey, BankParty>> read_payees(const std::string& path) {
    UPLINE_TRY_ASSIGN(const std::vector<CsvRow> rows, read_csv(path, kPayeeColumns));
    std::map<PayeeKey, BankParty> payees;
    for (const CsvRow& row : rows) {
        const auto wrong = [&](const std::string& what) {
            return Error{ErrorCode::kInvalid, fmt::format("{}:{}: {}", path, row.line, what)};
        };
        if (!row.wrong.empty()) return wrong(row.wrong);
        const std::optional<Uuid> user = parse_uuid(row.cells[1]);
        if (!user) return wrong(fmt::format("user: {} is no UUID", quote_for_message(row.cells[1])));
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

struct OpenPayout {
    std::string program;
    Uuid user;
    Payout payout;
};

// Those of the run that are requested and have no result, by program, user and currency; and when the last was asked.
Result<std::vector<OpenPayout>> open_payouts(std::vector<PayoutShard>& shards, const PayoutsFileArgs& args,
                                             std::optional<Currency> currency, int64_t& last_us) {
    std::vector<OpenPayout> open;
    last_us = 0;
    for (PayoutShard& shard : shards) {
        const State& state = *shard.state;
        const std::unique_ptr<EntrySource> source = shard.store->look_up();
        Entry entry;
        for (size_t i = 0; i < state.payouts().size(); ++i) {
            const Payout& payout = state.payouts()[i];
            const User& user = state.users()[payout.user];
            const std::string_view program = state.programs()[user.program].name();
            if (!args.program.empty() && program != args.program) continue;
            if (currency && payout.currency != *currency) continue;
            if (payout.id != payout_id(args.run, program, user.id, payout.currency)) continue;
            UPLINE_TRY(read_entry(*source, payout.sequence, entry));
            last_us = std::max(last_us, entry.occurred_at_us);
            if (payout.status == PayoutStatus::kRequested) open.push_back({std::string(program), user.id, payout});
        }
    }
    std::ranges::sort(open, {}, [](const OpenPayout& o) { return std::tuple(o.program, o.user, o.payout.currency); });
    return open;
}

std::string csv_of(const PaymentFile& file, const std::vector<OpenPayout>& open) {
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

// Beside it and renamed, so that nobody ever sends half a file. For the owner's eyes: it holds names.
Status write_file(const std::string& path, const std::string& text) {
    const auto failed = [&path](const char* doing) {
        return Error{ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, doing, std::strerror(errno))};
    };
    const std::string beside = path + ".new";
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return failed("cannot be written");
    size_t written = 0;
    while (written < text.size()) {
        const ssize_t size = ::write(fd, text.data() + written, text.size() - written);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        written += static_cast<size_t>(size);
    }
    const bool synced = written == text.size() && ::fsync(fd) == 0;
    const int error = errno;
    ::close(fd);
    errno = error;
    if (!synced) return failed("write");
    if (::rename(beside.c_str(), path.c_str()) != 0) return failed("rename");
    return ok_status();
}

void tell_changed_names(const PaymentFile& file) {
    for (const CreditTransfer& transfer : file.transfers)
        if (bank_text(transfer.payee.name) != transfer.payee.name)
            fmt::print(stderr, "upline: payout {}: the payee's name is written as \"{}\", in the letters banks take\n",
                       to_string(transfer.payout), bank_text(transfer.payee.name));
}

Result<int> write_payment_file(const PayoutsFileArgs& args) {
    UPLINE_TRY(check_run_name(args.run));
    UPLINE_TRY_ASSIGN(const std::optional<Currency> currency, currency_asked_for(args.currency));
    UPLINE_TRY_ASSIGN(const auto payees, read_payees(args.payees));
    PaymentFile file{.message_id = bank_id(args.program.empty() ? args.run : args.run + "-" + args.program),
                     .run = args.run};
    const bool as_csv = args.format == "csv";
    if (!as_csv) {
        if (args.debtor.empty()) return Error{ErrorCode::kInvalid, "pain.001 needs --debtor: who pays"};
        UPLINE_TRY_ASSIGN(file.debtor, read_debtor(args.debtor));
    }
    UPLINE_TRY_ASSIGN(std::vector<PayoutShard> shards, load_payout_shards(args.data, args.program));
    UPLINE_TRY_ASSIGN(const std::vector<OpenPayout> open, open_payouts(shards, args, currency, file.created_us));
    if (open.empty()) {
        fmt::print(stderr, "upline: run {} has no open payouts in this ledger; {}\n", args.run,
                   file.created_us > 0 ? "all of them have a result"
                                       : "request them with `upline payouts request`, then `upline run --once`");
        return kExitNegative;
    }
    file.execution_day = file.created_us / kUsPerDay;
    if (!args.execution_date.empty()) {
        UPLINE_TRY_ASSIGN(const int64_t us, parse_moment(args.execution_date));
        file.execution_day = us / kUsPerDay;
    }
    uint64_t missing = 0;
    PayoutSums sums;
    for (const OpenPayout& one : open) {
        const auto payee = payees.find({one.program, one.user});
        if (payee == payees.end()) {
            ++missing;
            fmt::print(stderr, "upline: {}: no payee for user {} of program {}\n", args.payees, to_string(one.user),
                       one.program);
            continue;
        }
        file.transfers.push_back({one.payout.id, one.payout.amount, one.payout.currency, payee->second});
        sums[one.payout.currency].add(one.payout.amount);
    }
    if (missing > 0) {
        fmt::print(stderr, "upline: {} payees are missing; nothing was written\n", with_commas(missing));
        return kExitNegative;
    }
    if (!as_csv) tell_changed_names(file);
    UPLINE_TRY(write_file(args.out, as_csv ? csv_of(file, open) : pain001_xml(file)));
    if (args.json) {
        std::string text = "{";
        for (const auto& [code, sum] : sums)
            text += fmt::format("{}\"{}\": \"{}\"", text.size() > 1 ? ", " : "", code.text(), sum_text(sum, code));
        RowPrinter row(Format::kJsonl, stdout);
        row.text("file", args.out);
        row.text("message_id", file.message_id);
        row.number("payouts", static_cast<int64_t>(file.transfers.size()));
        row.text("control_sum", control_sum(file.transfers));
        row.json("sums", text + "}");
        row.end_row();
        return kExitDone;
    }
    fmt::print("{}: {} payouts of run {}\n", args.out, with_commas(file.transfers.size()), args.run);
    for (const auto& [code, sum] : sums)
        fmt::print("  {} {} in {} payouts\n", sum_text(sum, code), code.text(), with_commas(sum.payouts));
    return kExitDone;
}

}  // namespace

int payouts_file(const PayoutsFileArgs& args) {
    const Result<int> code = write_payment_file(args);
    return code.ok() ? *code : complain(code.error());
}

}  // namespace upline
