// SPDX-License-Identifier: Apache-2.0
// `upline prove`: proofs that anybody can check with nothing but the log's public key, of what the latest checkpoint
// covers (ledger/proof/proof_text.h says in which form).
#include <fmt/format.h>

#include <algorithm>

#include "events/base/files.h"
#include "ledger/core/closing.h"
#include "ledger/proof/proof_text.h"
#include "ledger/store/fold_forward.h"
#include "ledger/store/ledger_reader.h"
#include "projectors/models/references.h"
#include "tools/queries/ledger_queries.h"
#include "tools/terminal/print.h"
#include "tools/terminal/value_text.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/commands.h"

namespace upline {
namespace {

class Proving {
  public:
    explicit Proving(const ProveArgs& args) : args_(args) {}

    Result<std::string> prove() {
        UPLINE_TRY_ASSIGN(shards_, open_for_reading(args_.data));
        if (args_.what == "entry") return entry();
        if (args_.what == "consistency") return consistency();
        if (args_.what == "balance") return balance();
        if (args_.what == "transaction") return transaction();
        return user_line();
    }

  private:
    Result<ReadShard*> the_partition() {
        UPLINE_TRY(keep_partition(shards_, args_.partition, args_.data));
        if (shards_.size() > 1)
            return Error{ErrorCode::kInvalid,
                         fmt::format("there are {} partitions: say which with --partition", shards_.size())};
        return &shards_.front();
    }
    Result<uint64_t> number(const char* what) const {
        const auto number = parse_whole_number(args_.id);
        if (!number) return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is not {}", args_.id, what)};
        return *number;
    }

    // The same one for all parts of a proof, even if a newer one is signed meanwhile.
    Result<SignedCheckpoint> latest_of(ReadShard& shard) {
        if (!latest_) {
            UPLINE_TRY_ASSIGN(latest_, latest_and_catch_up(Checkpoints(args_.data, shard.partition), *shard.store));
        }
        return *latest_;
    }

    Result<std::string> entry() {
        UPLINE_TRY_ASSIGN(const uint64_t sequence, number("an entry's number"));
        UPLINE_TRY_ASSIGN(ReadShard * shard, the_partition());
        return inclusion(*shard, sequence);
    }

    Result<std::string> consistency() {
        UPLINE_TRY_ASSIGN(const uint64_t old_size, number("the size of an earlier checkpoint"));
        UPLINE_TRY_ASSIGN(ReadShard * shard, the_partition());
        UPLINE_TRY_ASSIGN(const SignedCheckpoint latest, latest_of(*shard));
        if (old_size > latest.checkpoint.size)
            return Error{ErrorCode::kNotFound, fmt::format("the latest checkpoint is of {} entries, not of {} or more; "
                                                           "`upline checkpoint` signs a new one",
                                                           latest.checkpoint.size, old_size)};
        ConsistencyProof proof{old_size, {}, note::to_string(latest.note)};
        UPLINE_TRY_ASSIGN(proof.hashes, prover_of(*shard->store, latest.checkpoint.size).consistency(old_size));
        return to_string(proof);
    }

    Result<std::string> transaction() {
        UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards_, args_.program, args_.id, "transaction"));
        const Entry& entry = found.entry();
        if (!std::holds_alternative<TransactionRecorded>(entry.payload))
            return Error{ErrorCode::kNotFound, fmt::format("{} is no transaction but a {}; `upline prove entry {}` "
                                                           "proves it",
                                                           args_.id, type_text(entry.type), entry.sequence)};
        return inclusion(*found.shard, entry.sequence);
    }

    // The entry, and the signup of the user it posts to.
    Result<std::string> user_line() {
        UPLINE_TRY_ASSIGN(const FoundEntry user, find_entry(shards_, args_.program, args_.user, "user"));
        if (!std::holds_alternative<UserSignedUp>(user.entry().payload))
            return Error{ErrorCode::kNotFound, fmt::format("{} is no user", args_.user)};
        UPLINE_TRY_ASSIGN(const FoundEntry found, find_entry(shards_, args_.program, args_.id, "event"));
        const Entry& entry = found.entry();
        const Sequence signup = user.entry().sequence;
        if (std::ranges::none_of(entry.posted(), [&](const Posting& p) { return p.user == signup; }))
            return Error{ErrorCode::kNotFound,
                         fmt::format("{} {} posts nothing to user {}", type_text(entry.type), args_.id, args_.user)};
        UPLINE_TRY_ASSIGN(const std::string of_entry, inclusion(*found.shard, entry.sequence));
        UPLINE_TRY_ASSIGN(const std::string of_signup, inclusion(*found.shard, signup));
        return of_entry + of_signup;
    }

    Result<std::string> inclusion(ReadShard& shard, Sequence sequence) {
        UPLINE_TRY_ASSIGN(const SignedCheckpoint latest, latest_of(shard));
        if (sequence >= latest.checkpoint.size)
            return Error{
                ErrorCode::kNotFound,
                fmt::format("entry {} is not covered by the latest checkpoint, which is of {} entries; `upline "
                            "checkpoint` signs a new one",
                            sequence, latest.checkpoint.size)};
        TlogProof proof;
        proof.index = sequence;
        proof.checkpoint = note::to_string(latest.note);
        const std::unique_ptr<EntrySource> source = shard.store->point_reader();
        UPLINE_TRY_ASSIGN(const std::span<const std::byte> bytes, source->entry(sequence));
        UPLINE_TRY_ASSIGN(proof.hashes, prover_of(*shard.store, latest.checkpoint.size).inclusion(sequence));
        if (!merkle::verify_inclusion(merkle::leaf_hash(bytes), sequence, latest.checkpoint.size, proof.hashes,
                                      latest.checkpoint.root))
            return Error{ErrorCode::kCorrupt,
                         fmt::format("entry {} and the tree do not give the root that was signed; run `upline verify`",
                                     sequence)};
        proof.extra.assign(bytes.begin(), bytes.end());
        return to_string(proof);
    }

