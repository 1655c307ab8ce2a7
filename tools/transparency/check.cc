// SPDX-License-Identifier: Apache-2.0
// `upline check`: what a proof proves, in words, or that it proves nothing. Needs the log's public key and no ledger.
#include <fmt/format.h>

#include <algorithm>

#include "events/base/bytes.h"
#include "events/base/files.h"
#include "events/values/time.h"
#include "ledger/core/closing.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/proof/proof_text.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/json_writer.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

// What is proven, or why nothing is: an error of code kCorrupt is a negative answer, any other means "could not check".
class Checking {
  public:
    explicit Checking(const CheckArgs& args) : args_(args) {}

    Status check() {
        UPLINE_TRY_ASSIGN(log_keys_, read_verifier_keys(args_.vkeys));
        UPLINE_TRY_ASSIGN(witness_keys_, read_verifier_keys(args_.witness_vkeys));
        UPLINE_TRY_ASSIGN(const std::string bytes, read_file(args_.file, kMaxProofBytes));
        if (is_consistency_proof(bytes)) return consistency(bytes);
        const auto file = parse_proof_file(bytes);
        if (!file.ok()) return no_proof(file.error().message);
        if (file->entries.size() == 2) return user_line(*file);
        Entry entry;
        UPLINE_TRY(included(file->entries[0], entry));
        if (file->balance) return balance(*file->balance, entry);
        return one_entry(entry);
    }

    const std::vector<std::string>& proven() const { return proven_; }
    const Checkpoint& checkpoint() const { return checkpoint_; }

  private:
    static Error no_proof(const std::string& why) { return {ErrorCode::kCorrupt, printable(why)}; }

    // The checkpoint of a proof, after its signatures are verified.
    Result<Checkpoint> trusted(const std::string& note_bytes) {
        const auto parsed = parse_checkpoint(note_bytes);
        if (!parsed.ok()) return no_proof(parsed.error().message);
        // A key signs only for the log of its own name.
        std::vector<note::VerifierKey> keys;
        for (const note::VerifierKey& key : log_keys_)
            if (key.name == parsed->checkpoint.origin && key.type == note::KeyType::kEd25519) keys.push_back(key);
        if (keys.empty())
            return no_proof(
                fmt::format("the checkpoint is of {}, and no --vkey is that log's", parsed->checkpoint.origin));
        const auto verified = note::verify(parsed->note, keys);
        if (!verified.ok()) return no_proof(fmt::format("the checkpoint: {}", verified.error().message));
        std::string signers = fmt::format("signed by {}", keys.front().name);
        for (const note::VerifierKey& witness : witness_keys_) {
            const auto cosigned = note::verify(parsed->note, {&witness, 1});
            if (!cosigned.ok() || witness.type != note::KeyType::kCosignature)
                return no_proof(fmt::format("the checkpoint is not cosigned by {}", witness.name));
            signers += fmt::format(", cosigned by {} at {}", witness.name, time_text(cosigned->front().unix_time));
        }
        signers_ = signers;
        return parsed->checkpoint;
    }
    static std::string time_text(uint64_t unix_seconds) {
        constexpr uint64_t kMax = kMaxTimeUs / kUsPerSecond;
        return format_time(static_cast<int64_t>(std::min(unix_seconds, kMax)) * kUsPerSecond);
    }

    // Fills in the entry of a proof that holds. Its views point into the proof.
    Status included(const TlogProof& proof, Entry& entry) {
        UPLINE_TRY_ASSIGN(checkpoint_, trusted(proof.checkpoint));
        if (proof.extra.empty()) return no_proof("the proof does not hold its entry's bytes (the line \"extra\")");
        if (!merkle::verify_inclusion(merkle::leaf_hash(proof.extra), proof.index, checkpoint_.size, proof.hashes,
                                      checkpoint_.root))
            return no_proof(
                fmt::format("its hashes do not lead from entry {} to the root that was signed", proof.index));
        const Status decoded = decode_entry(proof.extra, entry);
        if (!decoded.ok())
            return no_proof(fmt::format("entry {} is in the log, but is no entry of a form this release knows: {}",
                                        proof.index, decoded.error().message));
        if (entry.sequence != proof.index)
            return no_proof(fmt::format("entry {} says it is entry {}", proof.index, entry.sequence));
        return ok_status();
    }

