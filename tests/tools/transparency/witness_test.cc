// SPDX-License-Identifier: Apache-2.0
// The witness against everything a log could try: it signs one line of history and nothing else.
#include "tools/transparency/witness.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle_proof.h"
#include "ledger/proof/proof_text.h"
#include "tests/tools/ledgers.h"

namespace upline {
namespace {

note::SigningKey key_of(std::string name, uint8_t seed, note::KeyType type = note::KeyType::kEd25519) {
    note::SigningKey key{std::move(name), type, {}};
    key.seed.fill(static_cast<std::byte>(seed));
    return key;
}

class WitnessTest : public ::testing::Test {
  protected:
    WitnessTest() {
        for (uint64_t i = 0; i <= 40; ++i) {
            roots_.push_back(tree_.root());
            fork_roots_.push_back(fork_.root());
            const std::array<std::byte, 1> leaf{static_cast<std::byte>(i)};
            const std::array<std::byte, 1> other{static_cast<std::byte>(i == 5 ? 200 : i)};
            tree_.append(merkle::leaf_hash(leaf));
            fork_.append(merkle::leaf_hash(other));
        }
        open();
    }
    void open() {
        witness_.reset();
        auto opened = Witness::open(folder_.path() / "state", witness_key_, {note::verifier_of(log_key_)},
                                    [this] { return ++time_; });
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        witness_ = std::move(*opened);
    }
    static std::vector<Hash> proof_in(const merkle::Tree& tree, uint64_t old_size, uint64_t size) {
        if (old_size > size) return {};
        const std::vector<merkle::Tile> tiles = tree.right_edge();  // 41 leaves: one tile
        merkle::Prover prover(size, [&](unsigned, uint64_t) -> Result<merkle::Tile> { return tiles.front(); });
        auto proof = prover.consistency(old_size);
        return proof.ok() ? *proof : std::vector<Hash>{};
    }
    static std::string note_of(const Checkpoint& checkpoint, const note::SigningKey& key) {
        const std::string text = checkpoint_text(checkpoint);
        return note::to_string({text, {note::sign(text, key)}});
    }
    Witness::Answer ask(uint64_t old_size, uint64_t size) {
        return witness_->add_checkpoint(to_string(ConsistencyProof{
            old_size, proof_in(tree_, old_size, size), note_of({log_key_.name, size, roots_[size]}, log_key_)}));
    }
    Witness::Answer ask_fork(uint64_t old_size, uint64_t size) {
        return witness_->add_checkpoint(to_string(ConsistencyProof{
            old_size, proof_in(fork_, old_size, size), note_of({log_key_.name, size, fork_roots_[size]}, log_key_)}));
    }
    void expect_cosigned(const Witness::Answer& answer, uint64_t size) {
        ASSERT_EQ(answer.status, 200) << answer.body;
        const auto lines = note::parse_signature_lines(answer.body);
        ASSERT_TRUE(lines.ok());
        const std::array keys{note::verifier_of(witness_key_)};
        const auto verified = note::verify({checkpoint_text({log_key_.name, size, roots_[size]}), *lines}, keys);
        ASSERT_TRUE(verified.ok()) << verified.error().message;
        EXPECT_EQ(verified->front().unix_time, time_.load());
    }