    Result<std::string> balance() {
        UPLINE_TRY_ASSIGN(const FoundEntry user, find_entry(shards_, args_.program, args_.id, "user"));
        if (!std::holds_alternative<UserSignedUp>(user.entry().payload))
            return Error{ErrorCode::kNotFound, fmt::format("{} is no user", args_.id)};
        UPLINE_TRY_ASSIGN(const SignedCheckpoint latest, latest_of(*user.shard));
        UPLINE_TRY_ASSIGN(const Closed closed, last_closing(*user.shard, latest.checkpoint.size));
        const auto id = parse_uuid(args_.id);
        std::optional<uint64_t> index;
        BalanceProof proof;
        std::vector<std::string> others;
        for (size_t i = 0; i < closed.hashes.size(); ++i) {
            const auto leaf = std::span(closed.leaves).subspan(i * kBalanceLeafBytes, kBalanceLeafBytes);
            const auto parsed = parse_balance_leaf(leaf);
            if (!parsed || parsed->user != *id) continue;
            others.emplace_back(parsed->currency.text());
            if (!args_.currency.empty() && parsed->currency.text() != args_.currency) continue;
            index = i;
            proof.leaf.assign(leaf.begin(), leaf.end());
        }
        if (!index)
            return Error{
                ErrorCode::kNotFound,
                fmt::format("user {} had no balance{} at the closing of entry {}", args_.id,
                            args_.currency.empty() ? "" : fmt::format(" in {}", args_.currency), closed.sequence)};
        if (args_.currency.empty() && others.size() > 1)
            return Error{ErrorCode::kInvalid, fmt::format("user {} has balances in {}: say which with --currency",
                                                          args_.id, fmt::join(others, ", "))};
        proof.index = *index;
        proof.hashes = merkle::path_of(closed.hashes, *index);
        UPLINE_TRY_ASSIGN(const std::string of_closing, inclusion(*user.shard, closed.sequence));
        return to_string(proof) + of_closing;
    }

    // Programs are numbered in the order of their first entries.
    Result<ProgramIndex> program_index(LedgerReader& ledger) {
        UPLINE_TRY_ASSIGN(Table * references, ledger.rows(references_model));
        UPLINE_TRY_ASSIGN(const auto first, find_program(*references, ledger.entries(), args_.program));
        ProgramIndex index(0);
        UPLINE_TRY(read_references(*references, ReferenceKind::kProgram, std::nullopt, [&](const Reference& program) {
            if (first && program.by < *first) ++index.value;
            return true;
        }));
        return first ? index : ProgramIndex();
    }

    // The last closing of the user's program that the checkpoint covers, with its leaves: kept ones, or computed again
    // from the entries.
    struct Closed {
        Sequence sequence = 0;
        std::vector<std::byte> leaves;
        std::vector<Hash> hashes;  // of them
    };
    Result<Closed> last_closing(ReadShard& shard, uint64_t size) {
        Store& store = *shard.store;
        UPLINE_TRY_ASSIGN(LedgerReader ledger, LedgerReader::open(shard));
        UPLINE_TRY_ASSIGN(const ProgramIndex program, program_index(ledger));
        auto kept = read_kept_closing(store, program);
        if (kept.ok() && kept->sequence < size) {
            const std::unique_ptr<EntrySource> source = store.point_reader();
            Entry entry;
            std::vector<Hash> hashes = balance_hashes(kept->leaves);
            if (read_entry(*source, kept->sequence, entry).ok() && entry.accepted() &&
                std::holds_alternative<BooksClosed>(entry.payload) && entry.program == args_.program &&
                merkle::root_of(hashes) == entry.closing.root)
                return Closed{kept->sequence, std::move(kept->leaves), std::move(hashes)};
        }
        std::optional<Sequence> last;
        ProgressBar progress("looking for the last closing");
        UPLINE_TRY(walk_entries(store, 0, size, progress.callback(), [&](const Entry& entry) -> Result<bool> {
            if (entry.accepted() && std::holds_alternative<BooksClosed>(entry.payload) &&
                entry.program == args_.program)
                last = entry.sequence;
            return true;
        }));
        if (!last)
            return Error{ErrorCode::kNotFound, fmt::format("program {} has not closed its books within the {} entries "
                                                           "of the latest checkpoint: a BooksClosed event does it",
                                                           args_.program, size)};
        UPLINE_TRY_ASSIGN(const PastState past, load_past_state(store, *last + 1, progress.callback()));
        ClosingSnapshot closed = take_closing(*past.state, past.state->find_program(args_.program));
        std::vector<Hash> hashes = balance_hashes(closed.leaves);
        return Closed{*last, std::move(closed.leaves), std::move(hashes)};
    }

    const ProveArgs& args_;
    std::vector<ReadShard> shards_;
    std::optional<SignedCheckpoint> latest_;
};

}  // namespace

int prove(const ProveArgs& args) {
    const auto proof = Proving(args).prove();
    Status written = ok_status();
    if (proof.ok() && !args.out.path.empty()) written = write_output(args.out, *proof, 0644);
    if (!proof.ok() || !written.ok()) {
        const Error& error = proof.ok() ? written.error() : proof.error();
        print_error(error);
        return error.code == ErrorCode::kNotFound ? kExitNegative : kExitCouldNot;
    }
    if (args.out.path.empty()) fmt::print("{}", *proof);
    return kExitDone;
}

}  // namespace upline
