// SPDX-License-Identifier: Apache-2.0
// What the audit costs, in one run: closing the books of a million balances; verify beside the first run and beside
// SHA-256 of the same bytes on all cores; proofs and their sizes; publishing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <thread>

#include "bench/by_hand.h"
#include "bench/community.h"
#include "bench/measure.h"
#include "ledger/core/closing.h"
#include "ledger/proof/proof_text.h"
#include "tools/audit/audit.h"
#include "tools/transparency/checkpoints.h"
#include "tools/transparency/publish.h"

namespace upline::bench {
namespace {

struct Args {
    uint32_t users = 1'000'000;
    uint64_t sales = 1'000'000;
    uint64_t batch = 4096;
    bool json = false;
};

Event adjustment(const Community& community, uint64_t user) {
    Event event = newcomer(community, user + (uint64_t{1} << 40), community.signup_end_us());
    event.type = static_cast<uint8_t>(EventType::kAdjustmentPosted);
    event.payload = AdjustmentPosted{.user = {community.signup(static_cast<uint32_t>(user)).id},
                                     .amount = {static_cast<int64_t>(1 + user % 1000)},
                                     .currency = *parse_currency("USD"),
                                     .reason = "a balance"};
    return event;
}

// Everybody has a balance; then the books are closed in the midst of batches of other events.
void measure_closing(const fs::path& folder, const Community& community, const Args& args, Figures& figures) {
    ByHand ledger(folder, community);
    ledger.apply(community.users(), 65'536, [&](uint64_t i) { return adjustment(community, i); });
    const auto small = [&](uint64_t first) {
        return [&community, first](uint64_t i) { return newcomer(community, first + i, community.signup_end_us()); };
    };
    std::vector<double> before = ledger.apply(args.batch * 20, args.batch, small(0));
    std::ranges::sort(before);
    Event closing = newcomer(community, uint64_t{1} << 50, community.signup_end_us());
    closing.type = static_cast<uint8_t>(EventType::kBooksClosed);
    closing.payload = BooksClosed{};
    const auto start = Clock::now();
    must(ledger.shard().commit_all());
    const uint64_t committed = ledger.shard().position().size;
    const double with_closing = ledger.apply(1, 1, [&](uint64_t) { return closing; }).front();
    std::vector<double> beside;
    uint64_t given = 1'000'000;
    while (ledger.shard().position().size == committed) {
        beside.push_back(ledger.apply(args.batch, args.batch, small(given)).front());
        given += args.batch;
    }
    const double until_committed = seconds_since(start) * 1000;
    const State& state = ledger.shard().state();
    const ClosingSnapshot snapshot = take_closing(state, ProgramIndex(0));
    const auto hashing = Clock::now();
    const Hash root = closing_root(snapshot.leaves);
    const double hash_ms = seconds_since(hashing) * 1000;
    if (root == Hash{}) std::exit(kExitCouldNot);
    figures.add("audit.closing_balances", "closing: balances", static_cast<double>(snapshot.closing.balances), "");
    figures.add("audit.closing_batch_before_ms", "closing: a batch before (median)", before[before.size() / 2], "ms");
    figures.add("audit.closing_step_ms", "closing: its own step", with_closing, "ms");
    figures.add("audit.closing_batch_beside_ms", "closing: a batch while it is hashed (longest)",
                beside.empty() ? 0 : *std::ranges::max_element(beside), "ms");
    figures.add("audit.closing_batches_beside", "closing: batches applied while it is hashed",
                static_cast<double>(beside.size()), "");
    figures.add("audit.closing_on_disk_ms", "closing: until its entry is on disk", until_committed, "ms");
    figures.add("audit.closing_hash_ms", "closing: hashing alone, one core", hash_ms, "ms");
}

// SHA-256 of every leaf and node on all cores: the least that any verifier must compute.
double hash_seconds(uint64_t entries, size_t entry_bytes) {
    const auto start = Clock::now();
    std::vector<std::thread> threads;
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned core = 0; core < cores; ++core)
        threads.emplace_back([=] {
            std::vector<std::byte> bytes(entry_bytes);
            Hash hash{};
            for (uint64_t i = core; i < entries; i += cores) {
                std::copy(hash.begin(), hash.end(), bytes.begin());
                hash = merkle::node_hash(merkle::leaf_hash(bytes), hash);
            }
        });
    for (std::thread& thread : threads) thread.join();
    return seconds_since(start);
}

void measure_audit(const fs::path& folder, const Community& community, const Args& args, Figures& figures) {
    const auto log = new_embedded_log(folder / "log");
    append_signups(*log, community);
    append_all(*log, args.sales, [&](uint64_t i) { return community.sale(i); });
    const Fed fed = feed_once(*log, folder / "data");
    const Fed replayed = feed_once(*log, folder / "again");
    if (replayed.position.root != fed.position.root) {
        fmt::print(stderr, "upline_bench_audit: the replay has another root\n");
        std::exit(kExitNegative);
    }
    fs::remove_all(folder / "again");
    const uint64_t size = fed.position.size;
    const auto timed_audit = [&](EventLog* with) {
        auto shards = must(open_for_reading((folder / "data").native()));
        const auto start = Clock::now();
        const AuditReport report = must(audit(shards.front(), with, {}));
        if (!report.findings.empty()) {
            fmt::print(stderr, "upline_bench_audit: {}\n", report.findings.front().what);
            std::exit(kExitNegative);
        }
        return seconds_since(start);
    };
    const double alone = timed_audit(nullptr);
    const double with_log = timed_audit(log.get());

    const auto store = must(Store::open(folder / "data" / "partition-00000", Store::Access::kRead));
    size_t bytes = 0;
    const auto walk = store->scan_reader();
    for (Sequence i = size - 1000; i < size; ++i) bytes += must(walk->entry(i)).size();
    const double hashes = hash_seconds(size, bytes / 1000);
    figures.add("audit.entries", "entries", static_cast<double>(size), "");
    figures.add("audit.first_run_s", "first run", fed.seconds, "s");
    figures.add("audit.verify_s", "verify", alone, "s");
    figures.add("audit.verify_log_s", "verify --log", with_log, "s");
    figures.add("audit.replay_s", "replay", replayed.seconds, "s");
    figures.add("audit.verify_speed", "speed of verify beside the first run", fed.seconds / alone, "");
    figures.add("audit.verify_log_speed", "speed of verify --log beside the first run", fed.seconds / with_log, "");
    figures.add("audit.replay_speed", "speed of replay beside the first run", fed.seconds / replayed.seconds, "");
    figures.add("audit.sha256_s", "SHA-256 of leaves and nodes, all cores", hashes, "s");
    figures.add("audit.verify_to_sha256", "verify beside that SHA-256", alone / hashes, "");

    note::SigningKey key{"bench.example/0", note::KeyType::kEd25519, {}};
    Checkpoints checkpoints(folder / "data", 0);
    const auto signing = Clock::now();
    const SignedCheckpoint checkpoint = must(checkpoints.sign(*store, key));
    figures.add("audit.sign_ms", "checkpoint: signed", seconds_since(signing) * 1000, "ms");

    constexpr uint64_t kProofs = 1000;
    size_t proof_bytes = 0;
    std::vector<TlogProof> proofs;
    const auto point_reader = store->point_reader();
    const auto proving = Clock::now();
    for (uint64_t i = 0; i < kProofs; ++i) {
        const uint64_t index = mix(i) % size;
        TlogProof proof{{}, index, must(prover_of(*store, size).inclusion(index)), note::to_string(checkpoint.note)};
        const auto entry = must(point_reader->entry(index));
        proof.extra.assign(entry.begin(), entry.end());
        proofs.push_back(std::move(proof));
    }
    figures.add("audit.prove_us", "proof: made from tiles", seconds_since(proving) * 1e6 / kProofs, "us");
    const auto checking = Clock::now();
    for (const TlogProof& proof : proofs)
        if (!merkle::verify_inclusion(merkle::leaf_hash(proof.extra), proof.index, size, proof.hashes,
                                      checkpoint.checkpoint.root))
            std::exit(kExitNegative);
    figures.add("audit.check_us", "proof: checked, without the signature", seconds_since(checking) * 1e6 / kProofs,
                "us");
    for (const TlogProof& proof : proofs) proof_bytes += to_string(proof).size();
    figures.add("audit.proof_bytes", "proof: of an entry, with it and the checkpoint",
                static_cast<double>(proof_bytes) / kProofs, "bytes");
    const auto consistent = must(prover_of(*store, size).consistency(size / 3));
    figures.add(
        "audit.consistency_bytes", "proof: that the log has grown from a third",
        static_cast<double>(to_string(ConsistencyProof{size / 3, consistent, note::to_string(checkpoint.note)}).size()),
        "bytes");

    for (const bool hashes_only : {false, true}) {
        const auto start = Clock::now();
        must(publish_tiles(*store, folder / (hashes_only ? "hashes" : "public"), checkpoint, hashes_only, {}));
        figures.add(hashes_only ? "audit.publish_hashes_s" : "audit.publish_s",
                    hashes_only ? "publish --hashes-only: a million entries" : "publish: a million entries",
                    seconds_since(start) * 1e6 / static_cast<double>(size), "s");
    }
}

int main_of(int argc, char** argv) {
    Args args;
    CLI::App app("What closing, verifying, proving and publishing cost", "upline_bench_audit");
    app.add_option("--users", args.users, "People in the tree, and balances that are closed")
        ->check(CLI::Range(17U, 100'000'000U))
        ->capture_default_str();
    app.add_option("--sales", args.sales, "Sales in the ledger that is verified, proven and published")
        ->check(CLI::Range(1000, 1'000'000'000))
        ->capture_default_str();
    app.add_flag("--json", args.json, "Print the figures as JSON Lines");
    CLI11_PARSE(app, argc, argv);

    const fs::path path = temporary_folder();
    const Community community(args.users);
    Figures figures;
    measure_closing(path / "closing", community, args, figures);
    fs::remove_all(path / "closing");
    measure_audit(path / "audit", community, args, figures);
    fs::remove_all(path);
    figures.print(args.json);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    return upline::bench::main_of(argc, argv);
}