    std::string in_the_ledger() const {
        return fmt::format("in the ledger of {} at size {}", checkpoint_.origin, checkpoint_.size);
    }
    // Names and labels come from others: printable() keeps them on this line.
    void add(std::string sentence) { proven_.push_back(printable(std::move(sentence))); }
    void add_signers() { add(fmt::format("the root {} of that size is {}", to_hex(checkpoint_.root), signers_)); }

    Status one_entry(const Entry& entry) {
        if (!entry.readable()) {
            add(fmt::format("{}, entry {} is of a record that was malformed", in_the_ledger(), entry.sequence));
        } else {
            add(fmt::format("{}, entry {} is {} {} of program {}: {}, at ledger time {}", in_the_ledger(),
                            entry.sequence, type_text(entry.type), to_string(entry.id), entry.program,
                            outcome_name(entry.outcome), ledger_time_text(entry.clock_us)));
        }
        for (const Posting& posting : entry.posted())
            add(fmt::format("it posts {} to {}{}", money_text(posting.amount, entry.currency),
                            account_name(posting.account),
                            is_user_account(posting.account)
                                ? fmt::format("{} of the user of entry {}", role_text(posting.role), posting.user)
                                : ""));
        if (entry.accepted() && std::holds_alternative<BooksClosed>(entry.payload)) add_closing(entry);
        add_signers();
        return ok_status();
    }
    static std::string role_text(Role role) {
        if (role == Role::kNone) return "";
        if (is_level(role)) return fmt::format(", level {},", static_cast<unsigned>(role));
        return fmt::format(", {},", role_name(role));
    }

    // "user U was credited 20.00 USD, level 1, for transaction T"
    Status user_line(const ProofFile& file) {
        Entry entry;
        Entry signup;
        UPLINE_TRY(included(file.entries[0], entry));
        const Checkpoint first = checkpoint_;
        UPLINE_TRY(included(file.entries[1], signup));
        if (checkpoint_ != first) return no_proof("its two parts are of two checkpoints");
        if (!signup.accepted() || !std::holds_alternative<UserSignedUp>(signup.payload) ||
            signup.program != entry.program)
            return no_proof(fmt::format("entry {} is no signup of the same program", signup.sequence));
        for (const Posting& posting : entry.posted()) {
            if (posting.user != signup.sequence) continue;
            const bool credit = posting.amount > 0;
            const std::string amount = money_text(posting.amount, entry.currency);
            std::string where;
            if (posting.account != AccountKind::kEarned || entry.maturity_us == kNoMaturity)
                where = fmt::format(" {} {}", credit ? "to" : "from", account_name(posting.account));
            std::string role = role_text(posting.role);
            if (!role.empty()) role.pop_back();
            add(fmt::format("{}, user {} was {} {}{}{}, {}", in_the_ledger(), to_string(signup.id),
                            credit ? "credited" : "debited", credit ? amount : amount.substr(1), where, role,
                            reason(entry)));
        }
        if (proven_.empty())
            return no_proof(
                fmt::format("entry {} posts nothing to the user of entry {}", entry.sequence, signup.sequence));
        add_signers();
        return ok_status();
    }
    static std::string reason(const Entry& entry) {
        const std::string id = to_string(entry.id);
        if (std::holds_alternative<TransactionRecorded>(entry.payload)) return fmt::format("for transaction {}", id);
        if (std::holds_alternative<TransactionRefunded>(entry.payload))
            return fmt::format("for refund {} of the transaction of entry {}", id, entry.refs[0]);
        return fmt::format("for {} {}", type_text(entry.type), id);
    }

    void add_closing(const Entry& entry) {
        const auto& closed = std::get<BooksClosed>(entry.payload);
        add(fmt::format("it closes the books of program {}{}: {} balances", entry.program,
                        closed.period ? fmt::format(" (labelled \"{}\")", *closed.period) : "",
                        entry.closing.balances));
        for (const ClosedBook& book : entry.closing.books)
            add(
                fmt::format("all of them in {}, in minor units: pending {}, available {}, reserved {}, paid {}; sales "
                            "{}, tax {}, house {}",
                            book.currency.text(), book.pending, book.available, book.reserved, book.paid, book.sales,
                            book.tax, book.house));
    }

