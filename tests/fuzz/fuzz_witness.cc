// SPDX-License-Identifier: Apache-2.0
// Requests to a witness: it cosigns nothing that the log has not signed, and of a log never two pasts, even if it is
// the log that asks for it.
#include "events/base/bytes.h"
#include "tools/transparency/witness.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <system_error>

#include "ledger/proof/checkpoint.h"
#include "ledger/proof/merkle.h"
#include "ledger/proof/proof_text.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

namespace {

constexpr uint64_t kTime = 1'700'000'000;

// A witness in a folder of its own, in which it has seen no log yet.
class Fresh {
  public:
    Fresh() : folder_(std::filesystem::temp_directory_path() / ("upline-fuzz-witness." + std::to_string(::getpid()))) {
        auto witness =
            Witness::open(folder_, fuzz::witness_key(), {note::verifier_of(fuzz::log_key())}, [] { return kTime; });
        UPLINE_CHECK(witness.ok(), "a witness in the folder for temporary files");
        witness_ = std::move(*witness);
    }
    ~Fresh() {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    Fresh(const Fresh&) = delete;
    Fresh& operator=(const Fresh&) = delete;
    Witness& witness() {
        std::error_code ignored;
        const std::string origin = fuzz::log_key().name;
        std::filesystem::remove(folder_ / to_hex(sha256(std::as_bytes(std::span(origin)))), ignored);
        return *witness_;
    }

  private:
    std::filesystem::path folder_;
    std::unique_ptr<Witness> witness_;
};

Witness::Answer ask(Witness& witness, std::string_view request) {
    constexpr std::array kAnswers = {200, 400, 403, 404, 409, 422};
    Witness::Answer answer = witness.add_checkpoint(request);
    UPLINE_CHECK(std::ranges::count(kAnswers, answer.status) == 1, "an answer of the specification");
    UPLINE_CHECK(answer.body.ends_with('\n'), "an answer of lines");
    if (answer.status != 200) return answer;

    const auto proof = parse_consistency_proof(request);
    UPLINE_CHECK(proof.ok(), "a request that was granted is one");
    const auto signed_one = parse_checkpoint(proof->checkpoint);
    UPLINE_CHECK(signed_one.ok(), "a request that was granted is of a checkpoint");
    const note::Note& asked = signed_one->note;
    UPLINE_CHECK(std::ranges::count(asked.signatures, note::sign(asked.text, fuzz::log_key())) > 0,
                 "nothing is cosigned that the log has not signed");
    UPLINE_CHECK(answer.body == note::to_line(note::sign(asked.text, fuzz::witness_key(), kTime)),
                 "the answer is the cosignature of just that text");
    return answer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Fresh fresh;
    const std::string_view request = fuzz::text_of(data, size);
    ask(fresh.witness(), request);

    // The same as a log that signs anything would ask it: first of a witness that knows nothing, then with the proof.
    auto proof = parse_consistency_proof(request);
    if (!proof.ok()) return 0;
    auto parsed = parse_checkpoint(proof->checkpoint);
    if (!parsed.ok()) return 0;
    Checkpoint checkpoint = parsed->checkpoint;
    checkpoint.origin = fuzz::log_key().name;
    const auto signed_request = [](uint64_t old_size, const std::vector<Hash>& hashes, const Checkpoint& of) {
        const std::string text = checkpoint_text(of);
        return to_string(
            ConsistencyProof{old_size, hashes, note::to_string({text, {note::sign(text, fuzz::log_key())}})});
    };
    Witness& witness = fresh.witness();
    // Of the size that the proof begins with, it knows a root that the proof's first hash is.
    Checkpoint first{checkpoint.origin, proof->old_size, proof->hashes.empty() ? Hash{} : proof->hashes.front()};
    if (first.size == 0) first.root = merkle::empty_root();
    const bool knows = ask(witness, signed_request(0, {}, first)).status == 200;
    const Witness::Answer answer = ask(witness, signed_request(proof->old_size, proof->hashes, checkpoint));
    UPLINE_CHECK(knows, "of a new log any checkpoint is cosigned");
    if (answer.status != 200) return 0;
    Checkpoint other = checkpoint;
    other.root[0] ^= std::byte{1};
    UPLINE_CHECK(ask(witness, signed_request(checkpoint.size, {}, other)).status != 200 &&
                     ask(witness, signed_request(proof->old_size, proof->hashes, other)).status != 200,
                 "never two roots of one size");
    return 0;
}
