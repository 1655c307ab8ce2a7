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
#include "ledger/closing.h"
#include "ledger/proof_text.h"
#include "tools/audit.h"
#include "tools/checkpoints.h"
#include "tools/publish.h"

namespace upline::bench {
namespace {

struct Args {
    uint32_t users = 1'000'000;
    uint64_t sales = 1'000'000;
    uint64_t batch = 4096;
    bool json = false;
};

// By name, in the order in which they are printed.
using Figures = std::vector<std::pair<std::string, double>>;

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
    const ClosingSnapshot snapshot = take_closing(state, 0);
    const auto hashing = Clock::now();
    const Hash root = closing_root(snapshot.leaves);
    const double hash_ms = seconds_since(hashing) * 1000;
    if (root == Hash{}) std::exit(kExitCouldNot);
    figures.emplace_back("closing: balances", static_cast<double>(snapshot.closing.balances));
    figures.emplace_back("closing: a batch before, ms (median)", before[before.size() / 2]);
    figures.emplace_back("closing: the closing's own step, ms", with_closing);
    figures.emplace_back("closing: a batch while it is hashed, ms (longest)",
                         beside.empty() ? 0 : *std::ranges::max_element(beside));
    figures.emplace_back("closing: batches applied while it is hashed", static_cast<double>(beside.size()));
    figures.emplace_back("closing: until its entry is on disk, ms", until_committed);
    figures.emplace_back("closing: hashing alone, one core, ms", hash_ms);
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
    const auto log = must(
        open_log(fmt::format("file:{}", (folder / "log").native()), {.properties = {}, .create_with_partitions = 1}));
    {
        const auto writer = must(log->open_writer());
        append_all(*writer, community.users(), [&](uint64_t i) { return community.signup(static_cast<uint32_t>(i)); });
        append_all(*writer, args.sales, [&](uint64_t i) { return community.sale(i); });
    }
    const Fed fed = feed_once(*log, folder / "data");
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
    const auto walk = store->entries();
    for (Sequence i = size - 1000; i < size; ++i) bytes += must(walk->entry(i)).size();
    const double hashes = hash_seconds(size, bytes / 1000);
    figures.emplace_back("audit: entries", static_cast<double>(size));
    figures.emplace_back("audit: first run, s", fed.seconds);
    figures.emplace_back("audit: verify, s", alone);
    figures.emplace_back("audit: verify --log, s", with_log);
    figures.emplace_back("audit: verify / first run", alone / fed.seconds);
    figures.emplace_back("audit: verify --log / first run", with_log / fed.seconds);
    figures.emplace_back("audit: SHA-256 of leaves and nodes, all cores, s", hashes);
    figures.emplace_back("audit: verify / that SHA-256", alone / hashes);

    note::SigningKey key{"bench.example/0", note::KeyType::kEd25519, {}};
    Checkpoints checkpoints(folder / "data", 0);
    const auto signing = Clock::now();
    const SignedCheckpoint checkpoint = must(checkpoints.sign(*store, key));
    figures.emplace_back("checkpoint: sign, ms", seconds_since(signing) * 1000);

    constexpr uint64_t kProofs = 1000;
    size_t proof_bytes = 0;
    std::vector<TlogProof> proofs;
    const auto look_up = store->look_up();
    const auto proving = Clock::now();
    for (uint64_t i = 0; i < kProofs; ++i) {
        const uint64_t index = mix(i) % size;
        TlogProof proof{{}, index, must(prover_of(*store, size).inclusion(index)), note::to_string(checkpoint.note)};
        const auto entry = must(look_up->entry(index));
        proof.extra.assign(entry.begin(), entry.end());
        proofs.push_back(std::move(proof));
    }
    figures.emplace_back("proof: made from tiles, us", seconds_since(proving) * 1e6 / kProofs);
    const auto checking = Clock::now();
    for (const TlogProof& proof : proofs)
        if (!merkle::verify_inclusion(merkle::leaf_hash(proof.extra), proof.index, size, proof.hashes,
                                      checkpoint.checkpoint.root))
            std::exit(kExitNegative);
    figures.emplace_back("proof: checked, without the signature, us", seconds_since(checking) * 1e6 / kProofs);
    for (const TlogProof& proof : proofs) proof_bytes += to_string(proof).size();
    figures.emplace_back("proof: of an entry, with it and the checkpoint, bytes",
                         static_cast<double>(proof_bytes) / kProofs);
    const auto consistent = must(prover_of(*store, size).consistency(size / 3));
    figures.emplace_back(
        "proof: that the log has grown from a third, bytes",
        static_cast<double>(
            to_string(ConsistencyProof{size / 3, consistent, note::to_string(checkpoint.note)}).size()));

    for (const bool hashes_only : {false, true}) {
        const auto start = Clock::now();
        must(publish_tiles(*store, folder / (hashes_only ? "hashes" : "public"), checkpoint, hashes_only, {}));
        figures.emplace_back(
            hashes_only ? "publish --hashes-only: s per million entries" : "publish: s per million entries",
            seconds_since(start) * 1e6 / static_cast<double>(size));
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
    app.add_flag("--json", args.json, "Print the figures as JSON");
    CLI11_PARSE(app, argc, argv);

    const fs::path path = temporary_folder();
    const Community community(args.users);
    Figures figures;
    measure_closing(path / "closing", community, args, figures);
    fs::remove_all(path / "closing");
    measure_audit(path / "audit", community, args, figures);
    fs::remove_all(path);
    if (args.json) {
        RowPrinter row(Format::kJsonl, stdout);
        for (const auto& [name, figure] : figures) row.json(name, fmt::format("{:.3f}", figure));
        row.end_row();
        return kExitDone;
    }
    for (const auto& [name, figure] : figures) fmt::print("{:<60} {:>14.3f}\n", name, figure);
    return kExitDone;
}

}  // namespace
}  // namespace upline::bench

int main(int argc, char** argv) {
    return upline::bench::main_of(argc, argv);
}
