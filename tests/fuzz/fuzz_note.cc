// SPDX-License-Identifier: Apache-2.0
// Signed notes, checkpoints, keys and signature lines: what parses has just one form, and nothing is held for signed
// that was not.
#include "ledger/proof/note.h"

#include <algorithm>
#include <array>
#include <string>

#include "ledger/proof/checkpoint.h"
#include "tests/fuzz/fuzz.h"

using namespace upline;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text = fuzz::text_of(data, size);
    if (const auto key = note::parse_verifier_key(text); key.ok())
        UPLINE_CHECK(note::to_line(*key) == text, "a verifier line has one form");
    if (const auto key = note::parse_signing_key(text); key.ok())
        UPLINE_CHECK(note::to_line(*key) == text, "a private key has one form");
    if (const auto signatures = note::parse_signature_lines(text); signatures.ok()) {
        std::string lines;
        for (const note::Signature& signature : *signatures) lines += note::to_line(signature);
        UPLINE_CHECK(lines == text, "signature lines have one form");
    }
    if (const auto checkpoint = parse_checkpoint_text(text); checkpoint.ok()) {
        const std::string plain = checkpoint_text(*checkpoint);
        UPLINE_CHECK(text.starts_with(plain) || std::string(text) + "\n" == plain,
                     "extension lines apart, a checkpoint has one form");
        const auto again = parse_checkpoint_text(plain);
        UPLINE_CHECK(again.ok() && *again == *checkpoint, "a checkpoint says what it was made of");
    }

    const auto parsed = note::parse_note(text);
    UPLINE_CHECK(parsed.ok() || !parse_checkpoint(text).ok(), "a checkpoint is a note");
    if (!parsed.ok()) return 0;
    UPLINE_CHECK(note::to_string(*parsed) == text, "a note has one form");
    const std::array signing{fuzz::log_key(), fuzz::witness_key()};
    const std::array keys{note::verifier_of(signing[0]), note::verifier_of(signing[1])};
    const auto verified = note::verify(*parsed, keys);
    if (!verified.ok()) return 0;
    UPLINE_CHECK(!verified->empty(), "somebody signed it");
    for (const note::Verified& one : *verified) {
        // Ed25519 signs without randomness: there is one signature of a text and key.
        const auto& key = signing.at(static_cast<size_t>(one.key - keys.data()));
        UPLINE_CHECK(std::ranges::count(parsed->signatures, note::sign(parsed->text, key, one.unix_time)) > 0,
                     "nothing is held for signed that was not");
    }
    return 0;
}