    TemporaryFolder folder_;
    const note::SigningKey log_key_ = key_of("log.example/0", 1);
    const note::SigningKey witness_key_ = key_of("witness.example", 2, note::KeyType::kCosignature);
    std::atomic<uint64_t> time_ = 1'700'000'000;
    merkle::Tree tree_;
    merkle::Tree fork_;  // another past from leaf 5 on
    std::vector<Hash> roots_;
    std::vector<Hash> fork_roots_;
    std::unique_ptr<Witness> witness_;
};

TEST_F(WitnessTest, CosignsWhatExtendsTheLastAndRemembersItWhenItComesBack) {
    expect_cosigned(ask(0, 3), 3);
    expect_cosigned(ask(3, 3), 3);
    expect_cosigned(ask(3, 17), 17);
    open();
    expect_cosigned(ask(17, 40), 40);
}

TEST_F(WitnessTest, NeverSignsATreeThatIsNoExtension) {
    expect_cosigned(ask(0, 10), 10);
    EXPECT_EQ(ask_fork(10, 20).status, 422);
    EXPECT_EQ(ask_fork(10, 10).status, 409) << "another root of the same size";
    EXPECT_EQ(ask_fork(0, 20).status, 409) << "from nothing, as if nothing had been signed";
    EXPECT_EQ(ask_fork(3, 20).status, 409) << "from where both pasts were one";
    // The right new tree with the wrong proof, the wrong tree with the right proof.
    std::string body =
        to_string(ConsistencyProof{10, proof_in(fork_, 10, 20), note_of({log_key_.name, 20, roots_[20]}, log_key_)});
    EXPECT_EQ(witness_->add_checkpoint(body).status, 422);
    body = to_string(
        ConsistencyProof{10, proof_in(tree_, 10, 20), note_of({log_key_.name, 20, fork_roots_[20]}, log_key_)});
    EXPECT_EQ(witness_->add_checkpoint(body).status, 422);
    body = to_string(ConsistencyProof{10, {}, note_of({log_key_.name, 20, roots_[20]}, log_key_)});
    EXPECT_EQ(witness_->add_checkpoint(body).status, 422);
    // And not a smaller one again.
    EXPECT_EQ(ask(10, 9).status, 400);
    EXPECT_EQ(ask(9, 9).status, 409);
    open();
    EXPECT_EQ(ask_fork(10, 20).status, 422) << "also after it came back";
    expect_cosigned(ask(10, 20), 20);
}

TEST_F(WitnessTest, SaysWhereItStandsWhenAskedFromElsewhere) {
    const Witness::Answer nothing = ask(2, 4);
    EXPECT_EQ(nothing.status, 409);
    EXPECT_EQ(nothing.body, "0\n");
    EXPECT_STREQ(nothing.content_type, "text/x.tlog.size");
    expect_cosigned(ask(0, 4), 4);
    const Witness::Answer answer = ask(0, 8);
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer.body, "4\n");
}

TEST_F(WitnessTest, KnowsWhoMaySpeakForALog) {
    const auto with = [&](const std::string& origin, const note::SigningKey& key) {
        return witness_->add_checkpoint(to_string(ConsistencyProof{0, {}, note_of({origin, 3, roots_[3]}, key)}))
            .status;
    };
    EXPECT_EQ(with("other.example/0", key_of("other.example/0", 1)), 404);
    EXPECT_EQ(with("log.example/1", log_key_), 404) << "another partition's log";
    EXPECT_EQ(with("log.example/0", key_of("log.example/0", 7)), 403);
    EXPECT_EQ(with("log.example/0", witness_key_), 403);
    std::string note = note_of({"log.example/0", 3, roots_[3]}, log_key_);
    note.replace(note.find("\n3\n"), 3, "\n4\n");
    EXPECT_EQ(witness_->add_checkpoint(to_string(ConsistencyProof{0, {}, note})).status, 403);
    EXPECT_EQ(with("log.example/0", log_key_), 200);
}

TEST_F(WitnessTest, TakesNothingThatIsNoRequest) {
    const std::string good = to_string(ConsistencyProof{0, {}, note_of({log_key_.name, 3, roots_[3]}, log_key_)});
    for (size_t size = 0; size < good.size(); ++size)
        EXPECT_NE(witness_->add_checkpoint(good.substr(0, size)).status, 200) << size;
    for (const char* body : {"", "old 0", "old 0\n", "old 0\n\n", "old 01\n\nx", "new 0\n\nx\n", "old -1\n\nx"})
        EXPECT_EQ(witness_->add_checkpoint(body).status, 400) << body;
    EXPECT_EQ(witness_->add_checkpoint(std::string(2 << 20, 'x')).status, 400);
    EXPECT_EQ(witness_->add_checkpoint(good).status, 200);
}

TEST_F(WitnessTest, OfManyRequestsAtOnceSignsOneLineOfHistory) {
    expect_cosigned(ask(0, 10), 10);
    std::atomic<int> cosigned = 0;
    std::vector<std::thread> threads;
    for (uint64_t i = 0; i < 16; ++i)
        threads.emplace_back([&, i] { cosigned += ask(10, 11 + i).status == 200 ? 1 : 0; });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(cosigned, 1);
}

TEST_F(WitnessTest, DoesNotStartTwiceOverOneFolderNorOverADamagedOne) {
    const auto second = Witness::open(folder_.path() / "state", witness_key_, {}, [] { return uint64_t{0}; });
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    expect_cosigned(ask(0, 10), 10);
    for (const auto& file : std::filesystem::directory_iterator(folder_.path() / "state"))
        if (file.path().filename() != "LOCK") write_file(file.path(), "damaged");
    EXPECT_EQ(ask(0, 10).status, 500) << "it must not think that it has signed nothing";
    EXPECT_EQ(ask(10, 20).status, 500);
}

}  // namespace
}  // namespace upline