    Status balance(const BalanceProof& proof, const Entry& entry) {
        if (!entry.accepted() || !std::holds_alternative<BooksClosed>(entry.payload))
            return no_proof(fmt::format("entry {} closes no books", entry.sequence));
        const auto balance = parse_balance_leaf(proof.leaf);
        if (!balance) return no_proof("the line \"leaf\" is no balance");
        if (!merkle::verify_inclusion(merkle::leaf_hash(proof.leaf), proof.index, entry.closing.balances, proof.hashes,
                                      entry.closing.root))
            return no_proof("the balance's hashes do not lead to the root in the entry of the closing");
        const auto money = [&](int64_t amount) { return money_text(amount, balance->currency); };
        add(fmt::format(
            "{}, at the closing of {} (entry {}), user {} of program {} had: pending {}, available {}, "
            "reserved {}, paid {}",
            in_the_ledger(), ledger_time_text(entry.clock_us), entry.sequence, to_string(balance->user), entry.program,
            money(balance->pending), money(balance->available), money(balance->reserved), money(balance->paid)));
        add_closing(entry);
        add_signers();
        return ok_status();
    }

    Status consistency(const std::string& bytes) {
        const auto proof = parse_consistency_proof(bytes);
        if (!proof.ok()) return no_proof(proof.error().message);
        if (args_.since.empty())
            return Error{ErrorCode::kInvalid,
                         "a consistency proof is checked against an earlier checkpoint: give its file as --since"};
        UPLINE_TRY_ASSIGN(const std::string since_bytes, read_file(args_.since, note::kMaxNoteBytes));
        UPLINE_TRY_ASSIGN(const Checkpoint since, trusted(since_bytes));
        UPLINE_TRY_ASSIGN(checkpoint_, trusted(proof->checkpoint));
        if (since.origin != checkpoint_.origin)
            return no_proof(
                fmt::format("the checkpoints are of two logs: {} and {}", since.origin, checkpoint_.origin));
        if (proof->old_size != since.size)
            return no_proof(fmt::format("the proof begins at size {}, the earlier checkpoint is of size {}",
                                        proof->old_size, since.size));
        if (!merkle::verify_consistency(since.size, since.root, checkpoint_.size, checkpoint_.root, proof->hashes))
            return no_proof(fmt::format("the log of size {} does not begin with that of size {}: its past was changed",
                                        checkpoint_.size, since.size));
        add(
            fmt::format("the ledger of {} at size {} begins with all {} entries of the earlier checkpoint: nothing of "
                        "that past was changed",
                        checkpoint_.origin, checkpoint_.size, since.size));
        add_signers();
        return ok_status();
    }

    const CheckArgs& args_;
    std::vector<note::VerifierKey> log_keys_;
    std::vector<note::VerifierKey> witness_keys_;
    Checkpoint checkpoint_;
    std::string signers_;
    std::vector<std::string> proven_;
};

}  // namespace

int check(const CheckArgs& args) {
    Checking checking(args);
    const Status checked = checking.check();
    const bool negative = !checked.ok() && checked.error().code == ErrorCode::kCorrupt;
    if (!checked.ok() && !negative) return print_error(checked.error());
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        row.boolean("ok", !negative);
        if (negative) {
            row.text("why", checked.error().message);
        } else {
            row.text("origin", checking.checkpoint().origin);
            row.number("size", static_cast<int64_t>(checking.checkpoint().size));
            row.text("root", to_hex(checking.checkpoint().root));
            row.json("proven", json_list(checking.proven(),
                                         [](JsonWriter& json, const std::string& sentence) { json.text(sentence); }));
        }
        row.end_row();
        return negative ? kExitNegative : kExitDone;
    }
    const Style& s = style();
    if (negative) {
        fmt::print("{}NOT PROVEN{}  {}\n", s.red, s.plain, checked.error().message);
        return kExitNegative;
    }
    for (size_t i = 0; i < checking.proven().size(); ++i)
        fmt::print("{}{}{} {}\n", s.green, i == 0 ? "proven " : "       ", s.plain, checking.proven()[i]);
    return kExitDone;
}

}  // namespace upline
